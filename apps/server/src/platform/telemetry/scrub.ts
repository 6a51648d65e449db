/** Takes known secrets out of a text by their exact value, for those whose shape no pattern knows. */
import { REDACTED } from './redact.ts';

// Anything shorter would take ordinary words apart.
const CHARS_MIN = 8;

/** Works on texts and on JSON: a value is also found as JSON or a URL would write it. */
export function createScrubber(secrets: readonly string[]): (text: string) => string {
  const forms = secrets
    .filter((secret) => secret.length >= CHARS_MIN)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  // The longest first: one secret may be part of another.
  const unique = [...new Set(forms)].sort((a, b) => b.length - a.length);
  return (text) => unique.reduce((clean, secret) => clean.replaceAll(secret, REDACTED), text);
}
