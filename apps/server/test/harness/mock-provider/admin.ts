/** What tests in other processes ask of the mock itself, under `/__mock/`. */
import type { ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { parseScript, UnknownDirective } from './directives.ts';
import { asNumber, asObject, parseJson } from './json.ts';
import type { MockProvider } from './types.ts';

export interface AdminRequest {
  readonly path: string;
  readonly raw: string;
  readonly response: ServerResponse;
}

const REFUSE_MS = 1_000;

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-mock-provider': '1' });
  response.end(`${JSON.stringify(value)}\n`);
}

function behave(provider: MockProvider, raw: string): { readonly status: number; readonly value: unknown } {
  try {
    const behaviours = parseScript(raw);
    provider.behave(...behaviours);
    return { status: 200, value: { added: behaviours.length } };
  } catch (error) {
    if (!(error instanceof UnknownDirective)) throw error;
    return { status: 400, value: { error: error.message } };
  }
}

/** `stats`, `requests`, `behave`, `reset`, and `refuse` for `{"ms": …}`. */
export async function answerAdmin(provider: MockProvider, { path, raw, response }: AdminRequest): Promise<void> {
  switch (path) {
    case '/__mock/stats':
      return send(response, 200, provider.stats());
    case '/__mock/requests':
      return send(response, 200, provider.requests());
    case '/__mock/behave': {
      const { status, value } = behave(provider, raw);
      return send(response, status, value);
    }
    case '/__mock/reset':
      await provider.reset();
      return send(response, 200, {});
    case '/__mock/refuse':
      send(response, 200, {});
      await new Promise<void>((resolve) => response.on('finish', resolve));
      await provider.refuse();
      await setTimeout(asNumber(asObject(parseJson(raw)).ms) ?? REFUSE_MS);
      return provider.accept();
    default:
      return send(response, 404, { error: `there is no ${path}` });
  }
}
