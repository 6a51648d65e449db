/** How the text of a setting becomes a value. No message repeats the text: it may be a secret. */
import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { parseMasterKey, parseMasterKeys, Secret } from '../platform/crypto/index.ts';
import { GuildhallError } from '../platform/errors/index.ts';

/** A setting with its page: what applies without it, what it may be, what it does, and the schema that enforces it. */
export interface SettingDoc {
  readonly name: string;
  readonly fallback: string;
  readonly bounds: string;
  readonly effect: string;
  readonly schema: z.ZodType;
  /** What kind of secret the value is; absent where it is none. A secret may also come from a file or a store of secrets. */
  readonly secret?: 'key' | 'password' | 'token';
}

// Keys travel in headers, where a line end would begin a header of its own. The longest known keys have some 250 characters.
const SECRET = /^[\x21-\x7e]{8,1024}$/;
// What SMTP and this program agree on; a name before it is the business of MAIL_FROM.
const ADDRESS = /^[^\s@<>",;]{1,64}@[^\s@<>",;]{1,255}$/;

export const whole = (min: number, max: number, fallback: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

/** Without slashes at its end, so that paths can be appended. */
export const baseUrl = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ''));

export const secret = z
  .string()
  .regex(SECRET, 'must be 8 to 1024 printable characters without spaces')
  .transform((text) => new Secret(text));

/** Several at once, of at least `min` characters each: the first is the one to use, all are accepted. */
export const tokens = (min: number) =>
  z
    .string()
    .refine((text) => textsOf(text).every((one) => one.length >= min), `each must have at least ${min} characters`)
    .transform((text) => new Secret(text));

function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    // A stray percent sign: what was meant cannot be known.
    return false;
  }
}

/** A URL that may hold a password, of one of these schemes, such as `redis:`. */
export const secretUrl = (...schemes: readonly string[]) =>
  z
    .string()
    .refine(
      (text) => {
        const url = URL.parse(text);
        return url !== null && schemes.includes(url.protocol) && url.hostname !== '' && isDecodable(url);
      },
      `must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')} and names a host; a % in user or password is written %25`,
    )
    .transform((text) => new Secret(text));

export const mailAddress = z.string().regex(ADDRESS, 'must be one mail address');

/** `name@host`, or `Name <name@host>`. */
export const mailSender = z.string().refine((text) => {
  const inside = /^[^<>"\r\n]{0,100}<([^<>]+)>$/.exec(text)?.[1];
  return ADDRESS.test(inside ?? text);
}, 'must be one mail address, or a name with the address in angle brackets');

/** Parts between commas, without blanks around them. */
export const textsOf = (text = ''): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

export const list = z.string().default('').transform(textsOf);

function isP256(text: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    // Not a key at all.
    return false;
  }
}

/** Public keys of ECDSA P-256, each the base64 of its SPKI. */
export const publicKeys = list.refine((texts) => texts.every(isP256), 'must be public keys of ECDSA P-256 in base64');

/** Exactly as a browser writes it in the header `Origin`: anything else would never match. */
const isOrigin = (text: string): boolean => /^https?:[^*]+$/.test(text) && URL.parse(text)?.origin === text;

export const origins = list.refine(
  (all) => all.every((one) => one === '*' || isOrigin(one)),
  'each must be an origin as browsers send it, such as https://app.example.com: no path, no wildcard within, lower case, no default port',
);

/** Refused for the reasons for which a start would refuse it later. */
const keys = (parse: (text: string) => unknown) =>
  z
    .string()
    .superRefine((text, context) => {
      try {
        parse(text);
      } catch (error) {
        if (!(error instanceof GuildhallError)) throw error;
        context.addIssue(error.details.detail ?? error.spec.title);
      }
    })
    .transform((text) => new Secret(text));

export const masterKey = keys(parseMasterKey);
export const masterKeys = keys(parseMasterKeys);

/** A text of this form that is a secret. */
export const secretText = (pattern: RegExp, fault: string) =>
  z
    .string()
    .regex(pattern, fault)
    .transform((text) => new Secret(text));
