/** Second factors: code generators, passkeys and recovery codes as the interface shows them. */
import { z } from 'zod';
import { instant } from './common.ts';
import { linkToken, personName } from './people.ts';

/** Something a person shows besides the password. */
export const factor = z
  .object({
    id: z.string(),
    kind: z.enum(['totp', 'passkey']),
    name: z.string(),
    /** False until a code of it was shown. */
    isConfirmed: z.boolean(),
    createdAt: instant,
    lastUsedAt: instant.nullable(),
  })
  .meta({ id: 'Factor' });
export type Factor = z.infer<typeof factor>;

export const factorList = z.object({ data: z.array(factor), recoveryCodesLeft: z.number().int() });
export const factorParams = z.strictObject({ id: z.string().max(64) });

export const newTotpBody = z.strictObject({ name: personName });
/** What an authenticator app is set up with; shown this once. */
export const newTotp = factor
  .extend({
    /** Base32, for typing. */
    secret: z.string().nullable(),
    /** `otpauth://…`, for links. */
    uri: z.string().nullable(),
    /** A picture of the uri as SVG, for cameras. */
    qrCode: z.string().nullable(),
  })
  .meta({ id: 'NewTotp' });

/** Six digits; blanks between them are overlooked. */
const code = z
  .string()
  .max(16)
  .transform((text) => text.replaceAll(/\s/g, ''))
  .pipe(z.string().regex(/^\d{6}$/, 'must be the six digits of the app'));
export const confirmTotpBody = z.strictObject({ code });

/** With the first factor come codes for the day it is lost; shown this once. */
export const confirmedFactor = z
  .object({ factor, recoveryCodes: z.array(z.string()).nullable() })
  .meta({ id: 'ConfirmedFactor' });
export const recoveryCodes = z.object({ recoveryCodes: z.array(z.string()).nullable() }).meta({ id: 'RecoveryCodes' });

const base64url = z
  .string()
  .max(16_384)
  .regex(/^[\w-]*$/, 'must be base64url');
const credential = {
  id: base64url.max(1_400),
  rawId: base64url.max(1_400),
  type: z.literal('public-key'),
  authenticatorAttachment: z.enum(['platform', 'cross-platform']).nullish(),
};
/** `PublicKeyCredential.toJSON()` after `navigator.credentials.create`. */
export const passkeyRegistration = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url,
    attestationObject: base64url,
    transports: z.array(z.string().max(32)).max(8).optional(),
  }),
});
export type PasskeyRegistration = z.output<typeof passkeyRegistration>;
/** `PublicKeyCredential.toJSON()` after `navigator.credentials.get`. */
export const passkeyAnswer = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: base64url,
    authenticatorData: base64url,
    signature: base64url,
    userHandle: base64url.nullish(),
  }),
});
export type PasskeyAnswer = z.output<typeof passkeyAnswer>;

/** For `navigator.credentials.create` or `.get`, as `PublicKeyCredential.parse…OptionsFromJSON` takes them. */
export const passkeyOptions = z.object({ options: z.looseObject({}) }).meta({ id: 'PasskeyOptions' });
export const newPasskeyBody = z.strictObject({ name: personName, passkey: passkeyRegistration });

export const challengeBody = z.strictObject({ challenge: linkToken });
/** What a challenge can be answered with; `options` where a passkey is among it. */
export const challengeMethods = z
  .object({
    challenge: z.string(),
    methods: z.array(z.enum(['code', 'recoveryCode', 'passkey'])),
    options: z.looseObject({}).nullable(),
  })
  .meta({ id: 'ChallengeMethods' });

/** Shows one of them. */
export const secondFactorBody = z
  .strictObject({
    challenge: linkToken,
    code: code.optional(),
    recoveryCode: z.string().max(64).optional(),
    passkey: passkeyAnswer.optional(),
  })
  .refine(
    (body) => [body.code, body.recoveryCode, body.passkey].filter((one) => one !== undefined).length === 1,
    'needs exactly one of code, recoveryCode and passkey',
  );
export const passkeySignInBody = z.strictObject({ passkey: passkeyAnswer });

export const secondFactorRule = z.object({ isRequired: z.boolean() }).meta({ id: 'SecondFactorRule' });
export const secondFactorRuleBody = z.strictObject({ isRequired: z.boolean() });

/** What an operator took from somebody who lost their factors; all 0 where there was none. */
export const factorReset = z
  .object({
    personId: z.string(),
    factorsRemoved: z.number().int(),
    sessionsEnded: z.number().int(),
    isPasswordRemoved: z.boolean(),
  })
  .meta({ id: 'FactorReset' });

/** A browser that a person was let in from. */
export const device = z
  .object({ id: z.string(), userAgent: z.string(), createdAt: instant, lastUsedAt: instant })
  .meta({ id: 'Device' });
export const deviceList = z.object({ data: z.array(device) });
export const deviceParams = z.strictObject({ id: z.string().max(64) });
