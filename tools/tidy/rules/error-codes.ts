/** The codes in the source and the codes in the reference are the same. */
import { declaredCodes, errorsPage } from '../error-codes.ts';
import type { Finding, Rule } from '../types.ts';

const PAGE = 'docs/reference/errors.md';
const CODE = /^[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*$/;

function rowsOf(page: string): ReadonlyMap<string, string> {
  return new Map([...page.matchAll(/^\| `([^`]+)` \|.*$/gm)].map((match) => [match[1] ?? '', match[0]]));
}

/** Codes that are misplaced, ill-formed, doubled, undocumented, or documented but gone. */
export const errorCodes: Rule = (files) => {
  const codes = declaredCodes(files);
  const wanted = rowsOf(errorsPage(codes));
  const written = rowsOf(files.find((file) => file.path === PAGE)?.text ?? '');
  const found: Finding[] = [];
  codes.forEach((declared, index) => {
    const at = (message: string): number =>
      found.push({ path: declared.path, line: declared.line, message: `${declared.code} ${message}` });
    if (!declared.path.endsWith('/errors.ts')) at('is declared outside an errors.ts');
    if (!CODE.test(declared.code) || !Number.isInteger(declared.status))
      at('is not `area.reason` with a status, all literals');
    if (codes[index - 1]?.code === declared.code) at(`is declared twice, also in ${codes[index - 1]?.path}`);
    if (!written.has(declared.code)) at(`does not stand in ${PAGE}: run node tools/reference.ts`);
    else if (written.get(declared.code) !== wanted.get(declared.code))
      at(`reads otherwise in ${PAGE}: run node tools/reference.ts`);
  });
  for (const code of written.keys()) {
    if (!wanted.has(code))
      found.push({ path: PAGE, line: 0, message: `${code} is declared nowhere: run node tools/reference.ts` });
  }
  return found;
};
