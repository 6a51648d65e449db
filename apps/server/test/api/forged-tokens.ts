/**
 * Access tokens that nobody of ours wrote. Each is made from a genuine one, or with a key of the forger's own; those marked `ours` are signed with the
 * very key of the server, as if it had been talked into signing something else.
 */
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign as signWith } from 'node:crypto';

export interface Ground {
  readonly genuine: string;
  /** The private half of the key that signs, which no forger has. */
  readonly key: KeyObject;
  readonly kid: string;
  readonly issuer: string;
  readonly now: number;
  /** Somebody else, their session and organisation. */
  readonly other: { readonly personId: string; readonly sessionId: string; readonly orgId: string };
}

type Json = Readonly<Record<string, unknown>>;

export interface Forgery {
  readonly name: string;
  readonly token: string;
}

const b64 = (value: string | Buffer): string => Buffer.from(value).toString('base64url');
const part = (value: Json | string): string => b64(typeof value === 'string' ? value : JSON.stringify(value));

/** Every forgery, by name. */
export function forgeries(ground: Ground): readonly Forgery[] {
  const { genuine, key, kid, issuer, now, other } = ground;
  const [h = '', p = '', s = ''] = genuine.split('.');
  const claims = JSON.parse(Buffer.from(p, 'base64url').toString()) as Json;
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid };
  const mine = generateKeyPairSync('ed25519');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const raw = spki.subarray(-32);

  const eddsa = (head: Json | string, body: Json | string, by: KeyObject = key): string => {
    const text = `${part(head)}.${part(body)}`;
    return `${text}.${b64(signWith(null, Buffer.from(text), by))}`;
  };
  const hmac = (alg: string, secret: Buffer | string): string => {
    const text = `${part({ ...header, alg })}.${p}`;
    return `${text}.${b64(
      createHmac(`sha${alg.slice(2)}`, secret)
        .update(text)
        .digest(),
    )}`;
  };
  const signed = (alg: string, by: KeyObject): string => {
    const text = `${part({ ...header, alg })}.${p}`;
    return `${text}.${b64(signWith('sha256', Buffer.from(text), by))}`;
  };
  const forged = (head: Json | string, body: Json | string = claims): string => eddsa(head, body, mine.privateKey);
  const ours = (change: Json): string => eddsa(header, { ...claims, ...change });
  const without = (name: string): string =>
    eddsa(header, Object.fromEntries(Object.entries(claims).filter(([one]) => one !== name)));
  const myJwk = mine.publicKey.export({ format: 'jwk' });
  const text = (members: string): string => `{${members}}`;
  const plain = JSON.stringify(claims).slice(1, -1);

  return Object.entries({
    // No signature.
    'alg none, signature left out': `${part({ ...header, alg: 'none' })}.${p}.`,
    'alg none, two parts': `${part({ ...header, alg: 'none' })}.${p}`,
    'alg none, the genuine signature': `${part({ ...header, alg: 'none' })}.${p}.${s}`,
    'alg None': `${part({ ...header, alg: 'None' })}.${p}.`,
    'alg NONE': `${part({ ...header, alg: 'NONE' })}.${p}.${s}`,
    'alg nOnE': `${part({ ...header, alg: 'nOnE' })}.${p}.${s}`,
    'alg empty': `${part({ ...header, alg: '' })}.${p}.${s}`,
    'alg null': `${part({ ...header, alg: null })}.${p}.${s}`,
    'alg missing': `${part({ typ: 'at+jwt', kid })}.${p}.${s}`,
    'alg a list': `${part({ ...header, alg: ['EdDSA'] })}.${p}.${s}`,
    'no signature under the genuine header': `${h}.${p}.`,
    'a signature of zeroes': `${h}.${p}.${b64(Buffer.alloc(64))}`,
    // Another algorithm.
    'HS256 with the public key, raw': hmac('HS256', raw),
    'HS256 with the public key, DER': hmac('HS256', spki),
    'HS256 with the public key, PEM': hmac('HS256', createPublicKey(key).export({ type: 'spki', format: 'pem' })),
    'HS256 with the public key, base64url': hmac('HS256', b64(raw)),
    'HS256 with an empty secret': hmac('HS256', ''),
    'HS512 with the public key': hmac('HS512', raw),
    'RS256 with a key of the forger': signed('RS256', rsa.privateKey),
    'PS256 by name': signed('PS256', rsa.privateKey),
    'ES256 with a key of the forger': signed('ES256', ec.privateKey),
    'Ed25519, the other name of the algorithm': eddsa({ ...header, alg: 'Ed25519' }, claims),
    'eddsa in lower case': eddsa({ ...header, alg: 'eddsa' }, claims),
    // Another key.
    'signed by the forger under our key id': forged(header),
    'signed by the forger under their key id': forged({ ...header, kid: b64(Buffer.alloc(32, 9)) }),
    'kid missing': eddsa({ alg: 'EdDSA', typ: 'at+jwt' }, claims),
    'kid empty': eddsa({ ...header, kid: '' }, claims),
    'kid a path': forged({ ...header, kid: '../../../../dev/null' }),
    'kid an absolute path': forged({ ...header, kid: '/proc/sys/kernel/randomize_va_space' }),
    'kid SQL': forged({ ...header, kid: "' or '1'='1" }),
    'kid SQL that gives a key': forged({ ...header, kid: `x' union select '${myJwk.x}'--` }),
    'kid a command': forged({ ...header, kid: '$(id)' }),
    'kid with a zero byte': forged({ ...header, kid: `${kid}\u0000` }),
    'kid of an object': forged({ ...header, kid: '__proto__' }),
    'kid a list': eddsa({ ...header, kid: [kid] }, claims),
    'kid a number': eddsa({ ...header, kid: 1 }, claims),
    'kid 4,000 characters': forged({ ...header, kid: 'a'.repeat(4_000) }),
    'jku of the forger': forged({ ...header, jku: 'https://evil.example/jwks.json' }),
    'jku of the forger over our key': eddsa({ ...header, jku: 'https://evil.example/jwks.json' }, claims),
    'jku that looks like ours': forged({ ...header, jku: `${issuer}@evil.example/.well-known/jwks.json` }),
    'jwk in the header': forged({ ...header, jwk: myJwk }),
    'jwk in the header, no kid': forged({ alg: 'EdDSA', typ: 'at+jwt', jwk: myJwk }),
    'x5u of the forger': forged({ ...header, x5u: 'https://evil.example/cert.pem' }),
    'x5c of the forger': forged({
      ...header,
      x5c: [mine.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')],
    }),
    'x5t of the forger': forged({ ...header, x5t: b64('thumbprint') }),
    // Extensions.
    'crit with something unknown': eddsa({ ...header, crit: ['exp'] }, claims),
    'crit empty': eddsa({ ...header, crit: [] }, claims),
    'b64 false': eddsa({ ...header, b64: false, crit: ['b64'] }, claims),
    'b64 false without crit': eddsa({ ...header, b64: false }, claims),
    'zip in the header': eddsa({ ...header, zip: 'DEF' }, claims),
    'a nested token by cty': eddsa({ ...header, cty: 'JWT' }, part(claims)),
    // What it is and whom it is for.
    'typ JWT': eddsa({ ...header, typ: 'JWT' }, claims),
    'typ missing': eddsa({ alg: 'EdDSA', kid }, claims),
    'typ in capitals': eddsa({ ...header, typ: 'AT+JWT' }, claims),
    'typ of a logout token': eddsa({ ...header, typ: 'logout+jwt' }, claims),
    'typ with application/': eddsa({ ...header, typ: 'application/at+jwt' }, claims),
    'ours for another issuer': ours({ iss: 'https://evil.example' }),
    'ours for an issuer with a slash': ours({ iss: `${issuer}/` }),
    'ours for a list of issuers': ours({ iss: [issuer] }),
    'ours for another audience': ours({ aud: 'https://other.example/v1' }),
    'ours for the issuer as audience': ours({ aud: issuer }),
    'ours for several audiences': ours({ aud: [`${issuer}/v1`, 'https://other.example'] }),
    'ours without issuer': without('iss'),
    'ours without audience': without('aud'),
    'ours without subject': without('sub'),
    'ours without session': without('sid'),
    'ours without expiry': without('exp'),
    'ours without beginning': without('nbf'),
    'ours without time of issue': without('iat'),
    // Time.
    'expired this second': ours({ exp: now, iat: now - 300 }),
    'expired an hour ago': ours({ exp: now - 3_600, iat: now - 3_900, nbf: now - 3_900 }),
    'not good yet': ours({ nbf: now + 60 }),
    'issued in the future': ours({ iat: now + 3_600, nbf: now, exp: now + 3_900 }),
    'issued long ago, good for a year': ours({ iat: now - 3_600, exp: now + 31_536_000 }),
    'expiry as text': ours({ exp: String(now + 300) }),
    'expiry beyond numbers': eddsa(header, text(plain.replace(/"exp":\d+/, '"exp":1e999'))),
    'expiry with a fraction': ours({ exp: now + 100.5 }),
    // Whom it stands for.
    'ours for another person in this session': ours({ sub: other.personId }),
    'ours for the session of another person': ours({ sid: other.sessionId }),
    'ours for a session that there is not': ours({ sid: `ses_${'0'.repeat(26)}` }),
    'ours for a foreign organisation': ours({ org: other.orgId }),
    'ours for an organisation that there is not': ours({ org: `org_${'0'.repeat(26)}` }),
    'ours with SQL for a subject': ours({ sub: "usr_' or true--" }),
    'ours with claims of rights': ours({ scopes: ['operator'], role: 'owner' }),
    'ours with a prototype': eddsa(header, text(`${plain},"__proto__":{"operator":true}`)),
    'subject changed under the genuine signature': `${h}.${part({ ...claims, sub: other.personId })}.${s}`,
    'organisation changed under the genuine signature': `${h}.${part({ ...claims, org: other.orgId })}.${s}`,
    'expiry changed under the genuine signature': `${h}.${part({ ...claims, exp: now + 9_999 })}.${s}`,
    // Something said twice: who reads the first and who reads the last would differ.
    'duplicate subject': eddsa(header, text(`"sub":"${other.personId}",${plain}`)),
    'duplicate organisation': eddsa(header, text(`"org":"${other.orgId}",${plain}`)),
    'duplicate expiry': eddsa(header, text(`"exp":${now - 1},${plain}`)),
    'duplicate alg': eddsa(`{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"${kid}"}`, claims),
    'duplicate kid': eddsa(`{"kid":"x","alg":"EdDSA","typ":"at+jwt","kid":"${kid}"}`, claims),
    'header in another order': eddsa({ kid, typ: 'at+jwt', alg: 'EdDSA' }, claims),
    'header with blanks': eddsa(`{ "alg":"EdDSA","typ":"at+jwt","kid":"${kid}"}`, claims),
    'claims with blanks': eddsa(header, `{ ${plain}}`),
    'claims with an escape': eddsa(header, text(plain.replace('"sub"', '"\\u0073ub"'))),
    'claims a list': eddsa(header, '[]'),
    'claims null': eddsa(header, 'null'),
    'claims no JSON': eddsa(header, 'sub=me'),
    'claims empty': eddsa(header, ''),
    // Cut, stretched and spelt otherwise.
    'cut by one character': genuine.slice(0, -1),
    'cut in half': genuine.slice(0, genuine.length / 2),
    'one part': h,
    'two parts': `${h}.${p}`,
    'four parts': `${genuine}.${s}`,
    'five parts, as encrypted': `${h}..${p}.${s}.${s}`,
    'only points': '..',
    'a point behind it': `${genuine}.`,
    'a point before it': `.${genuine}`,
    padded: `${genuine}==`,
    'in base64 with its own signs': genuine.replaceAll('-', '+').replaceAll('_', '/').concat('+'),
    'spare bits of the signature set': respell(genuine),
    'a bit of the signature changed': `${h}.${p}.${flip(s)}`,
    'a bit of the claims changed': `${h}.${flip(p)}.${s}`,
    'a bit of the header changed': `${flip(h)}.${p}.${s}`,
    'signature and claims of different tokens': `${h}.${part({ ...claims, jti: 'tok_x' })}.${s}`,
    'JSON serialization': JSON.stringify({ protected: h, payload: p, signature: s }),
    '10,000 characters': `${h}.${b64('a'.repeat(10_000))}.${s}`,
  }).map(([name, token]) => ({ name, token }));
}

/** The same bytes in another spelling: the last character of 86 carries two spare bits. */
function respell(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(token.at(-1) ?? '');
  return token.slice(0, -1) + alphabet.charAt(last ^ 1);
}

function flip(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 2) ^ 1, bytes.length - 2);
  return b64(bytes);
}
