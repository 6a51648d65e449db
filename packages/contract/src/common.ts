/** What every part of the public interface shares: money, instants, pages, scopes, problems. */
import { z } from 'zod';

/** Money as the interface writes it: a whole number of 10⁻⁹ USD in a string, because JSON numbers are floats. */
export const money = z
  .strictObject({
    // Aborts, because what follows reads the number.
    nanos: z.string().regex(/^-?\d{1,19}$/, { abort: true }),
    currency: z.literal('USD'),
  })
  .meta({ id: 'Money' });
export type Money = z.infer<typeof money>;

export const toMoney = (nanos: bigint): Money => ({ nanos: nanos.toString(), currency: 'USD' });
export const fromMoney = (value: Money): bigint => BigInt(value.nanos);

const DOLLAR_NANOS = 1_000_000_000n;

/** `$0.0475`: every digit that is there, at least two after the point. */
export function formatNanos(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = (size % DOLLAR_NANOS).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}$${size / DOLLAR_NANOS}.${fraction.padEnd(2, '0')}`;
}

/** ISO 8601, UTC, milliseconds. */
export const instant = z.iso.datetime({ precision: 3 });

export const SCOPES = [
  'agents:read',
  'runs:read',
  'runs:write',
  'files:read',
  'files:write',
  'billing:read',
  'billing:write',
  'keys:read',
  'keys:write',
  'webhooks:read',
  'webhooks:write',
  'models:use',
  'providers:read',
  'providers:write',
  'members:read',
  'members:write',
  'organisation:write',
  'audit:read',
  'sso:read',
  'sso:write',
  'operator',
] as const;
export const scope = z.enum(SCOPES);
export type Scope = z.infer<typeof scope>;

export const mode = z.enum(['live', 'test']);
export type Mode = z.infer<typeof mode>;

export const fieldError = z.object({ path: z.string(), message: z.string() });

/** RFC 9457. `charged` says whether money moved. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    detail: z.string(),
    errors: z.array(fieldError),
    requestId: z.string(),
    charged: money,
    required: money.optional(),
    available: money.optional(),
    /** The hard budget that refused, whose spending it counts, and over which time. */
    budgetId: z.string().optional(),
    budgetScope: z.object({ type: z.enum(['organisation', 'member', 'key', 'agent']), id: z.string() }).optional(),
    budgetPeriod: z.enum(['day', 'month', 'total']).optional(),
    resetsAt: instant.nullable().optional(),
    retryAfterSeconds: z.number().int().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problem>;

export const LIMIT_MAX = 200;
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(50),
  cursor: z.string().max(512).optional(),
});
export type PageQuery = z.output<typeof pageQuery>;

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ data: z.array(item), nextCursor: z.string().nullable() });
export interface Page<T> {
  readonly data: T[];
  readonly nextCursor: string | null;
}
