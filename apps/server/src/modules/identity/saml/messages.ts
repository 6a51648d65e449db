/** What we say to identity providers: who we are, and that somebody wants to sign in. */
import { deflateRawSync } from 'node:zlib';
import { NAMESPACES } from './xml.ts';

const POST = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';

/** How a connection is known to its provider. Each has names of its own, so that no assertion fits another one. */
export interface ServiceProvider {
  readonly entityId: string;
  readonly acsUrl: string;
  readonly metadataUrl: string;
}

export function serviceProviderOf(publicUrl: string, connectionId: string): ServiceProvider {
  const base = `${publicUrl}/auth/saml/${connectionId}`;
  return { entityId: `${base}/metadata`, acsUrl: `${base}/acs`, metadataUrl: `${base}/metadata` };
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] ?? '');

export const metadataOf = ({ entityId, acsUrl }: ServiceProvider): string =>
  [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${escaped(entityId)}">`,
    `  <SPSSODescriptor protocolSupportEnumeration="${NAMESPACES.protocol}" AuthnRequestsSigned="false" WantAssertionsSigned="true">`,
    `    <AssertionConsumerService index="0" isDefault="true" Binding="${POST}" Location="${escaped(acsUrl)}"/>`,
    '  </SPSSODescriptor>',
    '</EntityDescriptor>',
    '',
  ].join('\n');

/** Where the browser is sent: the provider's own address, with our request and a word that comes back with its answer. */
export function requestUrl(
  sp: ServiceProvider,
  request: { readonly id: string; readonly ssoUrl: string; readonly relayState: string; readonly now: Date },
): string {
  const xml = [
    `<samlp:AuthnRequest xmlns:samlp="${NAMESPACES.protocol}" xmlns:saml="${NAMESPACES.assertion}" ID="${escaped(request.id)}" Version="2.0"`,
    ` IssueInstant="${request.now.toISOString()}" Destination="${escaped(request.ssoUrl)}" ProtocolBinding="${POST}"`,
    ` AssertionConsumerServiceURL="${escaped(sp.acsUrl)}"><saml:Issuer>${escaped(sp.entityId)}</saml:Issuer>`,
    `<samlp:NameIDPolicy AllowCreate="true"/></samlp:AuthnRequest>`,
  ].join('');
  const url = new URL(request.ssoUrl);
  url.searchParams.set('SAMLRequest', deflateRawSync(xml).toString('base64'));
  url.searchParams.set('RelayState', request.relayState);
  return url.href;
}
