/** The nouns of factors. */
import type { PasskeyAnswer } from '@guildhall/contract';

/** Something a person shows besides the password. A code generator is **pending** until a code of it was shown, then **confirmed**. */
export interface Factor {
  readonly id: string;
  readonly kind: 'totp' | 'passkey';
  readonly name: string;
  readonly createdAt: Date;
  readonly confirmedAt: Date | undefined;
  readonly usedAt: Date | undefined;
}

/** What somebody shows to prove that it is them. */
export type Proof =
  | { readonly type: 'code'; readonly code: string }
  | { readonly type: 'recovery-code'; readonly code: string }
  | { readonly type: 'passkey'; readonly answer: PasskeyAnswer };

/** What a browser signs with a passkey, and the public half it is checked by. */
export interface PasskeyRow {
  readonly id: string;
  readonly credentialId: Buffer;
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly transports: readonly string[];
}
