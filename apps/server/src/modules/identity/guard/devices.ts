/** The cookie by which a device is known: up to four tokens, one for each person who comes from it, the newest first. */
import { timingSafeEqual } from 'node:crypto';
import type { IdentityDeps } from '../types.ts';

const PURPOSE = 'device';
const TOKENS_MAX = 4;
const SEPARATOR = '~';
const TOKEN = /^(dev_[0-9a-z]{26})\.([\w-]{43})$/;

interface Token {
  readonly id: string;
  readonly mac: Buffer;
  readonly text: string;
}

export interface DeviceTokens {
  /** Ids that a cookie names; nothing is known of them yet. */
  idsIn(cookie: string | undefined): readonly string[];
  /** Whether the cookie holds a token that we signed for this device and this person. */
  isSigned(cookie: string | undefined, device: { readonly id: string; readonly personId: string }): boolean;
  /** The cookie with one more token. */
  add(cookie: string | undefined, device: { readonly id: string; readonly personId: string }): string;
}

function tokensIn(cookie: string | undefined): readonly Token[] {
  const texts = (cookie ?? '').split(SEPARATOR, TOKENS_MAX);
  return texts.flatMap((text) => {
    const [, id, mac] = TOKEN.exec(text) ?? [];
    return id && mac ? [{ id, mac: Buffer.from(mac, 'base64url'), text }] : [];
  });
}

export function createDeviceTokens({ keyring }: Pick<IdentityDeps, 'keyring'>): DeviceTokens {
  const messageOf = ({ id, personId }: { id: string; personId: string }): string => `${personId}\u0000${id}`;
  return {
    idsIn: (cookie) => tokensIn(cookie).map(({ id }) => id),
    isSigned: (cookie, device) =>
      tokensIn(cookie).some(
        ({ id, mac }) =>
          id === device.id && keyring.macs(PURPOSE, messageOf(device)).some((known) => timingSafeEqual(known, mac)),
      ),
    add: (cookie, device) => {
      const token = `${device.id}.${keyring.mac(PURPOSE, messageOf(device)).toString('base64url')}`;
      const others = tokensIn(cookie).map(({ text }) => text);
      return [token, ...others].slice(0, TOKENS_MAX).join(SEPARATOR);
    },
  };
}
