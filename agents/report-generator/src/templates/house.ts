/** The five house templates: which section stands where. */
import type { HouseTemplate } from '../input/template.ts';

export type Part = 'figures' | 'charts' | 'tables' | 'findings' | 'profile' | 'method';

export interface House {
  /** A page of its own before the content; else a band at the top of the first page. */
  readonly cover: boolean;
  readonly parts: readonly Part[];
}

export const HOUSES: Readonly<Record<HouseTemplate, House>> = {
  analytics: { cover: false, parts: ['figures', 'charts', 'findings', 'tables'] },
  financial: { cover: true, parts: ['figures', 'tables', 'charts', 'findings', 'method'] },
  operational: { cover: false, parts: ['figures', 'findings', 'charts', 'tables'] },
  executive: { cover: true, parts: ['figures', 'findings', 'charts', 'tables'] },
  technical: { cover: false, parts: ['figures', 'charts', 'findings', 'tables', 'profile', 'method'] },
};
