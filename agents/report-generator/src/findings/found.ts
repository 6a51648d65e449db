/** What each kind of finding computes for itself. */
import type { Finding, Subject } from '../report/model.ts';

export type Found = Pick<Finding, 'subject' | 'formula' | 'format' | 'inputs' | 'result'>;

/** Numbers listed as inputs; past this a finding names the largest and says how many there are. */
export const INPUTS_MAX = 30;

export const subjectOf = (label: string | undefined, otherwise: Subject): Subject =>
  label === undefined ? otherwise : { label };
