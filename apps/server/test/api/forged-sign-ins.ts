/**
 * Answers of identity providers, and of those who say to be one, that must let nobody in. Each begins as an honest sign-in of the victim's account at
 * the provider and lies in one part.
 */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { Claims } from '../harness/identity-provider/index.ts';
import { signToken } from '../harness/identity-provider/index.ts';
import type { Client } from '../harness/people.ts';
import type { Ground } from './federation-fixture.ts';

export interface Scene extends Ground {
  /** The browser that begins. */
  readonly browser: Client;
  /** Another browser, with nothing in it. */
  readonly stranger: Client;
  depart(browser?: Client, provider?: string): Promise<string>;
  comeBack(browser: Client, address: URL): Promise<{ readonly status: number; readonly code: string | undefined }>;
}

/** What came of it: the answers that have to be refusals. */
type Forgery = (scene: Scene) => Promise<readonly { readonly status: number; readonly code: string | undefined }[]>;

const now = (): number => Math.floor(Date.now() / 1_000);
const b64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const back = async (scene: Scene, change: (address: URL) => void = () => {}) => {
  const address = await scene.idp.authorize(await scene.depart());
  change(address);
  return [await scene.comeBack(scene.browser, address)];
};

/** The ID token says something else. */
const claims =
  (change: (claims: Claims, scene: Scene) => Claims): Forgery =>
  (scene) => {
    scene.idp.bend.claims = (honest) => change(honest, scene);
    return back(scene);
  };
const without = (name: string): Forgery =>
  claims((honest) => Object.fromEntries(Object.entries(honest).filter(([one]) => one !== name)));

/** The ID token is made otherwise. */
const token =
  (make: (header: Claims, claims: Claims, scene: Scene) => string): Forgery =>
  (scene) => {
    scene.idp.bend.token = (header, honest) => make(header, honest, scene);
    return back(scene);
  };

/** The browser comes back with other parameters. */
const answer =
  (change: (parameters: URLSearchParams, scene: Scene) => void): Forgery =>
  (scene) =>
    back(scene, (address) => change(address.searchParams, scene));

const mine = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const myJwk = mine.publicKey.export({ format: 'jwk' });
const ed = generateKeyPairSync('ed25519');

export const FORGED_SIGN_INS: Readonly<Record<string, Forgery>> = {
  // The ID token was not made for this sign-in.
  'nonce swapped': claims((honest) => ({ ...honest, nonce: 'another' })),
  'nonce left out': without('nonce'),
  'nonce empty': claims((honest) => ({ ...honest, nonce: '' })),
  'nonce a list that holds the right one': claims((honest) => ({ ...honest, nonce: [honest.nonce] })),
  'nonce of another sign-in': async (scene) => {
    const other = new URL(await scene.depart(scene.stranger)).searchParams.get('nonce');
    scene.idp.bend.claims = (honest) => ({ ...honest, nonce: other });
    return back(scene);
  },
  // Nor for us, nor by whom we asked.
  'issuer another one': claims((honest, { other }) => ({ ...honest, iss: other.issuer })),
  'issuer with a slash': claims((honest, { idp }) => ({ ...honest, iss: `${idp.issuer}/` })),
  'issuer left out': without('iss'),
  'audience another client': claims((honest) => ({ ...honest, aud: 'somebody-else' })),
  'audience left out': without('aud'),
  'several audiences without azp': claims((honest) => ({ ...honest, aud: [honest.aud, 'somebody-else'] })),
  'azp another client': claims((honest) => ({ ...honest, aud: [honest.aud, 'x'], azp: 'x' })),
  'subject left out': without('sub'),
  'subject empty': claims((honest) => ({ ...honest, sub: '' })),
  'subject a number': claims((honest) => ({ ...honest, sub: 7 })),
  'subject a list': claims((honest) => ({ ...honest, sub: [honest.sub] })),
  // Time.
  expired: claims((honest) => ({ ...honest, exp: now() - 120 })),
  'expiry left out': without('exp'),
  'expiry as text': claims((honest) => ({ ...honest, exp: String(now() + 300) })),
  'time of issue left out': without('iat'),
  'not good yet': claims((honest) => ({ ...honest, nbf: now() + 600 })),
  // Signature.
  'alg none': token((header, honest) => `${b64({ ...header, alg: 'none' })}.${b64(honest)}.`),
  'alg none with a signature': token((header, honest, { idp }) =>
    signToken(header, honest, idp.key).replace(/^[^.]+/, b64({ ...header, alg: 'none' })),
  ),
  'no signature': token((header, honest) => `${b64(header)}.${b64(honest)}.`),
  'HS256 with the client secret': token((header, honest, { idp }) =>
    signToken({ ...header, alg: 'HS256' }, honest, idp.clientSecret),
  ),
  'HS256 with the public key': token((header, honest, { idp }) =>
    signToken(
      { ...header, alg: 'HS256' },
      honest,
      createPublicKey(idp.key).export({ type: 'spki', format: 'pem' }).toString(),
    ),
  ),
  'HS256, and the metadata allows it': async (scene) => {
    scene.idp.bend.metadata = (honest) => ({ ...honest, id_token_signing_alg_values_supported: ['HS256', 'none'] });
    scene.idp.bend.token = (header, honest) => signToken({ ...header, alg: 'HS256' }, honest, scene.idp.clientSecret);
    return back(scene);
  },
  'signed by another key': token((header, honest) => signToken(header, honest, mine.privateKey)),
  'signed by another key, which its header brings': token((header, honest) =>
    signToken({ ...header, jwk: myJwk }, honest, mine.privateKey),
  ),
  'signed by another key, which jku names': token((header, honest, { other }) =>
    signToken({ ...header, jku: `${other.issuer}/jwks`, kid: other.kid }, honest, other.key),
  ),
  'signed in another way than the provider says': token((header, honest) =>
    signToken({ ...header, alg: 'EdDSA' }, honest, ed.privateKey),
  ),
  'claims changed under the signature': token((header, honest, { idp }) => {
    const [head, , signature] = signToken(header, honest, idp.key).split('.');
    return `${head}.${b64({ ...honest, sub: 'somebody-else' })}.${signature}`;
  }),
  'crit with something unknown': token((header, honest, { idp }) =>
    signToken({ ...header, crit: ['x'], x: 1 }, honest, idp.key),
  ),
  'cut short': token((header, honest, { idp }) => signToken(header, honest, idp.key).slice(0, -8)),
  'no token at all': async (scene) => {
    scene.idp.bend.tokenAnswer = ({ id_token: _, ...body }) => body;
    return back(scene);
  },
  'a token that is no text': async (scene) => {
    scene.idp.bend.tokenAnswer = (body) => ({ ...body, id_token: {} });
    return back(scene);
  },
  // What the browser brings.
  'iss of another provider (mix-up)': answer((parameters, { other }) => parameters.set('iss', other.issuer)),
  'iss left out where the provider says that it sends one': answer((parameters) => parameters.delete('iss')),
  'iss twice': answer((parameters, { other }) => parameters.append('iss', other.issuer)),
  'state left out': answer((parameters) => parameters.delete('state')),
  'state made up': answer((parameters) => parameters.set('state', 'A'.repeat(43))),
  'state SQL': answer((parameters) => parameters.set('state', "' or true--")),
  'state twice': answer((parameters) => parameters.append('state', 'A'.repeat(43))),
  'code left out': answer((parameters) => parameters.delete('code')),
  'code made up': answer((parameters) => parameters.set('code', 'made-up')),
  'code twice': answer((parameters) => parameters.append('code', 'made-up')),
  'an error beside the code': answer((parameters) => parameters.set('error', 'access_denied')),
  'a whole answer in the address (hybrid)': answer((parameters) => parameters.set('response', 'a.b.c')),
  'an ID token in the address instead of a code': answer((parameters, { idp }) => {
    parameters.delete('code');
    parameters.set('id_token', signToken({ alg: 'RS256', kid: idp.kid }, { iss: idp.issuer, sub: 'x' }, idp.key));
  }),
  // Whose browser it is.
  'in a browser that did not begin it (sign-in by force)': async (scene) => [
    await scene.comeBack(scene.stranger, await scene.idp.authorize(await scene.depart())),
  ],
  'in a browser that began another one': async (scene) => {
    await scene.depart(scene.stranger);
    return [await scene.comeBack(scene.stranger, await scene.idp.authorize(await scene.depart()))];
  },
  'code of another sign-in (injection)': async (scene) => {
    const stolen = await scene.idp.authorize(await scene.depart(scene.stranger));
    return back(scene, (address) => address.searchParams.set('code', stolen.searchParams.get('code') ?? ''));
  },
  'code and state of another sign-in': async (scene) => {
    await scene.depart();
    return [await scene.comeBack(scene.browser, await scene.idp.authorize(await scene.depart(scene.stranger)))];
  },
  'code of another provider (mix-up)': async (scene) => {
    const address = await scene.github.authorize(await scene.depart(scene.browser, 'github'));
    return [await scene.comeBack(scene.browser, new URL(address.href.replace('/callback/github', '/callback/oidc')))];
  },
  'answer of the one provider at the address of the other': async (scene) => {
    const address = await scene.idp.authorize(await scene.depart());
    return [await scene.comeBack(scene.browser, new URL(address.href.replace('/callback/oidc', '/callback/github')))];
  },
  'answer at the address of a provider that is not there': async (scene) => {
    const address = await scene.idp.authorize(await scene.depart());
    return [await scene.comeBack(scene.browser, new URL(address.href.replace('/callback/oidc', '/callback/google')))];
  },
  // A second time.
  'the same answer twice, the provider takes its code again': async (scene) => {
    scene.idp.bend.keepsCodes = true;
    const address = await scene.idp.authorize(await scene.depart());
    const cookie = scene.browser.cookies.get('__Host-guildhall-sign-in') ?? '';
    scene.idp.bend.claims = (honest) => ({ ...honest, nonce: 'another' });
    const first = await scene.comeBack(scene.browser, address);
    scene.idp.bend.claims = undefined;
    scene.browser.cookies.set('__Host-guildhall-sign-in', cookie);
    return [first, await scene.comeBack(scene.browser, address)];
  },
  'the code a second time, the provider refuses it': async (scene) => {
    const first = await scene.idp.authorize(await scene.depart());
    const code = first.searchParams.get('code') ?? '';
    await scene.comeBack(scene.stranger, first);
    // Its state was used up; the code is tried with a fresh one.
    return back(scene, (address) => address.searchParams.set('code', code));
  },
  // What else it says.
  'metadata of another issuer': async (scene) => {
    scene.idp.bend.metadata = (honest) => ({ ...honest, issuer: scene.other.issuer });
    return back(scene);
  },
  'userinfo of another subject': async (scene) => {
    scene.idp.bend.claims = ({ email: _, email_verified: __, ...honest }) => honest;
    scene.idp.bend.userinfo = (honest) => ({ ...honest, sub: 'somebody-else' });
    return back(scene);
  },
  'keys without the one that signed': async (scene) => {
    scene.idp.bend.jwks = () => [{ ...myJwk, kid: 'another', alg: 'RS256', use: 'sig' }];
    return back(scene);
  },
  'keys that may not sign': async (scene) => {
    scene.idp.bend.jwks = (keys) => keys.map((key) => ({ ...key, use: 'enc' }));
    return back(scene);
  },
  'keys that are a shared secret': async (scene) => {
    const k = Buffer.from('a shared secret that everybody has').toString('base64url');
    scene.idp.bend.jwks = () => [{ kty: 'oct', k, kid: scene.idp.kid, alg: 'HS256' }];
    scene.idp.bend.token = (header, honest) =>
      signToken({ ...header, alg: 'HS256' }, honest, 'a shared secret that everybody has');
    return back(scene);
  },
};
