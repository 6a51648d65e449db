/** Whether a secret could have been guessed or copied from a page. What is judged never stands in a message. */

// Long enough that no random text of a few hundred characters holds one by chance.
const PLACEHOLDER =
  /change[-_ ]?me|replace[-_ ]?(?:me|with|this)|placeholder|example|your[-_ ]|insert[-_ ]|<[a-z _-]+>|xxxxxx|not-?a-?secret|dummy-|sample-|secret-key/i;
const COMMON = new Set(
  'postgres password passwd secret admin root guildhall test testing demo redis default changeit qwerty letmein 123456 12345678 123456789 1234567890'.split(
    ' ',
  ),
);
const BITS_MIN = 256;
const HEX = /^[0-9a-f]+$/i;
const BITS_OF_HEX = 4;
const BITS_OF_BASE64 = 6;
const HEX_DISTINCT_MIN = 8;
const DISTINCT_MIN = 16;

/** A word that stands in examples, or that everybody tries first. */
export const isExample = (text: string): boolean => PLACEHOLDER.test(text) || COMMON.has(text.toLowerCase());

/** The whole is one piece written again and again. */
function isPeriodic(text: string): boolean {
  return `${text}${text}`.indexOf(text, 1) < text.length;
}

/** Each character follows the one before it at the same distance, as in `abcdef`. */
function isSequence(text: string): boolean {
  const steps = new Set<number>();
  for (let i = 1; i < text.length; i += 1) steps.add(text.charCodeAt(i) - text.charCodeAt(i - 1));
  return steps.size <= 2;
}

/** Random text has this many bits where it is as long as 256 bits are in its own alphabet: 64 hexadecimal digits, or 43 of base64. */
export function isStrong(text: string): boolean {
  const isHex = HEX.test(text);
  const bits = text.length * (isHex ? BITS_OF_HEX : BITS_OF_BASE64);
  const distinct = new Set(text).size;
  return (
    bits >= BITS_MIN &&
    distinct >= (isHex ? HEX_DISTINCT_MIN : DISTINCT_MIN) &&
    !/\s/.test(text) &&
    !isPeriodic(text) &&
    !isSequence(text) &&
    !isExample(text)
  );
}
