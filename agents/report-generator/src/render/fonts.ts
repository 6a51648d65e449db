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

const file = (family: string, pack: string, face: string, weight: FontFile['weight'], isItalic = false): FontFile => ({
  family,
  weight,
  isItalic,
  path: join(folderOf(pack), face, `${family.replaceAll(' ', '')}_${face}.ttf`),
});

export function fontFiles(font: FontChoice): readonly FontFile[] {
  if (font === 'amiri') {
    return [
      file('Amiri', 'amiri', '400Regular', 400),
      file('Amiri', 'amiri', '400Regular_Italic', 400, true),
      file('Amiri', 'amiri', '700Bold', 700),
    ];
  }
  return [
    file('Inter', 'inter', '400Regular', 400),
    file('Inter', 'inter', '400Regular_Italic', 400, true),
    file('Inter', 'inter', '600SemiBold', 600),
    file('Inter', 'inter', '700Bold', 700),
    file('Noto Sans Arabic', 'noto-sans-arabic', '400Regular', 400),
    file('Noto Sans Arabic', 'noto-sans-arabic', '600SemiBold', 600),
    file('Noto Sans Arabic', 'noto-sans-arabic', '700Bold', 700),
  ];
}
