/** Reads the repeated element of an XML file as records: attributes and child elements are columns, nested ones stay as JSON text. */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { utf8Chunks } from './encoding.ts';
import { sourceError } from './fail.ts';
import type { Staged, StageOptions } from './source.ts';
import { stageRecords } from './stage-json.ts';

/** The parser holds the whole tree: measured 435 MB for 23 MB of text. */
export const XML_BYTES_MAX = 24 * 1024 * 1024;
const DEPTH_MAX = 64;

/** @throws AgentError when the text is not XML, declares entities, is too large, or has no repeated element. */
export function stageXml(options: StageOptions): Staged {
  const { source, inspection } = options;
  if (inspection.bytes > XML_BYTES_MAX)
    throw sourceError(
      source,
      'xml-size',
      `the XML has ${inspection.bytes} bytes, where ${XML_BYTES_MAX} are allowed`,
      'Split it, or send CSV or NDJSON.',
    );
  const text = Buffer.concat(
    Array.from(utf8Chunks(source.path, inspection.encoding ?? 'utf-8'), (chunk) => Buffer.from(chunk)),
  ).toString('utf8');
  if (/<!(DOCTYPE|ENTITY)/i.test(text))
    throw sourceError(
      source,
      'xml-doctype',
      'the XML has a DOCTYPE or declares entities',
      'Remove the DOCTYPE; entities are never expanded.',
    );
  if (text.trim() === '')
    throw sourceError(source, 'empty-source', 'the file is empty', 'Send a file with at least one record.');
  assertDepth(text, options);
  const valid = XMLValidator.validate(text);
  if (valid !== true)
    throw sourceError(
      source,
      'invalid-xml',
      `not valid XML: ${valid.err.msg} (line ${valid.err.line}, column ${valid.err.col})`,
      'Correct the XML at that place.',
    );
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    textNodeName: 'text',
    parseTagValue: false,
    parseAttributeValue: false,
    ignoreDeclaration: true,
    ignorePiTags: true,
    trimValues: true,
  });
  const records = recordsIn(parser.parse(text), source.options.record);
  if (records === undefined) {
    const named = source.options.record;
    throw sourceError(
      source,
      'no-rows',
      named === undefined ? 'no element repeats, so there are no records' : `there is no element <${named}>`,
      'Name the element that is one record in "record".',
    );
  }
  options.progress(inspection.bytes);
  return stageRecords(options, records.map(flat), true);
}

type Node = Readonly<Record<string, unknown>>;

function recordsIn(root: unknown, wanted: string | undefined): readonly unknown[] | undefined {
  let level: readonly unknown[] = [root];
  for (let depth = 0; depth < DEPTH_MAX && level.length > 0; depth++) {
    const entries = level.filter(isNode).flatMap((node) => Object.entries(node));
    const lists = entries.filter(([name, value]) =>
      wanted === undefined ? Array.isArray(value) && value.length > 1 : name === wanted,
    );
    if (wanted !== undefined && lists.length > 0)
      return lists.flatMap(([, value]) => (Array.isArray(value) ? value : [value]));
    const longest = lists
      .map(([, value]) => (Array.isArray(value) ? value : []))
      .sort((one, other) => other.length - one.length)[0];
    if (longest !== undefined) return longest;
    level = entries.flatMap(([, value]) => (Array.isArray(value) ? value : [value]));
  }
  return undefined;
}

function flat(record: unknown): Node {
  if (!isNode(record)) return { text: record };
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null ? JSON.stringify(value) : value,
    ]),
  );
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function assertDepth(text: string, options: StageOptions): void {
  let depth = 0;
  for (const [tag] of text.matchAll(/<[^!?][^<>]*>/g)) {
    if (tag.startsWith('</')) depth--;
    else if (!tag.endsWith('/>')) depth++;
    if (depth > DEPTH_MAX)
      throw sourceError(
        options.source,
        'too-deep',
        `the XML is nested deeper than ${DEPTH_MAX} levels`,
        'Send flat records.',
      );
  }
}
