/** Fonts inside the page, so that it asks nobody for them. */
import { readFile } from 'node:fs/promises';
import type { ReportDocument } from '../../document/document.ts';
import { type FontFile, fontFiles, fontStack } from '../fonts.ts';
import { toWoff } from './woff.ts';

/** A page carries the two weights of the script it is written in; everything else falls to the reader's own fonts. */
export async function fontFaces(document: ReportDocument): Promise<string> {
  const wanted = fontFiles(document.font).filter(
    (font) => !font.isItalic && font.weight !== 600 && belongs(font, document.language),
  );
  const faces = await Promise.all(wanted.map(faceOf));
  return faces.join('\n');
}

const belongs = (font: FontFile, language: 'en' | 'ar'): boolean =>
  font.family === 'Amiri' || (font.family === 'Vazirmatn') === (language === 'ar');

async function faceOf(font: FontFile): Promise<string> {
  const woff = toWoff(await readFile(font.path));
  return `@font-face{font-family:"${font.family}";font-weight:${font.weight};src:url(data:font/woff;base64,${Buffer.from(woff).toString('base64')}) format("woff")}`;
}

/** Behind the embedded fonts stand the reader's own, for scripts that no shipped font has. */
export function fontFamily(document: ReportDocument): string {
  const general = document.font === 'amiri' ? 'serif' : 'system-ui,sans-serif';
  return [...fontStack(document.font, document.language), general].join(',');
}
