/** A source on its way into the engine. */
import type { Encoding, Format, OnError, Source } from '../input/request.ts';

/** What a child is told about a source. */
export interface SourceFile {
  readonly name: string;
  /** Place in the request, for the paths of errors. */
  readonly index: number;
  readonly path: string;
  /** The name it was uploaded under; only its ending counts. */
  readonly fileName: string;
  readonly options: Pick<
    Source,
    'format' | 'encoding' | 'delimiter' | 'header' | 'columns' | 'nulls' | 'sheet' | 'record'
  >;
}

export type DetectedBy = 'given' | 'byte order mark' | 'content' | 'file name';

/** What a look at a source told. */
export interface Inspection {
  readonly format: Format;
  readonly formatBy: DetectedBy;
  readonly encoding: Encoding | null;
  readonly encodingBy: DetectedBy | null;
  /** True where valid UTF-8 and other bytes come in one file: the rows that are not UTF-8 are bad rows. */
  readonly encodingMixed: boolean;
  readonly delimiter: string | null;
  /** Old files that end lines by CR alone. */
  readonly lineBreak: 'lf' | 'cr';
  readonly bytes: number;
}

/** A bad value or row, before it is in the engine. */
export interface Problem {
  readonly source: string;
  /** Number of the record in its source, from 1, header and blank lines not counted. */
  readonly row: number;
  readonly line?: number;
  readonly column?: string;
  readonly value: string;
  readonly rule: string;
  readonly message: string;
  readonly outcome: 'rejected' | 'coerced';
}

/** A source cut into well-formed records that the engine can read without guessing. */
export interface Staged {
  readonly path: string;
  readonly records: number;
  /** Records that were kept out of the staged file. */
  readonly dropped: number;
  /** Bytes of the longest staged record. */
  readonly longest: number;
  readonly shape:
    | {
        readonly type: 'delimited';
        readonly delimiter: string;
        readonly columns: readonly string[];
        readonly multiline: boolean;
      }
    | { readonly type: 'json'; readonly untyped: boolean };
}

export interface StageOptions {
  readonly source: SourceFile;
  readonly inspection: Inspection;
  readonly onError: OnError;
  readonly target: string;
  readonly problems: ProblemSink;
  readonly progress: (bytesDone: number) => void;
}

export interface ProblemSink {
  add(problem: Problem): void;
}

/** Enough of a bad value to recognise it. */
export const VALUE_SHOWN_CHARS = 200;
