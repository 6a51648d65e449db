/** Passkeys (WebAuthn): what browsers are asked, and whether what they answer is true. */
import type { PasskeyAnswer, PasskeyRegistration } from '@guildhall/contract';
import type { generateAuthenticationOptions } from '@simplewebauthn/server';
import type { PasskeyRow } from './types.ts';

const RP_NAME = 'Guildhall';
// As long as a challenge is good.
const TIMEOUT_MS = 300_000;
// ES256, EdDSA, RS256: what browsers and security keys of today make.
const ALGORITHMS = [-7, -8, -257];

/** Some 300 files and 7 MB, which a process that never sees a passkey does without; read piece by piece, so nobody waits for them. */
const library = () => import('@simplewebauthn/server');

type Transports = Parameters<typeof generateAuthenticationOptions>[0]['allowCredentials'];

const descriptors = (passkeys: readonly PasskeyRow[]): NonNullable<Transports> =>
  passkeys.map(({ credentialId, transports }) => ({
    id: credentialId.toString('base64url'),
    transports: [...transports],
  }));

export interface NewPasskey {
  readonly credentialId: Buffer;
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly transports: readonly string[];
}

/** The challenge that a browser says it signed; whether it did is looked at with the signature. */
export function challengeIn(clientDataJson: string): string {
  try {
    const said: unknown = JSON.parse(Buffer.from(clientDataJson, 'base64url').toString('utf8'));
    const challenge = typeof said === 'object' && said !== null && 'challenge' in said ? said.challenge : undefined;
    return typeof challenge === 'string' ? challenge : '';
  } catch {
    // No JSON is no challenge, which is refused as any other unknown one.
    return '';
  }
}

export interface Passkeys {
  registrationOptions(input: {
    readonly personId: string;
    readonly email: string;
    readonly name: string;
    readonly challenge: Buffer;
    readonly known: readonly PasskeyRow[];
  }): Promise<object>;
  /** Undefined for what was not made by an authenticator for this challenge, on a page of ours. */
  register(passkey: PasskeyRegistration, challenge: string): Promise<NewPasskey | undefined>;
  /** For one of these passkeys, or for any that the browser has when left out. */
  answerOptions(challenge: Buffer, known?: readonly PasskeyRow[]): Promise<object>;
  /**
   * The counter of a true answer; undefined for any other. With `isAlone` the device must have asked for its PIN, finger or face: then a
   * passkey is both factors.
   */
  verify(input: {
    readonly answer: PasskeyAnswer;
    readonly challenge: string;
    readonly passkey: PasskeyRow;
    readonly isAlone: boolean;
  }): Promise<number | undefined>;
}

export function createPasskeys(publicUrl: () => string): Passkeys {
  const site = () => {
    const { origin, hostname } = new URL(publicUrl());
    return { expectedOrigin: origin, expectedRPID: hostname };
  };
  return {
    async registrationOptions({ personId, email, name, challenge, known }) {
      const { generateRegistrationOptions } = await library();
      return generateRegistrationOptions({
        rpName: RP_NAME,
        rpID: site().expectedRPID,
        userID: new Uint8Array(Buffer.from(personId)),
        userName: email,
        userDisplayName: name,
        challenge: new Uint8Array(challenge),
        timeout: TIMEOUT_MS,
        attestationType: 'none',
        excludeCredentials: descriptors(known),
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
        supportedAlgorithmIDs: ALGORITHMS,
      });
    },
    async register(passkey, challenge) {
      const { verifyRegistrationResponse } = await library();
      // Whatever it finds wrong, it throws; the caller says so in one way.
      const checked = await verifyRegistrationResponse({
        response: {
          id: passkey.id,
          rawId: passkey.rawId,
          type: passkey.type,
          response: {
            clientDataJSON: passkey.response.clientDataJSON,
            attestationObject: passkey.response.attestationObject,
          },
          clientExtensionResults: {},
        },
        expectedChallenge: challenge,
        ...site(),
        requireUserVerification: false,
        supportedAlgorithmIDs: ALGORITHMS,
      }).catch(() => undefined);
      if (!checked?.verified) return undefined;
      const { credential } = checked.registrationInfo;
      return {
        credentialId: Buffer.from(credential.id, 'base64url'),
        publicKey: Buffer.from(credential.publicKey),
        counter: credential.counter,
        transports: passkey.response.transports ?? [],
      };
    },
    async answerOptions(challenge, known) {
      const { generateAuthenticationOptions } = await library();
      return generateAuthenticationOptions({
        rpID: site().expectedRPID,
        challenge: new Uint8Array(challenge),
        timeout: TIMEOUT_MS,
        userVerification: known ? 'preferred' : 'required',
        ...(known ? { allowCredentials: descriptors(known) } : {}),
      });
    },
    async verify({ answer, challenge, passkey, isAlone }) {
      const { verifyAuthenticationResponse } = await library();
      const checked = await verifyAuthenticationResponse({
        response: {
          id: answer.id,
          rawId: answer.rawId,
          type: answer.type,
          response: {
            clientDataJSON: answer.response.clientDataJSON,
            authenticatorData: answer.response.authenticatorData,
            signature: answer.response.signature,
          },
          clientExtensionResults: {},
        },
        expectedChallenge: challenge,
        ...site(),
        credential: {
          id: passkey.credentialId.toString('base64url'),
          publicKey: new Uint8Array(passkey.publicKey),
          counter: passkey.counter,
        },
        requireUserVerification: isAlone,
      }).catch(() => undefined);
      return checked?.verified ? checked.authenticationInfo.newCounter : undefined;
    },
  };
}
