/** What a request asks for, read before anything is held or sent. */
import { isObject } from '../json.ts';
import type { JsonObject, ReadFacts, RequestFacts, Wire } from '../types.ts';
import { readChat } from './chat.ts';
import { readEmbeddings } from './embeddings.ts';
import { readMessages } from './messages.ts';
import { ownAccountOnly } from './own-account.ts';
import { assertReadable, refuse } from './refuse.ts';
import { readResponses } from './responses.ts';

const READERS: Readonly<Record<Wire, (body: JsonObject) => ReadFacts>> = {
  chat: readChat,
  responses: readResponses,
  messages: readMessages,
  embeddings: readEmbeddings,
};

/**
 * Checks what the gateway must know and no more: members that it does not know are the provider's matter.
 * @throws GuildhallError `models.invalid-request` with a JSON Pointer, or `models.wrong-wire` naming the right route.
 */
export function readRequest(wire: Wire, body: unknown): RequestFacts {
  if (!isObject(body)) return refuse('', 'must be a JSON object');
  assertReadable(body);
  return { ...READERS[wire](body), ownAccountOnly: ownAccountOnly(wire, body) };
}
