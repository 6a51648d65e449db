/** A report in the words of its reader, block by block: what HTML and PDF both draw. */
import type { Branding, FontChoice } from '../input/schema.ts';
import type { ProseNode } from '../prose/nodes.ts';

export type Tone = 'good' | 'bad' | 'neutral';
export type Direction = 'up' | 'down' | 'flat';

export interface Card {
  readonly label: string;
  readonly value: string;
  readonly change: { readonly text: string; readonly direction: Direction; readonly tone: Tone } | null;
  /** What it was before; empty when nothing is compared. */
  readonly previous: string;
}

export interface DrawnChart {
  readonly title: string;
  readonly note: string;
  /** For readers who cannot see it. */
  readonly description: string;
  readonly svg: string;
}

export interface DrawnColumn {
  readonly label: string;
  readonly isNumber: boolean;
  /** `narrow` is as wide as its cells; the others share the room that is left. */
  readonly width: 'narrow' | 'normal' | 'wide';
  /** Read from left to right in every language. */
  readonly isCode: boolean;
}

export interface DrawnTable {
  readonly title: string;
  readonly columns: readonly DrawnColumn[];
  readonly rows: readonly (readonly string[])[];
  readonly totals: readonly string[] | null;
  readonly note: string;
}

export interface WordedFinding {
  readonly kind: string;
  readonly direction: Direction;
  readonly sentence: string;
  readonly formula: string;
  readonly inputs: readonly { readonly name: string; readonly value: string }[];
}

export type Block =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'prose'; readonly nodes: readonly ProseNode[] }
  | { readonly kind: 'figures'; readonly cards: readonly Card[] }
  | { readonly kind: 'charts'; readonly charts: readonly DrawnChart[] }
  | { readonly kind: 'table'; readonly table: DrawnTable }
  | { readonly kind: 'findings'; readonly findings: readonly WordedFinding[] }
  | { readonly kind: 'notes'; readonly lines: readonly string[] }
  | { readonly kind: 'page-break' };

export interface ReportDocument {
  readonly language: 'en' | 'ar';
  readonly direction: 'ltr' | 'rtl';
  readonly paper: 'a4' | 'letter';
  readonly cover: boolean;
  readonly title: string;
  readonly subtitle: string;
  /** The small line above the title. */
  readonly kicker: string;
  readonly facts: readonly { readonly label: string; readonly text: string }[];
  readonly house: string;
  readonly font: FontChoice;
  readonly primary: string;
  readonly accent: string;
  readonly createdAt: string;
  readonly words: { readonly formula: string; readonly inputs: string; readonly easternDigits: boolean };
  readonly blocks: readonly Block[];
}

export type Look = Pick<Branding, 'primary' | 'accent' | 'font'>;
