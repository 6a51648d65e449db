/** Model calls through the gateway, beside direct calls of the same mock provider and a peer gateway, in alternating rounds. */
import { Agent, request as httpRequest } from 'node:http';
import { PORTKEY, startFloor, startMock, startPortkey } from './support/gateways.ts';
import { type Answer, closedLoop, createClient, type Outcome } from './support/load.ts';
import { describeMachine, versionOf } from './support/machine.ts';
import { balanceOf, bearer, cpuOf, startPlatform } from './support/platform.ts';
import { pssMb } from './support/processes.ts';
import { judge, median, print, printOutcomes, readOptions, type Target } from './support/report.ts';

const MODEL = 'gpt-4o-mini';
const ROUNDS = 3;
const CONNECTIONS = [1, 32, 100];
const UPSTREAM_MS = 50;
const STREAMS = 500;
// One word is about one token.
const LONG_PROMPT_WORDS = 50_000;

interface Way {
  readonly name: string;
  readonly url: string;
  readonly headers: Record<string, string>;
}

const options = readOptions();
const seconds = options.isShort ? 1 : 4;
const rounds = options.isShort ? 1 : ROUNDS;
const mock = await startMock();
const platform = await startPlatform({
  profile: options.profile,
  settings: { OPENAI_API_KEY: 'sk-bench', OPENAI_BASE_URL: `${mock.url}/v1` },
});
const portkey = await startPortkey();
const bare = await startFloor(platform.databaseUrl('postgres'), mock.url);
const [customer] = await platform.customers(1);
if (!customer) throw new Error('no customer');

const direct: Way = { name: 'direct', url: mock.url, headers: bearer('sk-bench') };
const ours: Way = { name: 'Guildhall', url: platform.ready.url, headers: customer.headers };
const peer: Way = {
  name: `Portkey ${PORTKEY}`,
  url: portkey.url,
  headers: { ...bearer('sk-bench'), 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${mock.url}/v1` },
};
const WAYS = [direct, ours, peer];
/** About the least that a gateway on Node can add that commits a hold and a settlement. */
const floor: Way = { name: 'a bare proxy with two commits', url: bare.url, headers: bearer('sk-bench') };

const bodyOf = (content: string, more: object = {}): string =>
  JSON.stringify({ model: MODEL, max_tokens: 64, messages: [{ role: 'user', content }], ...more });
const SMALL = bodyOf('Say something.');
const LONG = bodyOf('word '.repeat(LONG_PROMPT_WORDS));
const SLOW = bodyOf(`Say something. @mock delayMs=${UPSTREAM_MS}`);
const isOk = ({ status, body }: Answer): boolean => status === 200 && /"finish_reason": ?"stop"/.test(body);

async function load(way: Way, concurrency: number, body: string, forSeconds = seconds): Promise<Outcome> {
  const client = createClient({ url: way.url, sockets: concurrency });
  try {
    const send = () => client.send('POST', '/v1/chat/completions', way.headers, body);
    return await closedLoop({ concurrency, seconds: forSeconds, send, isOk });
  } finally {
    client.close();
  }
}

/** The same work by every way, in turns, so that a busy moment of the machine meets all of them. */
async function compare(concurrency: number, body: string, ways = WAYS): Promise<Map<Way, Outcome>> {
  const outcomes = new Map<Way, Outcome[]>(ways.map((way) => [way, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const way of ways) outcomes.get(way)?.push(await load(way, concurrency, body));
    await assertNothingHeld();
  }
  return new Map([...outcomes].map(([way, all]) => [way, median(all)]));
}

/** Balance lag 0: with the last answer everything is settled. */
async function assertNothingHeld(): Promise<void> {
  const { available, held, spent } = await balanceOf(platform.client, ours.headers);
  const granted = customer?.grantedNanos ?? 0n;
  if (held !== 0n || available + spent !== granted)
    throw new Error(`after the last answer ${held} is held, ${available} available, ${spent} spent of ${granted}`);
}

/** Milliseconds to the first token of one stream. */
function firstToken(way: Way, body: string, agent: Agent): Promise<number> {
  const began = performance.now();
  const { hostname, port } = new URL(way.url);
  return new Promise((resolve, reject) => {
    let first: number | undefined;
    const sent = httpRequest(
      {
        agent,
        hostname,
        port,
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { ...way.headers, 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
          if (first === undefined && /"content": ?"[^"]/.test(text)) first = performance.now() - began;
        });
        response.on('end', () =>
          first !== undefined && text.includes('[DONE]') ? resolve(first) : reject(new Error(text.slice(0, 200))),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

async function medianFirstToken(way: Way, count: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = bodyOf('Say something. @mock firstTokenMs=20&tokensPerSecond=400', { stream: true });
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) times.push(await firstToken(way, body, agent));
  agent.destroy();
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

/** Memory of the platform's own process while so many streams are open. */
async function memoryOfStreams(): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: STREAMS });
  const body = bodyOf('Say something. @mock outputTokens=40&tokensPerSecond=8', { stream: true });
  const streams = Array.from({ length: STREAMS }, () => firstToken(ours, body, agent));
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const memory = pssMb(platform.ready.pid);
  await Promise.all(streams);
  agent.destroy();
  return memory;
}

const ratio = (a: number, b: number): string => (a / b).toFixed(2);

try {
  print(
    'gateway: POST /v1/chat/completions; key check, limits, hold and settlement committed to PostgreSQL for every call of Guildhall; the peer keeps no accounts',
    ...describeMachine(platform.dataDir),
    `versions    Node ${process.version}, ${await platform.databaseVersion()}, undici ${versionOf('undici')}, ${peer.name}`,
    `plan        warm-up, then ${rounds} alternating rounds of ${seconds} s each; medians`,
  );
  for (const way of [...WAYS, floor]) await load(way, 32, SMALL, options.isShort ? 1 : 3);
  const targets: Target[] = [];
  for (const connections of CONNECTIONS) {
    const cpuBefore = cpuOf(platform);
    const result = await compare(connections, SMALL);
    const cpu = cpuOf(platform);
    const rows = [...result].map(([way, outcome]) => [`${way.name}, ${connections} at once`, outcome] as const);
    printOutcomes(`small prompt, ${connections} connections`, rows);
    const [a, b, c] = WAYS.map((way) => result.get(way)?.perSecond ?? Number.NaN);
    const calls = (result.get(ours)?.ok ?? 0) * rounds;
    const each = (used: number): string => `${((1_000 * used) / calls).toFixed(2)} ms`;
    print(
      `  ratio to direct ${ratio(b ?? Number.NaN, a ?? Number.NaN)}, to the peer ${ratio(b ?? Number.NaN, c ?? Number.NaN)}; processor time of a call about ${each(cpu.platform - cpuBefore.platform)} in the platform, ${each(cpu.database - cpuBefore.database)} in PostgreSQL`,
    );
    if (connections > 1)
      targets.push({
        what: `capacity at ${connections} connections`,
        value: b ?? Number.NaN,
        unit: '/s',
        atLeast: 1_000,
      });
  }
  const long = await compare(32, LONG);
  printOutcomes(
    'prompt of 50,000 tokens, 32 connections',
    [...long].map(([way, outcome]) => [way.name, outcome]),
  );
  const slow = await compare(32, SLOW, [...WAYS, floor]);
  printOutcomes(
    `upstream of ${UPSTREAM_MS} ms, 32 connections`,
    [...slow].map(([way, outcome]) => [way.name, outcome]),
  );
  const added = (way: Way, of: 'p50' | 'p99'): number =>
    (slow.get(way)?.[of] ?? Number.NaN) - (slow.get(direct)?.[of] ?? Number.NaN);
  for (const way of [peer, floor])
    print(`  added by ${way.name}: p50 ${added(way, 'p50').toFixed(2)} ms, p99 ${added(way, 'p99').toFixed(2)} ms`);
  targets.push(
    { what: 'added at the median', value: added(ours, 'p50'), unit: 'ms', atMost: 3 },
    { what: 'added at p99', value: added(ours, 'p99'), unit: 'ms', atMost: 15 },
  );
  const tries = options.isShort ? 20 : 200;
  const firstDirect = await medianFirstToken(direct, tries);
  const firstOurs = await medianFirstToken(ours, tries);
  targets.push({
    what: 'first token later than direct, median',
    value: firstOurs - firstDirect,
    unit: 'ms',
    atMost: 5,
  });
  targets.push({
    what: `memory with ${STREAMS} open streams (PSS)`,
    value: await memoryOfStreams(),
    unit: 'MB',
    atMost: 400,
  });
  await assertNothingHeld();
  await platform.verifyBooks();
  const outcomes = [...slow.values(), ...long.values()];
  const share =
    (100 * outcomes.reduce((sum, one) => sum + one.ok, 0)) / outcomes.reduce((sum, one) => sum + one.sent, 0);
  targets.push({ what: 'succeeded', value: share, unit: '%', atLeast: 100 });
  judge(targets, options);
} finally {
  await Promise.all([platform.stop(), mock.stop(), portkey.stop(), bare.stop()]);
}
