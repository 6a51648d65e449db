/** Which way a number points. */
import type { Direction } from './document.ts';

/** Of a plain decimal: `-0.5` is down, `0` is flat. */
export const directionOf = (value: string): Direction =>
  value.startsWith('-') ? 'down' : /[1-9]/.test(value) ? 'up' : 'flat';
