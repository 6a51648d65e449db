/** Files inside an address. */

export interface InlineFile {
  readonly mediaType: string;
  readonly base64: string;
}

const HEAD = /^data:([\w.+-]{1,100}\/[\w.+-]{1,100})(?:;[\w=.+-]{1,100}){0,3};base64,/;

/** Undefined where the address is not `data:` with base64. */
export function fromDataUrl(url: string): InlineFile | undefined {
  const [head, mediaType] = HEAD.exec(url.slice(0, 600)) ?? [];
  return head === undefined || mediaType === undefined ? undefined : { mediaType, base64: url.slice(head.length) };
}

export const toDataUrl = ({ mediaType, base64 }: InlineFile): string => `data:${mediaType};base64,${base64}`;
