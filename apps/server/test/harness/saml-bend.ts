/** How tests change a text of XML; each change must change something. */

export type Bend = (xml: string) => string;

/** Whom the forger wants to be. */
export const VICTIM = 'victim@example.com';

export const put =
  (what: string | RegExp, by: string): Bend =>
  (xml) => {
    const bent = xml.replace(what, () => by);
    if (bent === xml) throw new Error(`a forgery changes nothing: ${String(what)}`);
    return bent;
  };
export const cut = (what: string | RegExp): Bend => put(what, '');

export const NAME_ID = /(?<=<saml:NameID[^>]*>)[^<]*(?=<)/;
export const become: Bend = put(NAME_ID, VICTIM);

export const SIGNATURE = /<Signature .*?<\/Signature>/s;
export const ASSERTION = /<saml:Assertion .*<\/saml:Assertion>/s;
export const END = '</samlp:Response>';
export const part = (xml: string, what: RegExp): string => xml.match(what)?.[0] ?? '';
