/** The header `cache-control` of a request. */
import type { Incoming } from '../call/types.ts';
import type { Permission } from './types.ts';

/** `no-cache`: asked anew, and kept. `no-store`: the cache is left alone. Anything else says nothing. */
export function permissionOf(headers: Incoming['headers']): Permission {
  const given = headers?.['cache-control'];
  const words = (typeof given === 'string' ? given : (given?.join(',') ?? '')).toLowerCase().split(',');
  const says = (word: string): boolean => words.some((each) => each.trim() === word);
  const mayKeep = !says('no-store');
  return { mayKeep, mayRead: mayKeep && !says('no-cache') };
}
