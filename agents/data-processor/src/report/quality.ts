/** One number for how clean the data are, with everything needed to compute it again. */

export const QUALITY_FORMULA = 'score = 100 × (0.5 × validity + 0.3 × completeness + 0.2 × uniqueness)';
const WEIGHTS = { validity: 0.5, completeness: 0.3, uniqueness: 0.2 } as const;

export interface QualityCounts {
  /** Records read from all sources. */
  readonly recordsRead: number;
  /** Records that were rejected or lost a value. */
  readonly recordsFaulty: number;
  readonly rows: number;
  readonly columns: number;
  readonly nullCells: number;
  /** Rows of the result that equal an earlier row in every column. */
  readonly duplicateRows: number;
}

// A type, not an interface: it must fit Json.
export type QualityTerm = {
  readonly name: keyof typeof WEIGHTS;
  readonly weight: number;
  readonly good: number;
  readonly of: number;
  readonly value: number;
  readonly meaning: string;
};

export type Quality = {
  readonly score: number;
  readonly formula: string;
  readonly terms: readonly QualityTerm[];
};

/** A part of nothing counts as whole: an empty result has no missing cell. */
export function qualityOf(counts: QualityCounts): Quality {
  const cells = counts.rows * counts.columns;
  const terms = [
    term(
      'validity',
      counts.recordsRead - counts.recordsFaulty,
      counts.recordsRead,
      'records without a fault, of all records read',
    ),
    term('completeness', cells - counts.nullCells, cells, 'cells with a value, of all cells of the result'),
    term(
      'uniqueness',
      counts.rows - counts.duplicateRows,
      counts.rows,
      'rows that equal no earlier row, of all rows of the result',
    ),
  ];
  const score = 100 * terms.reduce((sum, one) => sum + one.weight * one.value, 0);
  return { score: Math.round(score * 100) / 100, formula: QUALITY_FORMULA, terms };
}

function term(name: keyof typeof WEIGHTS, good: number, of: number, meaning: string): QualityTerm {
  const value = of === 0 ? 1 : good / of;
  return { name, weight: WEIGHTS[name], good, of, value: Math.round(value * 1e6) / 1e6, meaning };
}
