/** A logo is a stranger's file: it is checked before anything draws it. */
import { readFile, stat } from 'node:fs/promises';
import { AgentError } from '@guildhall/agent-sdk';

export interface Logo {
  readonly kind: 'png' | 'svg';
  readonly bytes: Uint8Array;
}

const BYTES_MAX = 1024 * 1024;
const SIDE_MAX = 4_096;
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Whatever could run, load or expand. */
const ACTIVE =
  /<\s*(script|foreignObject|iframe|image|feImage|use[^>]+href\s*=\s*["']?\s*(?!#|["']#))|<!DOCTYPE|<!ENTITY|\bon[a-z]+\s*=|(?:href|src)\s*=\s*["']?\s*(?!#|["'#])[a-z]+:|url\(\s*["']?\s*(?!["']?#)|@import/i;

/** @throws AgentError `logo-unreadable`, `logo-unsafe` */
export async function readLogo(path: string): Promise<Logo> {
  if ((await stat(path)).size > BYTES_MAX) throw unreadable('it is larger than 1 MiB');
  const bytes = await readFile(path);
  if (PNG.every((byte, index) => bytes[index] === byte)) return checkedPng(bytes);
  const text = bytes.toString('utf8');
  if (!/<svg[\s>]/i.test(text.slice(0, 2_000))) throw unreadable('it is neither PNG nor SVG');
  if (!ACTIVE.test(text)) return { kind: 'svg', bytes };
  throw new AgentError('logo-unsafe', 'The logo holds scripts, entities, images or references to other addresses.', {
    advice: 'Save it as plain SVG shapes, or as PNG.',
  });
}

/** The size stands in the first chunk; a small file may claim a huge picture. */
function checkedPng(bytes: Buffer): Logo {
  if (bytes.length < 33) throw unreadable('it is cut off');
  const isHuge = bytes.readUInt32BE(16) > SIDE_MAX || bytes.readUInt32BE(20) > SIDE_MAX;
  if (isHuge) throw unreadable(`one side is longer than ${SIDE_MAX} pixels`);
  return { kind: 'png', bytes };
}

const unreadable = (why: string): AgentError =>
  new AgentError('logo-unreadable', `The logo was refused: ${why}.`, { advice: 'Give a PNG or SVG of at most 1 MiB.' });
