/** The pages of people: what a stranger and a member can do without a console. */
import { z } from 'zod';
import { randomName } from '../../../platform/crypto/index.ts';
import { pageHeaders, type RouteDefinition, route } from '../../../platform/http/index.ts';
import { ACCOUNT_PAGE } from './account.ts';
import { INVITATION_PAGE, SECOND_FACTOR_PAGE, SIGN_IN_PAGE, SIGN_UP_PAGE } from './entry.ts';
import { LINK_PAGES } from './links.ts';
import { type Content, languageOf, pageOf } from './shell.ts';
import { WORDS } from './words.ts';

const PAGES: Readonly<Record<string, Content>> = {
  '/auth/sign-up': SIGN_UP_PAGE,
  '/auth/sign-in': SIGN_IN_PAGE,
  '/auth/second-factor': SECOND_FACTOR_PAGE,
  '/auth/invitation': INVITATION_PAGE,
  '/auth/account': ACCOUNT_PAGE,
  ...LINK_PAGES,
};

// A browser gives passkeys to names alone.
const ADDRESS = /^[\d.]+$|^\[/;
const passkeyHostOf = (publicUrl: string): string => {
  const { hostname } = new URL(publicUrl);
  return ADDRESS.test(hostname) ? '' : hostname;
};

export function peoplePages(publicUrl: () => string): readonly RouteDefinition[] {
  return Object.entries(PAGES).map(([path, page]) =>
    route({
      method: 'GET',
      path,
      summary: `The page: ${WORDS.en[page.title].toLowerCase()}`,
      tag: 'Pages',
      scope: 'public',
      query: z.looseObject({ lang: z.enum(['en', 'ar']).optional().catch(undefined) }),
      responses: { 200: null },
      handler: async ({ query, reply, raw }) => {
        const language = query.lang ?? languageOf(raw.headers['accept-language']);
        const nonce = randomName();
        const html = pageOf({ ...page, language, nonce, path, passkeyHost: passkeyHostOf(publicUrl()) });
        await reply.headers(pageHeaders({ nonce })).send(html);
        return undefined;
      },
    }),
  );
}
