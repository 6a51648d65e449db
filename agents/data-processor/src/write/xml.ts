/** Writes the result as XML: <rows><row><column>value</column></row></rows>. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Engine } from '../child/engine.ts';
import type { Flow } from '../child/flow.ts';
import { asText, type Column, identifier, literal } from '../columns.ts';

/** A column whose name is no XML name is written as <column name="…">. An absent value has no element. */
export async function writeXml(engine: Engine, flow: Flow, path: string): Promise<void> {
  const parts = flow.columns.map((column) => {
    const { open, close } = tags(column);
    return `coalesce(${literal(`    ${open}`)} || ${escaped(asText(identifier(column.name), column))} || ${literal(`${close}\n`)}, '')`;
  });
  const row = `${literal('  <row>\n')} || ${parts.join(' || ')} || ${literal('  </row>\n')}`;
  const lines = async function* (): AsyncGenerator<string> {
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<rows>\n';
    for await (const texts of engine.texts(`SELECT ${row} AS x FROM ${flow.relation}`)) yield texts.join('');
    yield '</rows>\n';
  };
  await pipeline(Readable.from(lines()), createWriteStream(path));
}

function tags(column: Column): { open: string; close: string } {
  if (/^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(column.name) && !/^xml/i.test(column.name))
    return { open: `<${column.name}>`, close: `</${column.name}>` };
  const name = column.name
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('"', '&quot;')
    .replace(/[\p{Cc}]/gu, ' ');
  return { open: `<column name="${name}">`, close: '</column>' };
}

/** Control characters that XML cannot hold become the replacement character. */
function escaped(sql: string): string {
  const safe = `regexp_replace(${sql}, '[\\x01-\\x08\\x0B\\x0C\\x0E-\\x1F]', '\uFFFD', 'g')`;
  return `replace(replace(replace(replace(${safe}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), chr(13), '&#13;')`;
}
