/** The mock provider as a process of its own, as the platform's processes see it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Stats } from '../harness/mock-provider/index.ts';

export interface ProviderProcess {
  readonly url: string;
  stats(): Promise<Stats>;
  /** Connections are refused for so long, and open ones cut. */
  refuse(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Settings of a platform that asks it for everything, and pays with this key. */
export const asProviders = (url: string, key: string): Record<string, string> => ({
  OPENAI_API_KEY: key,
  OPENAI_BASE_URL: `${url}/v1`,
  ANTHROPIC_API_KEY: key,
  ANTHROPIC_BASE_URL: url,
  OLLAMA_URL: 'http://127.0.0.1:9',
  EGRESS_ALLOW_PRIVATE: '127.0.0.1/32',
});

const MAIN = fileURLToPath(new URL('../harness/mock-provider/main.ts', import.meta.url));

export async function startProvider(): Promise<ProviderProcess> {
  const child = spawn(process.execPath, [MAIN, '--record-max', '0', '--while-input'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  // Its first line, by its README.
  const { url } = JSON.parse(String(line)) as { url: string };
  return {
    url,
    // What the mock says of itself.
    stats: async () => (await (await fetch(`${url}/__mock/stats`)).json()) as Stats,
    refuse: async (ms) => {
      await fetch(`${url}/__mock/refuse`, { method: 'POST', body: JSON.stringify({ ms }) });
    },
    close: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
