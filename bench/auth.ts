/** Who is calling: signing in by HTTP, requests of a session by HTTP, and the checks of keys and sessions by themselves. */
import { compose } from '../apps/server/src/compose.ts';
import { loadSettings } from '../apps/server/src/config/index.ts';
import { layFoundation } from '../apps/server/src/foundation.ts';
import { silentLogger } from '../apps/server/src/platform/telemetry/index.ts';
import { closedLoop, createClient, type Outcome } from './support/load.ts';
import { describeMachine, versionOf } from './support/machine.ts';
import { environment, parse, startPlatform } from './support/platform.ts';
import { judge, median, print, printOutcomes, readOptions } from './support/report.ts';

const CONNECTIONS = 16;
const ROUNDS = 3;
const EMAIL = 'bench@example.com';
const PASSWORD = 'words that only a benchmark says';

const options = readOptions();
const plan = options.isShort ? { seconds: 2, checks: 5_000 } : { seconds: 5, checks: 100_000 };
const platform = await startPlatform({ profile: options.profile });
const { ready } = platform;
const one = createClient({ url: ready.url, sockets: 1 });
const many = createClient({ url: ready.url, sockets: CONNECTIONS });
const page = { origin: ready.url, 'guildhall-request': '1' };
const signInBody = JSON.stringify({ email: EMAIL, password: PASSWORD });

/** The first owner, by the link of the server, and a session of theirs. */
async function openSession(): Promise<string> {
  const token = new URL(ready.adminUrl).hash.slice('#token='.length);
  parse(
    await one.send(
      'POST',
      '/v1/auth/admin-link',
      page,
      JSON.stringify({ ...JSON.parse(signInBody), token, name: 'Bench' }),
    ),
  );
  const headers = { ...page, 'content-type': 'application/json' };
  const answer = await fetch(`${ready.url}/v1/auth/sign-in`, { method: 'POST', headers, body: signInBody });
  return answer.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ');
}

/** One after the other: a quiet machine is what the target speaks of. */
const signIns = (): Promise<Outcome> =>
  closedLoop({
    concurrency: 1,
    seconds: plan.seconds,
    send: () => one.send('POST', '/v1/auth/sign-in', page, signInBody),
    isOk: ({ status }) => status === 200,
  });

const requests = (headers: Record<string, string>): Promise<Outcome> =>
  closedLoop({
    concurrency: CONNECTIONS,
    seconds: plan.seconds,
    send: () => many.send('GET', '/v1/agents', headers),
    isOk: ({ status }) => status === 200,
  });

/** Milliseconds of each of so many calls, one after the other. */
async function timed(count: number, work: () => Promise<unknown>): Promise<Float64Array> {
  const times = new Float64Array(count);
  for (let index = 0; index < count; index += 1) {
    const began = performance.now();
    await work();
    times[index] = performance.now() - began;
  }
  return times.sort();
}

const at = (sorted: Float64Array, share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;

/** The checks themselves, in a process of its own on the same database: remembered, and asked of the database every time. */
async function checks(cookie: string) {
  const settings = loadSettings({ ...environment(platform.dataDir) });
  const foundation = await layFoundation(settings, silentLogger);
  try {
    const { identity } = await compose(foundation, { agents: [], publicUrl: () => ready.url });
    const token = /__Host-guildhall=([^;]+)/.exec(cookie)?.[1] ?? '';
    const key = () => identity.authenticate(ready.apiKey, '127.0.0.1');
    const session = () => identity.sessions.authenticate(token, undefined);
    // Before `start` nothing is remembered.
    const asked = { key: await timed(plan.checks / 50, key), session: await timed(plan.checks / 50, session) };
    const stop = await identity.start();
    await key();
    await session();
    const warm = { key: await timed(plan.checks, key), session: await timed(plan.checks, session) };
    await stop();
    return { asked, warm };
  } finally {
    await foundation.closing.close();
  }
}

try {
  print(
    'auth: signing in, requests of a session, and the checks of keys and sessions by themselves',
    ...describeMachine(platform.dataDir),
    `versions    Node ${process.version}, ${await platform.databaseVersion()}, argon2 ${versionOf('@node-rs/argon2')}`,
    `plan        sign-ins one after the other for ${plan.seconds} s; GET /v1/agents over ${CONNECTIONS} connections, ${ROUNDS} rounds of ${plan.seconds} s in turns with a key; ${plan.checks} checks each`,
  );
  const cookie = await openSession();
  const signedIn = await signIns();
  const key = { authorization: `Bearer ${ready.apiKey}` };
  const [bySessions, byKeys]: [Outcome[], Outcome[]] = [[], []];
  // In turns, so that a busy moment of the machine meets both.
  for (let round = 0; round < ROUNDS; round += 1) {
    bySessions.push(await requests({ cookie }));
    byKeys.push(await requests(key));
  }
  const [bySession, byKey] = [median(bySessions), median(byKeys)];
  printOutcomes('by HTTP', [
    ['sign-in', signedIn],
    ['request of a session', bySession],
    ['the same with a key', byKey],
  ]);
  const { asked, warm } = await checks(cookie);
  print('', 'checks alone                p50        p99');
  for (const [label, times] of [
    ['key, remembered', warm.key],
    ['session, remembered', warm.session],
    ['key, from the database', asked.key],
    ['session, from the database', asked.session],
  ] as const)
    print(`  ${label.padEnd(28)}${at(times, 0.5).toFixed(3)} ms   ${at(times, 0.99).toFixed(3)} ms`);
  judge(
    [
      { what: 'sign-in p95', value: signedIn.p95, unit: 'ms', atMost: 200 },
      { what: 'requests of a session', value: bySession.perSecond, unit: '/s', atLeast: 800 },
      { what: 'key check p99, remembered', value: at(warm.key, 0.99), unit: 'ms', atMost: 1 },
      {
        what: 'succeeded',
        value: (100 * (signedIn.ok + bySession.ok)) / (signedIn.sent + bySession.sent),
        unit: '%',
        atLeast: 100,
      },
    ],
    options,
  );
} finally {
  one.close();
  many.close();
  await platform.stop();
}
