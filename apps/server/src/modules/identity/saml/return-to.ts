/** Where somebody goes on after signing in. */

/** A path of this installation; the first page for everything else, so that nobody is sent to another site by a link of ours. */
export function localPath(wanted: string): string {
  const base = 'https://here.invalid';
  if (!wanted.startsWith('/') || !URL.canParse(wanted, base)) return '/';
  const url = new URL(wanted, base);
  return url.origin === base ? `${url.pathname}${url.search}${url.hash}` : '/';
}
