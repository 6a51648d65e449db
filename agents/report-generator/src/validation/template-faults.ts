/** Templates that cannot be parsed, and sections that name nothing. */
import type { FieldError } from '@guildhall/agent-sdk';
import type { ReportInput } from '../input/schema.ts';
import type { Section } from '../input/template.ts';
import { syntaxFault } from '../prose/liquid.ts';

export function templateFaults(input: ReportInput): FieldError[] {
  const faults: FieldError[] = [];
  if (input.introduction !== undefined) {
    const fault = syntaxFault(input.introduction);
    if (fault !== undefined) faults.push({ path: '/introduction/body', message: `Template: ${fault}.` });
  }
  if (typeof input.template === 'string') return faults;
  if (input.introduction !== undefined)
    faults.push({ path: '/introduction', message: 'An own template has text sections instead of an introduction.' });
  const sections = input.template.sections.flatMap((section, index) =>
    sectionFaults(section, `/template/sections/${index}`, input),
  );
  return [...faults, ...sections];
}

function sectionFaults(section: Section, path: string, input: ReportInput): FieldError[] {
  if (section.kind === 'page-break') return [];
  if (section.kind === 'text') {
    const fault = syntaxFault(section);
    return fault === undefined ? [] : [{ path: `${path}/body`, message: `Template: ${fault}.` }];
  }
  const items = input[section.kind] ?? [];
  if (items.length === 0)
    return [
      {
        path,
        message: `The section shows ${section.kind}, but the input has none: list them under "${section.kind}".`,
      },
    ];
  const ids = new Set(items.map((item, index) => item.id ?? `${section.kind.slice(0, -1)}-${index + 1}`));
  return (section.ids ?? []).flatMap((id, index): FieldError[] =>
    ids.has(id) ? [] : [{ path: `${path}/ids/${index}`, message: `There is no "${id}" among the ${section.kind}.` }],
  );
}
