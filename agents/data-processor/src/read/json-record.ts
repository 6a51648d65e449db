/** Follows JSON text byte by byte and hands out each record, without building objects. */

/** Deeper nesting is no table. */
export const JSON_DEPTH_MAX = 64;
/** A double keeps so many decimal digits; longer numbers are passed on as marked texts so that none is lost. */
const DOUBLE_DIGITS = 15;
/** Begins a text that was a number in the source. */
export const NUMBER_MARK = '\u0001';

const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
const [QUOTE, BACKSLASH, OPEN, CLOSE, LIST, END_LIST, COMMA] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x2c];

export interface JsonRecordEvents {
  /** The bytes are only good until the call returns. */
  record(bytes: Buffer): void;
  fail(reason: string, message: string, advice: string): Error;
}

export class JsonRecordScanner {
  readonly #events: JsonRecordEvents;
  #record = Buffer.allocUnsafe(64 * 1024);
  #used = 0;
  #place: 'start' | 'between' | 'inside' | 'after' = 'start';
  #array = false;
  #expectValue = true;
  #depth = 0;
  #inText = false;
  #escaped = false;
  #number = -1;
  #digits = 0;
  #offset = 0;

  constructor(events: JsonRecordEvents) {
    this.#events = events;
  }

  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (this.#place === 'inside') this.#inside(byte, this.#offset + at);
      else if (byte > 0x20) this.#outside(byte, this.#offset + at);
    }
    this.#offset += chunk.length;
  }

  finish(): void {
    if (this.#place === 'inside' && this.#depth === 0 && !this.#inText) this.#end();
    if (this.#place === 'inside' || (this.#array && this.#place !== 'after'))
      throw this.#fault(this.#offset, 'the text ends in the middle');
  }

  #outside(byte: number, at: number): void {
    if (this.#place === 'start' && byte === LIST) {
      this.#array = true;
      this.#place = 'between';
      return;
    }
    if (this.#place === 'after') throw this.#fault(at, 'there is text after the end of the list');
    if (this.#array && byte === END_LIST) {
      this.#place = 'after';
      return;
    }
    if (this.#array && byte === COMMA) {
      if (this.#expectValue) throw this.#fault(at, 'a comma without a value before it');
      this.#expectValue = true;
      return;
    }
    if (this.#array && !this.#expectValue) throw this.#fault(at, 'a comma is missing between two values');
    this.#place = 'inside';
    this.#expectValue = false;
    this.#inside(byte, at);
  }

  #inside(byte: number, at: number): void {
    if (this.#inText) {
      this.#text(byte, at);
      return;
    }
    const numeric =
      (byte >= 0x30 && byte <= 0x39) ||
      byte === 0x2d ||
      byte === 0x2b ||
      byte === 0x2e ||
      byte === 0x65 ||
      byte === 0x45;
    if (this.#number >= 0 && !numeric) this.#endNumber();
    if (this.#depth === 0 && (byte === COMMA || byte === END_LIST || byte <= 0x20)) {
      this.#end();
      if (byte > 0x20) this.#outside(byte, at);
      return;
    }
    if (this.#number < 0 && ((byte >= 0x30 && byte <= 0x39) || byte === 0x2d)) this.#number = this.#used;
    if (byte >= 0x30 && byte <= 0x39) this.#digits++;
    if (byte === QUOTE) this.#inText = true;
    else if (byte === OPEN || byte === LIST) this.#deeper(at);
    this.#put(Math.max(byte, 0x20));
    if (byte === CLOSE || byte === END_LIST) this.#shallower(at);
  }

  #text(byte: number, at: number): void {
    if (byte < 0x20) throw this.#fault(at, 'a line break or control character inside a text');
    this.#put(byte);
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inText = false;
  }

  #deeper(at: number): void {
    if (++this.#depth > JSON_DEPTH_MAX)
      throw this.#events.fail(
        'too-deep',
        `the JSON is nested deeper than ${JSON_DEPTH_MAX} levels (byte ${at + 1})`,
        'Send flat records.',
      );
  }

  #shallower(at: number): void {
    if (--this.#depth < 0) throw this.#fault(at, 'a bracket is closed that was never opened');
    if (this.#depth === 0) this.#end();
  }

  /** A number with more digits than a double keeps becomes a marked text. */
  #endNumber(): void {
    const text = this.#digits > DOUBLE_DIGITS ? this.#record.toString('latin1', this.#number, this.#used) : '';
    if (NUMBER.test(text)) {
      this.#used = this.#number;
      for (const byte of Buffer.from(`"\\u0001${text}"`)) this.#put(byte);
    }
    this.#number = -1;
    this.#digits = 0;
  }

  #end(): void {
    if (this.#number >= 0) this.#endNumber();
    this.#events.record(this.#record.subarray(0, this.#used));
    this.#used = 0;
    this.#place = 'between';
    this.#depth = 0;
  }

  #put(byte: number): void {
    if (this.#used === this.#record.length) {
      if (this.#used >= 64 * 1024 * 1024)
        throw this.#events.fail('record-size', 'one record is larger than 64 MiB', 'Send a list of smaller records.');
      this.#record = Buffer.concat([this.#record], this.#record.length * 2);
    }
    this.#record[this.#used++] = byte;
  }

  #fault(at: number, what: string): Error {
    return this.#events.fail(
      'invalid-json',
      `not valid JSON: ${what} (byte ${at + 1})`,
      'Send valid JSON; for one object a line give the format ndjson.',
    );
  }
}
