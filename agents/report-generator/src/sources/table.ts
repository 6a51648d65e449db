/** Rows in columns: the one form in which every source is read. */

export type ColumnType = 'number' | 'date' | 'text';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /**
   * Numbers as plain decimals (`-12.5`), dates as `YYYY-MM-DD` or `YYYY-MM-DDTHH:mm:ss` in the time zone of the report, texts as they
   * came. Null is an empty cell.
   */
  readonly cells: readonly (string | null)[];
}

export interface Table {
  /** The id of the source in the input. */
  readonly id: string;
  readonly columns: ReadonlyMap<string, Column>;
  readonly rowCount: number;
  /** The column that places a row in time, when there is one. */
  readonly dateColumn: string | undefined;
}

/** What a reader of a format hands over: names in order, cells as text, not yet typed. */
export interface RawTable {
  readonly names: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly notes: readonly string[];
}
