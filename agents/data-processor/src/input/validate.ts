/** What can be known to be wrong before a run begins and money is held. */
import type { FieldError } from '@guildhall/agent-sdk';
import { RESERVED_PREFIX } from '../columns.ts';
import { parseExpression } from '../expression/parse.ts';
import { ExpressionError } from '../expression/syntax.ts';
import { pointer, readSchema } from '../rules/record-schema.ts';
import { outputsOf, type Request, type Source, sourceName } from './request.ts';
import type { Step } from './steps.ts';

/** Every fault found; empty when the request can be tried. */
export function validateRequest(request: Request): readonly FieldError[] {
  const names = request.sources.map(sourceName);
  return [
    ...request.sources.flatMap((source, index) => sourceFaults(source, `/sources/${index}`)),
    ...repeated(names).map((index) => ({
      path: `/sources/${index}/name`,
      message: `two sources are called ${JSON.stringify(names[index])}; give each its own name`,
    })),
    ...(request.schema === 'infer' ? [] : readSchema(request.schema).faults),
    ...request.steps.flatMap((step, index) => stepFaults(step, names, `/steps/${index}`)),
    ...outputFaults(request),
  ];
}

function sourceFaults(source: Source, path: string): readonly FieldError[] {
  const faults: FieldError[] = [];
  const given = [source.file, source.data, source.records].filter((value) => value !== undefined).length;
  if (given !== 1) faults.push({ path, message: 'give exactly one of file, data and records' });
  if (source.data !== undefined && (source.format === 'xlsx' || source.format === 'parquet')) {
    faults.push({ path: `${path}/format`, message: `${source.format} is binary: upload it and give its file id` });
  }
  if (source.records !== undefined && source.format !== undefined)
    faults.push({ path: `${path}/format`, message: 'records have no format; leave it out' });
  if (source.data !== undefined && source.encoding !== undefined)
    faults.push({ path: `${path}/encoding`, message: 'inline text has no encoding; leave it out' });
  const names = source.columns ?? [];
  for (const index of repeated(names.map((name) => name.toLowerCase())))
    faults.push({
      path: `${path}/columns/${index}`,
      message: `the name ${JSON.stringify(names[index])} is there twice`,
    });
  for (const [index, name] of names.entries()) faults.push(...reserved(name, `${path}/columns/${index}`));
  return faults;
}

function stepFaults(step: Step, sources: readonly string[], path: string): readonly FieldError[] {
  switch (step.step) {
    case 'rename': {
      const targets = Object.values(step.columns);
      const twice = repeated(targets.map((name) => name.toLowerCase())).map((index) => ({
        path: `${path}/columns`,
        message: `two columns would be called ${JSON.stringify(targets[index])}`,
      }));
      return [...twice, ...targets.flatMap((name) => reserved(name, `${path}/columns`))];
    }
    case 'filter':
      return expressionFaults(step.where, `${path}/where`);
    case 'derive':
      return Object.entries(step.columns).flatMap(([name, text]) => [
        ...reserved(name, `${path}/columns`),
        ...expressionFaults(text, `${path}/columns/${pointer(name)}`),
      ]);
    case 'split':
    case 'select': {
      const names = step.step === 'split' ? step.into : step.columns;
      const key = step.step === 'split' ? 'into' : 'columns';
      return [
        ...repeated(names.map((name) => name.toLowerCase())).map((index) => ({
          path: `${path}/${key}/${index}`,
          message: `the name ${JSON.stringify(names[index])} is there twice`,
        })),
        ...names.flatMap((name) => reserved(name, `${path}/${key}`)),
      ];
    }
    case 'aggregate':
      return [
        ...(Object.keys(step.columns).length === 0 && step.by.length === 0
          ? [{ path, message: 'name columns to compute or columns to group by' }]
          : []),
        ...Object.entries(step.columns).flatMap(([name, measure]) => [
          ...reserved(name, `${path}/columns`),
          ...(step.by.includes(name)
            ? [
                {
                  path: `${path}/columns/${pointer(name)}`,
                  message: 'is also a column to group by; choose another name',
                },
              ]
            : []),
          ...(measure.of === undefined && measure.fn !== 'count'
            ? [{ path: `${path}/columns/${pointer(name)}/of`, message: `${measure.fn} needs a column` }]
            : []),
        ]),
      ];
    case 'join':
      return joinFaults(step.with, sources, path);
    case 'pivot':
      return step.values.of === undefined && step.values.fn !== 'count'
        ? [{ path: `${path}/values/of`, message: `${step.values.fn} needs a column` }]
        : [];
    default:
      return [];
  }
}

function joinFaults(other: string, sources: readonly string[], path: string): readonly FieldError[] {
  if (other === sources[0])
    return [{ path: `${path}/with`, message: 'this source is the one being worked on; name another' }];
  if (sources.includes(other)) return [];
  const others = sources
    .slice(1)
    .map((name) => JSON.stringify(name))
    .join(', ');
  return [
    {
      path: `${path}/with`,
      message: `there is no source ${JSON.stringify(other)}; ${others === '' ? 'add a second source with that name' : `there are ${others}`}`,
    },
  ];
}

function outputFaults(request: Request): readonly FieldError[] {
  const names = outputsOf(request).map((output) => output.name.toLowerCase());
  const ours = `rejects.${request.rejects.format}`;
  return [
    ...repeated(names).map((index) => ({
      path: `/outputs/${index}`,
      message: `two files would be called ${JSON.stringify(names[index])}; give each its own name`,
    })),
    ...names.flatMap((name, index) =>
      name === ours
        ? [{ path: `/outputs/${index}/name`, message: `${ours} is the report of rejected rows; choose another name` }]
        : [],
    ),
  ];
}

function expressionFaults(text: string, path: string): readonly FieldError[] {
  try {
    parseExpression(text);
    return [];
  } catch (error) {
    if (error instanceof ExpressionError) return [{ path, message: error.message }];
    throw error;
  }
}

function reserved(name: string, path: string): readonly FieldError[] {
  return name.startsWith(RESERVED_PREFIX)
    ? [{ path, message: `names that begin with ${RESERVED_PREFIX} are kept for the processor itself` }]
    : [];
}

/** The places where a value comes for the second time. */
function repeated(values: readonly string[]): readonly number[] {
  return values.flatMap((value, index) => (values.indexOf(value) < index ? [index] : []));
}
