/** How the charts of one report look. */
import type { Look } from '../../document/document.ts';

export interface ChartLook extends Look {
  readonly rightToLeft: boolean;
}
