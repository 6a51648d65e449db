/** Which steps an expression reads. */
import type { Expression } from '../expression/index.ts';

/** What can be read of a step: `steps.<id>.<field>`. */
export const STEP_FIELDS: readonly string[] = ['status', 'output', 'branch', 'error', 'attempts', 'cost'];

export interface StepReference {
  /** Undefined when the step is computed (`steps[data.x]`), which is refused. */
  readonly step: string | undefined;
  readonly field: string | undefined;
  readonly at: number;
}

/** Every place where the expression reads `steps`. */
export function stepReferences(expression: Expression): readonly StepReference[] {
  const found: StepReference[] = [];
  collect(expression, [], found);
  return found;
}

/** `path` holds the constant members asked of this expression, nearest first; undefined for a computed one. */
function collect(expression: Expression, path: readonly (string | undefined)[], found: StepReference[]): void {
  switch (expression.kind) {
    case 'literal':
      return;
    case 'root':
      if (expression.name === 'steps') found.push({ step: path[0], field: path[1], at: expression.at });
      return;
    case 'member':
      collect(expression.of, [expression.key, ...path], found);
      return;
    case 'index': {
      const { key } = expression;
      collect(
        expression.of,
        [key.kind === 'literal' && typeof key.value === 'string' ? key.value : undefined, ...path],
        found,
      );
      collect(key, [], found);
      return;
    }
    case 'list':
      for (const item of expression.items) collect(item, [], found);
      return;
    case 'call':
      for (const arg of expression.args) collect(arg, [], found);
      return;
    case 'unary':
      collect(expression.of, [], found);
      return;
    case 'binary':
      collect(expression.left, [], found);
      collect(expression.right, [], found);
      return;
    case 'choice':
      for (const part of [expression.test, expression.yes, expression.no]) collect(part, [], found);
      return;
    default:
      expression satisfies never;
  }
}
