/** The nouns of who may sign up. */
import type { BetaStatus as StatusView } from '@guildhall/contract';
import type { Locale } from '../people/types.ts';

/** An operator's code. It is good until it is revoked, expires, or was used so often. */
export interface Code {
  readonly id: string;
  readonly note: string;
  readonly usesMax: number;
  readonly uses: number;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly expiresAt: Date | undefined;
  readonly revokedAt: Date | undefined;
}

/** Somebody in the line: their address is confirmed, and they were not invited yet. */
export interface Waiting {
  readonly personId: string;
  readonly email: string;
  readonly emailFolded: string;
  readonly locale: Locale;
  readonly createdAt: Date;
  readonly confirmedAt: Date;
}

/** An operator who lets people in. */
export interface Operator {
  readonly orgId: string;
  readonly id: string;
  readonly type: 'key' | 'member';
  readonly requestId: string;
}

export type BetaStatus = () => Promise<StatusView>;
export type Line = (page: {
  readonly afterId?: string | undefined;
  readonly limit: number;
}) => Promise<readonly Waiting[]>;
