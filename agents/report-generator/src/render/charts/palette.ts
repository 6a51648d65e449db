/** Colours that follow from the two of a house. */

/** After the two house colours: hues that stay apart in print and for colour-blind readers (after Okabe and Ito). */
const FOLLOWING = ['#e69f00', '#7b5ea7', '#56b4e9', '#d55e00', '#8a8f98', '#cc79a7'] as const;

export const paletteOf = (primary: string, accent: string): string[] => [primary, accent, ...FOLLOWING];

export const INK = '#1f2933';
export const MUTED = '#66717f';
export const LINE = '#e3e7ec';
