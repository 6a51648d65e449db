/** The nouns of the audit trail. */

/** Who did it. `system` is the platform itself. */
export type ActorType = 'key' | 'member' | 'operator' | 'system';

/** One thing that was done. Ids and small figures only: never a payload, a name, an address or a secret. */
export interface AuditEvent {
  readonly orgId: string;
  readonly actorType: ActorType;
  readonly actorId?: string | undefined;
  /** `noun.verb`, as in `budget.put`. */
  readonly action: string;
  readonly targetType?: string | undefined;
  readonly targetId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly data?: Readonly<Record<string, string | number | boolean | null>> | undefined;
}

/**
 * What is wrong at one place of a chain. `edited`: the row's content or hash was changed; `deleted`: a row is missing here;
 * `reordered`: another row stands here; `truncated`: the chain's end is missing from here on (or, at 1, its beginning, and retention has not
 * said so); `rewritten`: it is whole in itself, and not the chain whose head was sealed.
 */
export type ChainFaultKind = 'edited' | 'deleted' | 'reordered' | 'truncated' | 'rewritten';

export interface ChainFault {
  readonly fault: ChainFaultKind;
  readonly seq: bigint;
  /** Of the row that stands there, if one does. */
  readonly eventId: string | undefined;
}

export interface BrokenChain extends ChainFault {
  readonly orgId: string;
}
