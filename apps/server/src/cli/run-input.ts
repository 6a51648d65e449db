/** Builds an agent's input from what was typed: JSON, files, single members. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { CliError, EXIT, usageError } from './exit-codes.ts';

type JsonObject = Record<string, unknown>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Where an agent's input takes a file, read from its JSON Schema. */
export interface FilePlace {
  /** The list of sources. */
  readonly member: string;
  /** `id`: `{file: "file_…"}`; `reference`: `{file: {file: "file_…"}}`. */
  readonly shape: 'id' | 'reference';
}

function shapeOf(item: unknown): FilePlace['shape'] | undefined {
  if (!isObject(item)) return undefined;
  for (const branch of [item.anyOf, item.oneOf].flat()) {
    const found = shapeOf(branch);
    if (found) return found;
  }
  const file = isObject(item.properties) ? item.properties.file : undefined;
  if (!isObject(file)) return undefined;
  if (file.type === 'string') return 'id';
  return isObject(file.properties) && 'file' in file.properties ? 'reference' : undefined;
}

/** The first list of the input whose members can name a file; undefined when the agent takes none. */
export function findFilePlace(inputSchema: unknown): FilePlace | undefined {
  const properties = isObject(inputSchema) ? inputSchema.properties : undefined;
  if (!isObject(properties)) return undefined;
  for (const [member, schema] of Object.entries(properties)) {
    const shape = isObject(schema) && schema.type === 'array' ? shapeOf(schema.items) : undefined;
    if (shape) return { member, shape };
  }
  return undefined;
}

/** `input` with uploaded files at the end of the list that takes them. */
export function placeFiles(input: JsonObject, place: FilePlace, fileIds: readonly string[]): JsonObject {
  const present = input[place.member] ?? [];
  if (!Array.isArray(present)) throw usageError(`"${place.member}" of the input must be a list to add a file to it.`);
  const added = fileIds.map((id) => ({ file: place.shape === 'id' ? id : { file: id } }));
  return { ...input, [place.member]: [...present, ...added] };
}

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whatever is not JSON is meant as text: --set title=Orders
    return text;
  }
}

function setAt(target: unknown, segments: readonly string[], value: unknown): unknown {
  const [segment, ...rest] = segments;
  if (segment === undefined) return value;
  if (Array.isArray(target) || (target === undefined && /^\d+$/.test(segment))) {
    const list: unknown[] = Array.isArray(target) ? [...target] : [];
    const index = Number(segment);
    if (!/^\d+$/.test(segment) || index > list.length)
      throw usageError(`--set: there is no member ${segment} in a list of ${list.length}.`);
    list[index] = setAt(list[index], rest, value);
    return list;
  }
  if (target !== undefined && !isObject(target)) throw usageError(`--set: ${segment} cannot be set in a plain value.`);
  return { ...target, [segment]: setAt(target?.[segment], rest, value) };
}

/** `steps.0.step=rename`: sets one member; the value is JSON, or text when it is not. */
export function setMember(input: JsonObject, assignment: string): JsonObject {
  const at = assignment.indexOf('=');
  const segments = assignment.slice(0, Math.max(at, 0)).split('.');
  if (at <= 0 || segments.some((segment) => segment === '' || FORBIDDEN.has(segment)))
    throw usageError(`--set ${assignment}: write path=value, for example --set outputs='["parquet"]'`);
  // The first segment is never a list's, since an input is an object.
  return setAt(input, segments, readValue(assignment.slice(at + 1))) as JsonObject;
}

/** JSON text as an object. `origin` names it in the error. */
export function parseObject(text: string, origin: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CliError(EXIT.usage, `${origin} is not valid JSON: ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    });
  }
  if (!isObject(value)) throw usageError(`${origin} must hold a JSON object.`);
  return value;
}

export interface InputOptions {
  readonly input?: readonly string[];
  readonly jsonInput?: string;
  readonly set?: readonly string[];
}

export interface InputParts {
  readonly base: JsonObject;
  /** Local files to upload, in order. */
  readonly uploads: readonly string[];
}

/** Reads what was named. A .json file and `-` are the input itself, any other file is to be uploaded. */
export async function readInputParts(
  options: InputOptions,
  readStandardInput: () => Promise<string>,
): Promise<InputParts> {
  let base: JsonObject = {};
  const uploads: string[] = [];
  for (const name of options.input ?? []) {
    if (name === '-') base = { ...base, ...parseObject(await readStandardInput(), 'standard input') };
    else if (path.extname(name).toLowerCase() === '.json')
      base = { ...base, ...parseObject(await readText(name), name) };
    else {
      await assertFile(name);
      uploads.push(name);
    }
  }
  if (options.jsonInput !== undefined) base = { ...base, ...parseObject(options.jsonInput, '--json-input') };
  return { base, uploads };
}

async function assertFile(name: string): Promise<void> {
  const found = await stat(name).catch(() => undefined);
  if (!found?.isFile()) throw usageError(`There is no file ${name}.`);
}

async function readText(name: string): Promise<string> {
  await assertFile(name);
  return readFile(name, 'utf8');
}
