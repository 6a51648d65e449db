/** Refusing a request, and what every request must hold to whatever its wire. */
import { GuildhallError } from '../../../../platform/errors/index.ts';
import { wireErrors } from '../errors.ts';
import { DEPTH_MAX } from '../json.ts';
import type { Json, JsonObject } from '../types.ts';

/** Above what any model writes; a larger number is a mistake, not a wish. */
const OUTPUT_MAX = 10_000_000;

/** A member of a path as JSON Pointer wants it. */
export const pointer = (member: string | number): string =>
  `/${String(member).replaceAll('~', '~0').replaceAll('/', '~1')}`;

export function refuse(path: string, message: string): never {
  throw new GuildhallError(wireErrors.invalidRequest, {
    detail: `${path === '' ? 'The body' : path} ${message}.`,
    errors: [{ path, message }],
  });
}

export function refuseWire(route: string, reason: string): never {
  throw new GuildhallError(wireErrors.wrongWire, {
    detail: `${reason}: that is a body for POST /v1/${route}.`,
    members: { route: `/v1/${route}` },
  });
}

interface Fault {
  readonly path: string;
  readonly message: string;
}

function faultOfText(text: string): Fault | undefined {
  if (!text.isWellFormed()) return { path: '', message: 'holds half of a surrogate pair, which is no character' };
  return text.includes('\0') ? { path: '', message: 'holds a NUL character' } : undefined;
}

const under = (member: string | number, fault: Fault | undefined): Fault | undefined =>
  fault && { path: pointer(member) + fault.path, message: fault.message };

function faultOf(value: Json | undefined, depth: number): Fault | undefined {
  if (typeof value === 'string') return faultOfText(value);
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth === DEPTH_MAX) return { path: '', message: `is nested deeper than ${DEPTH_MAX} levels` };
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const item: Json = value[index];
      if (typeof item === 'number') continue;
      const fault = under(index, faultOf(item, depth + 1));
      if (fault) return fault;
    }
    return undefined;
  }
  for (const [key, member] of Object.entries(value)) {
    const fault = faultOfText(key) ? { path: '', message: 'has a member whose name is no text' } : undefined;
    const found = fault ?? under(key, faultOf(member, depth + 1));
    if (found) return found;
  }
  return undefined;
}

/** Every text is text, and nothing is nested beyond reason. */
export function assertReadable(body: JsonObject): void {
  const fault = faultOf(body, 0);
  if (fault) refuse(fault.path.toWellFormed(), fault.message);
}

/** Undefined for what is not said; null says nothing either. */
export function countIn(body: JsonObject, name: string, max = OUTPUT_MAX): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (!Number.isInteger(value) || Number(value) < 1 || Number(value) > max) {
    refuse(pointer(name), `must be a whole number from 1 to ${max}`);
  }
  return Number(value);
}

export function switchIn(body: JsonObject, name: string): boolean {
  const value = body[name];
  if (value !== undefined && value !== null && typeof value !== 'boolean')
    refuse(pointer(name), 'must be true or false');
  return value === true;
}

export function modelIn(body: JsonObject): string {
  const { model } = body;
  if (typeof model !== 'string' || model.trim() === '') refuse('/model', 'must name a model');
  if (model.length > 200) refuse('/model', 'must be at most 200 characters long');
  return model;
}

/** A list of objects; undefined where the member is absent. */
export function objectsIn(body: JsonObject, name: string, at = ''): readonly JsonObject[] | undefined {
  const list = body[name];
  if (list === undefined || list === null) return undefined;
  const path = at + pointer(name);
  if (!Array.isArray(list)) return refuse(path, 'must be a list');
  list.forEach((item: unknown, index) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      refuse(path + pointer(index), 'must be an object');
  });
  // Each of them was looked at in the loop above.
  return list as readonly JsonObject[];
}
