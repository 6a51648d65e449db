/** Bytes to text: by mark, by declaration, else strict UTF-8. */
import { AgentError } from '@guildhall/agent-sdk';

export function decode(bytes: Uint8Array, encoding: string, source: string): string {
  const declared = encoding === 'auto' ? marked(bytes) : encoding;
  try {
    return new TextDecoder(declared, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AgentError('encoding-unknown', `The file of source "${source}" is not ${declared.toUpperCase()}.`, {
      advice: 'Name its encoding, for example "windows-1256" for older Arabic files, or save it as UTF-8.',
      cause,
    });
  }
}

function marked(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}
