import { Secret, TOTP } from 'otpauth';
import { describe, expect, it } from 'vitest';
import { findStep, SECRET_BYTES, setUpOf } from './totp.ts';

// The secret and the times of RFC 6238, appendix B; its codes have eight digits, of which apps show the last six.
const RFC_SECRET = Buffer.from('12345678901234567890');
const at = (seconds: number) => new Date(seconds * 1_000);

describe('a code', () => {
  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('of RFC 6238 at %i s is that of its step', (seconds, code) => {
    expect(findStep(RFC_SECRET, code, at(seconds))).toBe(Math.floor(seconds / 30));
  });

  // In the middle of a step, at its first and at its last moment.
  describe.each([[15], [0], [29.999]])('SES-05: at %f s into a step', (into) => {
    const now = 1_000_000 * 30 + into;
    const codeAt = (seconds: number) =>
      TOTP.generate({ secret: new Secret({ buffer: new Uint8Array(RFC_SECRET).buffer }), timestamp: seconds * 1_000 });
    it.each([
      [-30, 999_999],
      [0, 1_000_000],
      [30, 1_000_001],
    ])('from a clock that is %i s off is good', (skew, step) => {
      expect(findStep(RFC_SECRET, codeAt(now + skew), at(now))).toBe(step);
    });
    it.each([-90, -60, 60, 90])('from a clock that is %i s off is refused', (skew) => {
      expect(findStep(RFC_SECRET, codeAt(now + skew), at(now))).toBeUndefined();
    });
  });

  it.each(['', '12345', '1234567', 'abcdef', '٠٠٥٩٢٤', '-05924'])('that is none is refused: %j', (code) => {
    expect(findStep(RFC_SECRET, code, at(1_234_567_890))).toBeUndefined();
  });
});

it('an app is set up with 160 bits, by text, link or picture', () => {
  expect(SECRET_BYTES * 8).toBe(160);
  const { secret, uri, qrCode } = setUpOf(RFC_SECRET, 'ada+2fa@example.com');
  expect(secret).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
  expect(new URL(uri).protocol).toBe('otpauth:');
  expect(decodeURIComponent(uri)).toContain('Guildhall:ada+2fa@example.com');
  expect(Object.fromEntries(new URL(uri).searchParams)).toMatchObject({ secret, issuer: 'Guildhall', period: '30' });
  expect(qrCode).toMatch(/^<svg [^>]*viewBox[^>]*>.*<\/svg>$/s);
  expect(qrCode).not.toContain('<script');
});
