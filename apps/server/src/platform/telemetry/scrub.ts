/** Takes known secrets out of a text by their exact value, for those whose shape no pattern knows. */
import { REDACTED } from './redact.ts';

// Anything shorter would take ordinary words apart.
const CHARS_MIN = 8;

function formsOf(secrets: readonly string[]): readonly string[] {
  const forms = secrets
    .filter((secret) => secret.length >= CHARS_MIN)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  // The longest first: one secret may be part of another.
  return [...new Set(forms)].sort((a, b) => b.length - a.length);
}

/**
 * Works on texts and on JSON: a value is also found as JSON or a URL would write it. Secrets that change are given as a function, which
 * returns another list when they have.
 */
export function createScrubber(secrets: readonly string[] | (() => readonly string[])): (text: string) => string {
  const read = typeof secrets === 'function' ? secrets : () => secrets;
  let known = read();
  let forms = formsOf(known);
  return (text) => {
    if (read() !== known) {
      known = read();
      forms = formsOf(known);
    }
    return forms.reduce((clean, secret) => clean.replaceAll(secret, REDACTED), text);
  };
}
