import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../platform/clock/index.ts';
import { createKeyring, createTokenSigner } from '../../platform/crypto/index.ts';
import type { RunsDeps } from './deps.ts';
import { createLinks } from './links.ts';
import type { ArtifactRow } from './types.ts';

const HOUR_MS = 3_600_000;
let nowMs = Date.parse('2026-01-01T00:00:00Z');
const clock: Clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };
const keyring = createKeyring({ masterKey: randomBytes(32) });
const linksFor = (purpose: string) =>
  // Links need these three of all that runs need.
  createLinks({
    clock,
    links: createTokenSigner(keyring, purpose, clock),
    settings: { publicUrl: () => 'http://host:3000' },
  } as unknown as RunsDeps);
// Links name these two of all that an artifact has.
const artifact = { id: 'art_1', org_id: 'org_1' } as ArtifactRow;

describe('the link to an artifact', () => {
  const links = linksFor('artifact-link');
  const token = (url: string) => new URL(url).searchParams.get('token') ?? '';

  it('opens what it was made for, for a day', () => {
    const url = links.to(artifact);
    expect(url).toMatch(/^http:\/\/host:3000\/v1\/artifacts\/art_1\/content\?token=[\w.~-]+$/);
    expect(links.open(token(url))).toEqual({ orgId: 'org_1', artifactId: 'art_1' });
    nowMs += 23 * HOUR_MS;
    expect(links.open(token(url))).toBeDefined();
    nowMs += 2 * HOUR_MS;
    expect(links.open(token(url))).toBeUndefined();
  });

  it('opens nothing when it was changed or made for another purpose', () => {
    const good = token(links.to(artifact));
    for (const bad of ['', 'x', `${good}x`, good.slice(1), token(linksFor('other').to(artifact))])
      expect(links.open(bad)).toBeUndefined();
  });
});
