/** What the stores of secrets share. */

/** Why a secret could not be read, in words for the operator. Never holds a value. */
export class SecretFault extends Error {}

/** One document of a store: its fields by name, or, where it has none, its text. */
export type SecretDocument =
  | { readonly kind: 'fields'; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'text'; readonly text: string };

/** A place that keeps secrets. @throws SecretFault */
export type ReadDocument = (path: string) => Promise<SecretDocument>;

// A store that takes longer holds up every start.
export const ASK_MS = 10_000;
// The largest that AWS keeps; ours are keys and addresses.
export const DOCUMENT_MAX_BYTES = 65_536;

/** The fields of a text that is a JSON object, else the text. */
export function fieldsOf(text: string): SecretDocument {
  try {
    const parsed: unknown = JSON.parse(text);
    // Every object has members by name; what they hold is looked at where one is taken.
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return { kind: 'fields', fields: parsed as Record<string, unknown> };
  } catch {
    // No JSON: then it is the secret as it is.
  }
  return { kind: 'text', text };
}
