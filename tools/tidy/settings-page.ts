/** The settings that the source declares, as the page that lists them. */

export interface DeclaredSetting {
  readonly name: string;
  readonly fallback: string;
  readonly bounds: string;
  readonly effect: string;
  readonly secret?: string;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** docs/reference/settings.md as it must read. */
export function settingsPage(settings: readonly DeclaredSetting[]): string {
  const rows = settings.map(
    ({ name, fallback, bounds, effect, secret }) =>
      `| \`${name}\` | ${cell(fallback)} | ${cell(bounds)}${secret === undefined ? '' : '; secret'} | ${cell(effect)} |`,
  );
  return [
    '# Settings',
    '',
    'Made by `node tools/reference.ts` from `apps/server/src/config`; a check keeps both equal.',
    'Settings are environment variables, read once at start. A value out of bounds or a misspelt `GUILDHALL_` name stops the start, and every fault is named at once.',
    'An empty value counts as unset.',
    'A setting marked `secret` may also lie in a file (`NAME_FILE`), in Vault or in AWS Secrets Manager: [Secrets](../access/secrets.md).',
    '',
    '| setting | default | allowed | effect |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
