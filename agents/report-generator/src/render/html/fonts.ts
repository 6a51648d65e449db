/** Fonts inside the page, so that it asks nobody for them. */
import { readFile } from 'node:fs/promises';
import type { ReportDocument } from '../../document/document.ts';
import { type FontFile, fontFiles } from '../fonts.ts';
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
  font.family === 'Amiri' || (font.family === 'Noto Sans Arabic') === (language === 'ar');

async function faceOf(font: FontFile): Promise<string> {
  const woff = toWoff(await readFile(font.path));
  return `@font-face{font-family:"${font.family}";font-weight:${font.weight};src:url(data:font/woff;base64,${Buffer.from(woff).toString('base64')}) format("woff")}`;
}

export const FAMILIES = {
  inter: 'Inter,"Noto Sans Arabic",system-ui,sans-serif',
  amiri: 'Amiri,Georgia,serif',
} as const;
