/** Signed addresses of artifacts: whoever holds one may download, for a while, without a key. */
import type { RunsDeps } from './deps.ts';
import type { ArtifactRow } from './types.ts';

// Long enough to pass on to a person, short enough not to become a public address.
const LINK_MS = 24 * 3_600_000;

export type ArtifactLink = { readonly orgId: string; readonly artifactId: string };

export function createLinks(deps: RunsDeps): {
  to(artifact: ArtifactRow): string;
  open(token: string): ArtifactLink | undefined;
} {
  return {
    to: (artifact) => {
      const token = deps.links.sign([artifact.org_id, artifact.id], new Date(deps.clock.now().getTime() + LINK_MS));
      return `${deps.settings.publicUrl()}/v1/artifacts/${artifact.id}/content?token=${token}`;
    },
    open: (token) => {
      const verdict = deps.links.verify(token);
      if (!verdict.ok) return undefined;
      // Signed by `to` above, so it is this pair.
      const [orgId, artifactId] = verdict.payload as [string, string];
      return { orgId, artifactId };
    },
  };
}
