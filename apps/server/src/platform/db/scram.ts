/** Passwords of roles as PostgreSQL keeps them. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { assert } from '../errors/index.ts';

const ITERATIONS = 4_096;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const PRINTABLE = /^[\x21-\x7e]+$/;

/**
 * What PostgreSQL stores of a password (RFC 5802, RFC 7677). Given in place of the password, it keeps this one out of statements, and so
 * out of every log of the server.
 */
export function scramVerifier(password: string): string {
  assert(PRINTABLE.test(password), 'a password of ours needs no SASLprep');
  // A salt hides which weak passwords are equal. Those of ours are random and differ, so one from the password itself will do.
  const salt = createHash('sha256').update(`salt\0${password}`).digest().subarray(0, SALT_BYTES);
  const salted = pbkdf2Sync(password, salt, ITERATIONS, KEY_BYTES, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`;
}
