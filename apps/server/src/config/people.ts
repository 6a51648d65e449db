/** Settings of people: who may sign up, and where they come from. */
import path from 'node:path';
import { z } from 'zod';
import type { SettingDoc } from './schemas.ts';

export const PEOPLE_SETTINGS = [
  {
    name: 'SIGN_UP',
    fallback: 'open',
    bounds: 'open, invite, closed',
    effect:
      'Who may sign up: everybody, whoever was invited (docs/access/beta.md), or nobody. Organisations bring their own people by single sign-on in any case.',
    schema: z.enum(['open', 'invite', 'closed']).default('open'),
  },
  {
    name: 'SIGN_UP_MAX_PEOPLE',
    fallback: 'no limit',
    bounds: '1–10000000',
    effect: 'How many people there may be, however they come. The next one is refused; nobody is removed.',
    schema: z.coerce.number().int().min(1).max(10_000_000).optional(),
  },
  {
    name: 'COUNTRY_DATABASE',
    fallback: 'countries are unknown',
    bounds: 'a file in the format of MaxMind (.mmdb) with countries or cities',
    effect:
      'Where sign-ins come from: people are told of one from a new country, or from too far away. Read again when it is replaced (docs/access/two-factor.md).',
    schema: z
      .string()
      .transform((file) => path.resolve(file))
      .optional(),
  },
] as const satisfies readonly SettingDoc[];

export interface PeopleSettings {
  readonly signUp: { readonly mode: 'open' | 'invite' | 'closed'; readonly peopleMax: number | undefined };
  /** The path of a file. */
  readonly countryDatabase: string | undefined;
}

/** From values that the schemas above have parsed. */
export function peopleFrom(read: <T>(name: (typeof PEOPLE_SETTINGS)[number]['name']) => T): PeopleSettings {
  return {
    signUp: {
      mode: read<PeopleSettings['signUp']['mode']>('SIGN_UP'),
      peopleMax: read<number | undefined>('SIGN_UP_MAX_PEOPLE'),
    },
    countryDatabase: read<string | undefined>('COUNTRY_DATABASE'),
  };
}
