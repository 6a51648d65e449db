/** The door of the expression language. */
export { assertBounded, isBounded } from './budget.ts';
export { type Scope, truth } from './evaluate.ts';
export type { Expression } from './syntax.ts';
export {
  fillTemplate,
  literalOf,
  readExpression,
  readTemplate,
  type Template,
  type TemplateReading,
} from './template.ts';
