/** The rights of roles, as the table that people read. */

const [BEGIN, END] = ['<!-- roles: made by node tools/reference.ts -->', '<!-- end of roles -->'];

/** A row for each scope but `operator`, which is no part of an organisation; a column for each role. */
export function rolesTable(roles: Readonly<Record<string, readonly string[]>>, scopes: readonly string[]): string {
  const names = Object.keys(roles);
  const rows = scopes
    .filter((scope) => scope !== 'operator')
    .map((scope) => `| \`${scope}\` | ${names.map((name) => (roles[name]?.includes(scope) ? '✓' : '')).join(' | ')} |`);
  return [
    '| scope |',
    ` ${names.join(' | ')} |\n| --- |`,
    ` ${names.map(() => '---').join(' | ')} |\n`,
    rows.join('\n'),
  ].join('');
}

/** The page with the table of now between its marks. */
export function withRoles(page: string, table: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error('the page has no place for the table of roles');
  return `${page.slice(0, from)}${BEGIN}\n\n${table}\n\n${page.slice(to)}`;
}
