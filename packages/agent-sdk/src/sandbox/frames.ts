/** How a sandboxed child speaks to its parent: one byte of kind, four bytes of length, then JSON. */

export type FrameKind = 'progress' | 'result' | 'failure';

const CODES: Readonly<Record<FrameKind, number>> = { progress: 1, result: 2, failure: 3 };
const KINDS: Readonly<Record<number, FrameKind>> = { 1: 'progress', 2: 'result', 3: 'failure' };
const HEADER_BYTES = 5;

/** Room for a progress note or an error with its fields; a result has its own limit. */
export const SMALL_FRAME_MAX_BYTES = 64 * 1024;

/** The bytes of one frame. */
export function encodeFrame(kind: FrameKind, json: string): Buffer {
  const body = Buffer.from(json, 'utf8');
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt8(CODES[kind], 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

export interface Frame {
  readonly kind: FrameKind;
  readonly body: Buffer;
}

/** `too-large`: a frame announces more than it may hold. `garbled`: bytes that are no frame. */
export type FrameFault = 'too-large' | 'garbled';

export interface FrameReader {
  /** The frames that this chunk completes, in order; or the fault after which nothing more may be read. */
  push(chunk: Buffer): readonly Frame[] | FrameFault;
}

/** Reads frames out of a byte stream and never keeps more than one frame of the allowed size. */
export function createFrameReader(resultMaxBytes: number): FrameReader {
  let parts: Buffer[] = [];
  let held = 0;

  function take(size: number): Buffer {
    const all = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts, held);
    parts = [all.subarray(size)];
    held -= size;
    return all.subarray(0, size);
  }

  let head: { kind: FrameKind; size: number } | undefined;

  function readHead(): FrameFault | undefined {
    const bytes = take(HEADER_BYTES);
    const kind = KINDS[bytes.readUInt8(0)];
    if (kind === undefined) return 'garbled';
    const size = bytes.readUInt32BE(1);
    if (size > (kind === 'result' ? resultMaxBytes : SMALL_FRAME_MAX_BYTES)) return 'too-large';
    head = { kind, size };
    return undefined;
  }

  return {
    push(chunk) {
      parts.push(chunk);
      held += chunk.length;
      const frames: Frame[] = [];
      for (;;) {
        if (head === undefined) {
          if (held < HEADER_BYTES) return frames;
          const fault = readHead();
          if (fault !== undefined) return fault;
        }
        if (head === undefined || held < head.size) return frames;
        frames.push({ kind: head.kind, body: take(head.size) });
        head = undefined;
      }
    },
  };
}
