/** Where a value fits none of several forms: says what is wrong with the one it comes closest to, instead of only "invalid". */
import { z } from 'zod';

type Issue = z.core.$ZodIssue;
type UnionIssue = z.core.$ZodIssueInvalidUnion;

/** The same error with its unions unfolded, so that each fault stands where the reader must change something. */
export function unfolded(error: z.ZodError): z.ZodError {
  return new z.ZodError(error.issues.flatMap(unfold));
}

function unfold(issue: Issue): Issue[] {
  if (issue.code === 'invalid_union') return unfoldUnion(issue);
  if (issue.code !== 'invalid_key') return [issue];
  const [reason] = issue.issues;
  return [{ ...issue, message: reason ? `${issue.message}: ${reason.message}` : issue.message }];
}

function unfoldUnion(issue: UnionIssue): Issue[] {
  const forms = issue.errors.map((form) => form.flatMap(unfold));
  const fewest = Math.min(...forms.map(distance));
  const closest = forms.filter((form) => distance(form) === fewest);
  const [form] = closest;
  // A discriminated union without a match brings no forms, but a message of its own.
  if (!form) return [issue];
  if (closest.length === 1) return form.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
  return [{ ...issue, message: `fits none of its forms: ${[...new Set(closest.map(firstReason))].join('; or ')}` }];
}

/** How many members would have to change. A value of another type altogether is further away than any object with faults. */
function distance(form: readonly Issue[]): number {
  return form.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : weight(issue)), 0);
}

const OTHER_TYPE = 1_000;
const weight = (issue: Issue): number => (issue.path.length === 0 ? OTHER_TYPE : 1);

function firstReason([issue]: readonly Issue[]): string {
  if (!issue) return '';
  return issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`;
}
