/**
 * A browser between the platform and a fake identity provider: it carries cookies, posts forms of other sites, and follows nobody by itself.
 *
 *     const browser = createSamlBrowser(platform);
 *     const begun = await browser.begin(connectionId);                       // the request as the provider reads it
 *     const answer = await browser.post(begun, idp.respond({ ...begun, subject }));
 */
import { inflateRawSync } from 'node:zlib';
import { type Client, createClient } from './people.ts';
import type { Reply, TestPlatform } from './platform.ts';

/** What the provider is asked, and what it must name in its answer. */
export interface BegunSaml {
  readonly connectionId: string;
  readonly requestId: string;
  readonly acsUrl: string;
  readonly audience: string;
  readonly relayState: string;
  /** Where the browser was sent. */
  readonly url: URL;
}

export interface SamlBrowser extends Client {
  begin(connectionId: string, returnTo?: string): Promise<BegunSaml>;
  /** The request in an address of the provider. */
  read(connectionId: string, url: URL): BegunSaml;
  /** As a page of the provider posts it: from another origin, without our header. */
  post(begun: BegunSaml, response: string, relayState?: string): Promise<Reply>;
}

function readRequest(connectionId: string, url: URL): BegunSaml {
  const xml = inflateRawSync(Buffer.from(url.searchParams.get('SAMLRequest') ?? '', 'base64')).toString();
  const read = (pattern: RegExp): string => pattern.exec(xml)?.[1] ?? '';
  return {
    connectionId,
    requestId: read(/ ID="([^"]*)"/),
    acsUrl: read(/ AssertionConsumerServiceURL="([^"]*)"/),
    audience: read(/<saml:Issuer>([^<]*)</),
    relayState: url.searchParams.get('RelayState') ?? '',
    url,
  };
}

export function createSamlBrowser(platform: Pick<TestPlatform, 'url'>): SamlBrowser {
  const client = createClient(platform);
  return {
    ...client,
    async begin(connectionId, returnTo = '/after') {
      const started = await client.call<{ url: string }>('POST', '/v1/auth/saml/start', { connectionId, returnTo });
      if (started.status !== 200) throw new Error(`start: ${started.status} ${JSON.stringify(started.body)}`);
      return readRequest(connectionId, new URL(started.body.url));
    },
    read: readRequest,
    async post(begun, response, relayState = begun.relayState) {
      const cookie = [...client.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await fetch(`${platform.url}/auth/saml/${begun.connectionId}/acs`, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          origin: 'https://idp.example.com',
          'sec-fetch-site': 'cross-site',
          'content-type': 'application/x-www-form-urlencoded',
          ...(cookie === '' ? {} : { cookie }),
        },
        body: new URLSearchParams({ SAMLResponse: response, RelayState: relayState }),
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (value === '') client.cookies.delete(name);
        else client.cookies.set(name, value);
      }
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) };
    },
  };
}
