/**
 * The fonts that are shipped, as files. Vazirmatn, because text copied from a PDF set in it comes out right; Noto Sans Arabic draws
 * letters and dots as separate glyphs, and a search in such a PDF finds nothing.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { FontChoice } from '../input/schema.ts';

const require = createRequire(import.meta.url);
const folderOf = (name: string): string => dirname(require.resolve(`@expo-google-fonts/${name}/package.json`));

export interface FontFile {
  readonly family: string;
  readonly weight: 400 | 600 | 700;
  readonly isItalic: boolean;
  readonly path: string;
}

/** A face is named as its folder: `400Regular`, `400Regular_Italic`. */
const file = (family: string, pack: string, face: Face): FontFile => ({
  family,
  weight: WEIGHTS[face],
  isItalic: face.endsWith('Italic'),
  path: join(folderOf(pack), face, `${family.replaceAll(' ', '')}_${face}.ttf`),
});

const WEIGHTS = { '400Regular': 400, '400Regular_Italic': 400, '600SemiBold': 600, '700Bold': 700 } as const;
type Face = keyof typeof WEIGHTS;

export function fontFiles(font: FontChoice): readonly FontFile[] {
  if (font === 'amiri') {
    return [
      file('Amiri', 'amiri', '400Regular'),
      file('Amiri', 'amiri', '400Regular_Italic'),
      file('Amiri', 'amiri', '700Bold'),
    ];
  }
  return [
    file('Inter', 'inter', '400Regular'),
    file('Inter', 'inter', '400Regular_Italic'),
    file('Inter', 'inter', '600SemiBold'),
    file('Inter', 'inter', '700Bold'),
    file('Vazirmatn', 'vazirmatn', '400Regular'),
    file('Vazirmatn', 'vazirmatn', '600SemiBold'),
    file('Vazirmatn', 'vazirmatn', '700Bold'),
  ];
}

/** In order of preference; named outright, because a generic name would take whatever the machine has. */
export function fontStack(font: FontChoice, language: 'en' | 'ar'): readonly string[] {
  if (font === 'amiri') return ['Amiri'];
  return language === 'ar' ? ['Vazirmatn', 'Inter'] : ['Inter', 'Vazirmatn'];
}
