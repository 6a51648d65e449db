/** The table being worked on, between two steps. */
import type { Column } from '../columns.ts';

export interface Flow {
  /** SQL that can stand after FROM. */
  readonly relation: string;
  /** The table behind it, dropped when the next one is made. */
  readonly table?: string | undefined;
  readonly columns: readonly Column[];
  readonly rows: number;
  /** Whether rows still carry the number they have in their source. */
  readonly tracked: boolean;
  /** Computing steps that `relation` still does when it is read. */
  readonly pending?: number;
  /** After a join one row of the source may be there several times. */
  readonly rowsRepeat?: boolean;
}
