/** The fonts that are shipped, as files. */
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
    file('Noto Sans Arabic', 'noto-sans-arabic', '400Regular'),
    file('Noto Sans Arabic', 'noto-sans-arabic', '600SemiBold'),
    file('Noto Sans Arabic', 'noto-sans-arabic', '700Bold'),
  ];
}
