/** Where a secret lies when it does not stand in a setting itself. */

export type Reference =
  | { readonly store: 'file'; readonly path: string }
  /** `path` as `vault kv get` takes it: the name of the mount, then the path within. */
  | { readonly store: 'vault'; readonly path: string; readonly field: string }
  /** Name or ARN; without a field the whole text of the secret is meant. */
  | { readonly store: 'aws'; readonly path: string; readonly field: string | undefined };

export type Store = Reference['store'];

const PREFIX = /^(file|vault|aws):([\s\S]+)$/;
// A mount and at least one name below it; what a URL would take for something else is refused rather than escaped.
const VAULT_PATH = /^[\w.-]+(?:\/[\w. -]+)+$/;
const AWS_NAME = /^[\w/+=.@:!-]{1,2048}$/;
const FIELD = /^[\w. -]{1,255}$/;

/** A text that says where the secret lies but not in a way that can be followed. */
export class MalformedReference extends Error {}

/** Undefined where the text is the secret itself. @throws MalformedReference */
export function parseReference(text: string): Reference | undefined {
  const [, store, rest = ''] = PREFIX.exec(text.trim()) ?? [];
  if (store === undefined) return undefined;
  if (store === 'file') return { store, path: rest };
  const cut = rest.lastIndexOf('#');
  const path = cut === -1 ? rest : rest.slice(0, cut);
  const field = cut === -1 ? undefined : rest.slice(cut + 1);
  if (field !== undefined && !FIELD.test(field)) throw new MalformedReference('the field after # is not a name');
  if (store === 'aws') {
    if (!AWS_NAME.test(path)) throw new MalformedReference('must be aws:NAME or aws:NAME#FIELD');
    return { store, path, field };
  }
  if (field === undefined || !VAULT_PATH.test(path) || path.split('/').includes('..'))
    throw new MalformedReference('must be vault:MOUNT/PATH#FIELD');
  return { store: 'vault', path, field };
}
