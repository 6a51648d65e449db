/** A model that says what the test wrote down, behind the same record as on the platform. */
import type {
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider';
import type { Json, LanguageModel, ModelOptions } from '../types.ts';
import type { TestModelAnswer, TestModelCall } from './types.ts';

/** Puts a request on record and gives what was answered, the first time or now. */
export type AskModel = (call: TestModelCall, fingerprint: string) => Promise<Json>;

const LETTERS_PER_TOKEN = 4;
const tokens = (text: string): number => Math.ceil(text.length / LETTERS_PER_TOKEN);

interface Answered {
  readonly text: string;
  readonly toolCalls: readonly { readonly name: string; readonly input: Json }[];
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** As it goes on record: complete, so that a replay counts the same. */
export function toAnswered(answer: TestModelAnswer, fingerprint: string): Answered & Json {
  const given = typeof answer === 'string' ? { text: answer } : answer;
  const { text = given.json === undefined ? '' : JSON.stringify(given.json), toolCalls = [] } = given;
  const said = text + toolCalls.map(({ name, input }) => name + JSON.stringify(input)).join('');
  return {
    text,
    toolCalls: toolCalls.map(({ name, input }) => ({ name, input })),
    inputTokens: given.inputTokens ?? tokens(fingerprint),
    outputTokens: given.outputTokens ?? tokens(said),
  };
}

const contentOf = ({ text, toolCalls }: Answered, key: string): LanguageModelV4Content[] => [
  ...(text === '' ? [] : [{ type: 'text' as const, text }]),
  ...toolCalls.map(({ name, input }, index) => ({
    type: 'tool-call' as const,
    toolCallId: `${key}-${index}`,
    toolName: name,
    input: JSON.stringify(input),
  })),
];

const usageOf = ({ inputTokens, outputTokens }: Answered): LanguageModelV4Usage => ({
  inputTokens: { total: inputTokens, noCache: inputTokens, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: outputTokens, text: outputTokens, reasoning: 0 },
});

const finishOf = ({ toolCalls }: Answered) => {
  const unified = toolCalls.length > 0 ? ('tool-calls' as const) : ('stop' as const);
  return { unified, raw: unified };
};

function* partsOf(answered: Answered, key: string): Generator<LanguageModelV4StreamPart> {
  yield { type: 'stream-start', warnings: [] };
  for (const content of contentOf(answered, key)) {
    if (content.type !== 'text') {
      yield content as LanguageModelV4StreamPart;
      continue;
    }
    yield { type: 'text-start', id: key };
    for (const delta of content.text.match(/\S*\s*/g) ?? [])
      if (delta !== '') yield { type: 'text-delta', id: key, delta };
    yield { type: 'text-end', id: key };
  }
  yield { type: 'finish', usage: usageOf(answered), finishReason: finishOf(answered) };
}

export function scriptedModel(purpose: string, { model }: ModelOptions, ask: AskModel): LanguageModel {
  let calls = 0;
  const answer = async (options: LanguageModelV4CallOptions): Promise<{ answered: Answered; key: string }> => {
    const { prompt, tools, responseFormat, maxOutputTokens } = options;
    const fingerprint = JSON.stringify([model, prompt, tools, responseFormat, maxOutputTokens]);
    calls += 1;
    const key = `${purpose}-${calls}`;
    const given = await ask(
      { purpose, model, prompt, tools: tools ?? [], responseFormat, maxOutputTokens },
      fingerprint,
    );
    // Put on record by `toAnswered`.
    return { answered: given as Answered & Json, key };
  };
  return {
    specificationVersion: 'v4',
    provider: 'testkit',
    modelId: model ?? 'scripted',
    supportedUrls: {},
    async doGenerate(options) {
      const { answered, key } = await answer(options);
      const finishReason = finishOf(answered);
      return { content: contentOf(answered, key), finishReason, usage: usageOf(answered), warnings: [] };
    },
    async doStream(options) {
      const { answered, key } = await answer(options);
      return { stream: ReadableStream.from(partsOf(answered, key)) };
    },
  };
}
