/** Holds the result against the target schema. */
import { AgentError, type FieldError } from '@guildhall/agent-sdk';
import type { Flow } from '../child/flow.ts';
import type { Job } from '../child/job.ts';
import type { Kind } from '../columns.ts';
import { literal } from '../columns.ts';
import { listed } from '../expression/compile.ts';
import type { Step } from '../input/steps.ts';
import { type CheckedColumn, checked } from '../typing/checked.ts';
import { casts } from '../typing/wanted.ts';
import { checksOf, kindWanted } from './checks.ts';
import { pointer, type RecordSchema } from './record-schema.ts';

/**
 * The kinds that columns of the first source should be read as, so that steps can already work with the types of the target.
 * A column is followed through steps that leave its values alone; one that is taken apart or computed anew is not.
 */
export function hintsFrom(schema: RecordSchema, steps: readonly Step[]): ReadonlyMap<string, Kind> {
  const origin = new Map<string, string>();
  const dead = new Set<string>();
  const from = (name: string): string => origin.get(name) ?? name;
  for (const step of steps) {
    if (step.step === 'rename') {
      const moved = Object.entries(step.columns).map(([old, name]) => [name, from(old)] as const);
      for (const old of Object.keys(step.columns)) origin.set(old, '');
      for (const [name, source] of moved) origin.set(name, source);
    }
    if (step.step === 'cast' || step.step === 'derive' || step.step === 'aggregate')
      for (const name of Object.keys(step.columns)) origin.set(name, '');
    if (step.step === 'split') {
      dead.add(from(step.column));
      for (const name of step.into) origin.set(name, '');
    }
    if (step.step === 'cast') for (const name of Object.keys(step.columns)) dead.add(name);
    if (step.step === 'pivot') break;
  }
  const hints = new Map<string, Kind>();
  for (const rule of schema.columns) {
    const kind = kindWanted(rule);
    const source = from(rule.name);
    if (kind !== undefined && source !== '' && !dead.has(source)) hints.set(source, kind);
  }
  return hints;
}

/** @throws AgentError when columns are missing or too many, or a pattern is none for the engine. */
export async function enforce(job: Job, flow: Flow, schema: RecordSchema, source: string): Promise<Flow> {
  assertColumns(flow, schema);
  await assertPatterns(job, schema);
  const { columns } = flow;
  const wanted = schema.columns.flatMap((rule) => {
    const kind = kindWanted(rule);
    return kind === undefined ? [] : [{ name: rule.name, kind, arabicDigits: true }];
  });
  const cast = new Map((await casts(job.engine, flow.relation, columns, wanted)).map((one) => [one.column.name, one]));
  const rules = new Map(schema.columns.map((rule) => [rule.name, rule]));
  const all = columns.map((column): CheckedColumn => {
    const rule = rules.get(column.name);
    const made = cast.get(column.name) ?? { column, checks: [], required: false };
    if (rule === undefined) return made;
    const kind = made.value === undefined ? column.kind : (kindWanted(rule) ?? column.kind);
    return { ...made, checks: [...made.checks, ...checksOf(rule, kind)], required: !rule.nullable };
  });
  return checked(job, flow, all, source);
}

function assertColumns(flow: Flow, schema: RecordSchema): void {
  const there = new Set(flow.columns.map((column) => column.name));
  const faults: FieldError[] = schema.columns
    .filter((rule) => rule.required && !there.has(rule.name))
    .map((rule) => ({
      path: `/schema/properties/${pointer(rule.name)}`,
      message: `the result has no column ${JSON.stringify(rule.name)}; there are ${listed([...there])}`,
    }));
  if (!schema.additional) {
    const known = new Set(schema.columns.map((rule) => rule.name));
    for (const name of there)
      if (!known.has(name))
        faults.push({
          path: '/schema/additionalProperties',
          message: `the result has the column ${JSON.stringify(name)}, which the schema does not allow`,
        });
  }
  if (faults.length > 0)
    throw new AgentError(
      'schema-mismatch',
      `The result does not have the columns of the schema: ${faults[0]?.message}.`,
      { advice: 'Add a rename, derive or select step, or correct the schema.', errors: faults.slice(0, 50) },
    );
}

/** A pattern may be fine elsewhere and not in RE2; better to know before a million rows. */
async function assertPatterns(job: Job, schema: RecordSchema): Promise<void> {
  for (const { name, pattern } of schema.columns) {
    if (pattern === undefined) continue;
    await job.engine.run(`SELECT regexp_matches('', ${literal(pattern)})`).catch((error: unknown) => {
      const why = error instanceof Error ? error.message.replace(/^Invalid Input Error: /, '') : 'not a pattern';
      throw new AgentError(
        'schema-pattern',
        `The pattern of ${JSON.stringify(name)} is not supported: ${why.slice(0, 200)}.`,
        {
          advice: 'Use RE2 syntax, without lookaround and references back.',
          errors: [{ path: `/schema/properties/${pointer(name)}/pattern`, message: why.slice(0, 200) }],
        },
      );
    });
  }
}
