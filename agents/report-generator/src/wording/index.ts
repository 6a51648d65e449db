/** The words of a language. */
import { arabic } from './ar.ts';
import { english } from './en.ts';
import type { Words } from './words.ts';

export const wordsOf = (language: 'en' | 'ar'): Words => (language === 'ar' ? arabic : english);
