/** The templates of a step, read once: what it takes from earlier steps. */
import { readExpression, readTemplate, type Template, type TemplateReading } from '../expression/index.ts';
import { asJson, type CompensationInput, type StepInput } from './schema.ts';

/** The templates of one step or compensation, by the name of the field they fill. */
export type Templates = ReadonlyMap<string, Template>;

/** A template under its field, with what reading it found. */
export interface NamedReading {
  readonly name: string;
  readonly reading: TemplateReading;
}

/** Reads every template of the step itself (not of its compensations), found at `path` of the input. */
export function readStep(step: StepInput | CompensationInput, path: string): readonly NamedReading[] {
  const one = (name: string, value: unknown): NamedReading => ({
    name,
    reading: readTemplate(asJson(value), `${path}/${name}`),
  });
  switch (step.kind) {
    case 'agent':
      return [one('input', step.input)];
    case 'http':
      return [
        one('url', step.url),
        one('headers', step.headers ?? {}),
        ...(step.body === undefined ? [] : [one('body', step.body)]),
      ];
    case 'transform':
      return [one('value', step.value)];
    case 'condition':
      return step.branches.map((branch, index) => ({
        name: branch.name,
        reading: readExpression(branch.when, `${path}/branches/${index}/when`),
      }));
    case 'wait':
      return [
        ...(step.durationMs === undefined ? [] : [one('durationMs', step.durationMs)]),
        ...(step.until === undefined ? [] : [one('until', step.until)]),
      ];
    case 'approval':
      return [one('request', step.request), ...(step.details === undefined ? [] : [one('details', step.details)])];
    default:
      return step satisfies never;
  }
}

/** Keeps the templates by name. */
export function templatesOf(readings: readonly NamedReading[]): Templates {
  return new Map(readings.map(({ name, reading }) => [name, reading.template]));
}
