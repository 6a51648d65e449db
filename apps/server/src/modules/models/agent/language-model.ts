/** A model of the Vercel AI SDK whose requests go where the caller says. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModel } from '@guildhall/agent-sdk';
import { normalLines, readEvents } from '../wire/sse.ts';

/** Answers a request in the wire `chat`, whole or streamed. What it throws reaches the agent as it is. */
export type Ask = (body: string, signal: AbortSignal | undefined) => Promise<Response>;

// Nothing is sent there: every request ends in `ask`.
const NOWHERE = 'http://models.invalid/v1';

export function languageModel(model: string, ask: Ask): LanguageModel {
  const provider = createOpenAICompatible({
    name: 'guildhall',
    baseURL: NOWHERE,
    includeUsage: true,
    supportsStructuredOutputs: true,
    // The client sends JSON as text.
    fetch: (_url, init) => ask(String(init?.body), init?.signal ?? undefined),
  });
  return provider.chatModel(model);
}

/** The words for a reader in whole events of a chat stream. */
export function wordsIn(events: Uint8Array): string {
  let words = '';
  readEvents(normalLines(Buffer.from(events).toString('utf8')), (data) => {
    if (data === '[DONE]') return;
    const event: { choices?: readonly { delta?: { content?: unknown } }[] } = JSON.parse(data);
    const content = event.choices?.[0]?.delta?.content;
    if (typeof content === 'string') words += content;
  });
  return words;
}
