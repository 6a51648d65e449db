import { describe, expect, test } from 'vitest';
import { Secret } from '../crypto/index.ts';
import { createLogger, type LogLevel } from './index.ts';

const clock = { now: () => new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6)), monotonicMs: () => 0 };

function capture(level: LogLevel = 'debug') {
  const lines: string[] = [];
  const log = createLogger({ level, clock, destination: { write: (line) => void lines.push(line) } });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') };
}

describe('a log line', () => {
  test('is one JSON object with time, level, message and the fields of its logger', () => {
    const { log, lines, last } = capture();
    log
      .child({ requestId: 'req_1', orgId: 'org_1' })
      .child({ runId: 'run_1' })
      .warn('slow', { ms: 12n, at: new Date(0), none: undefined });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('\n')).toBe(true);
    expect(last()).toEqual({
      time: '2026-01-02T03:04:05.006Z',
      level: 'warn',
      msg: 'slow',
      requestId: 'req_1',
      orgId: 'org_1',
      runId: 'run_1',
      ms: '12',
      at: '1970-01-01T00:00:00.000Z',
    });
  });

  test('below the level is not written', () => {
    const { log, lines } = capture('warn');
    log.debug('a');
    log.info('b');
    log.error('c');
    expect(lines).toHaveLength(1);
  });

  test('stays one line without control characters, whatever it is given', () => {
    const { log, lines, last } = capture();
    const hostile = 'a\nb\r\n{"level":"fatal"}\u001b[31mred\u0007\u009b2J\u2028\u202egpj.exe\u0000';
    log.info(hostile, { [hostile]: hostile, nested: { [hostile]: [hostile] } });
    expect(lines.join('').trimEnd()).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e]/u);
    expect(last().level).toBe('info');
    expect(last().msg.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Zl}\u202a-\u202e]/u);
  });

  test('cannot have its time, level or message replaced by a field', () => {
    const { log, last, lines } = capture();
    log.info('true', { time: 'x', level: 'y', msg: 'z' });
    expect(last()).toMatchObject({ msg: 'true', level: 'info', time_: 'x', level_: 'y', msg_: 'z' });
    expect(lines[0]?.match(/"level":/g)).toHaveLength(1);
  });

  test('tells of an error with its cause and own members', () => {
    const { log, last } = capture();
    log.error('failed', {
      error: new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'E1', password: 'hunter2' }) }),
    });
    expect(last().error).toMatchObject({
      name: 'Error',
      message: 'outer',
      cause: { message: 'inner', code: 'E1', password: '[redacted]' },
    });
    expect(last().error.stack).toContain('logger.test');
  });

  test('is written for values that cannot be turned into JSON, and stays small', () => {
    const { log, last, lines } = capture();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const throwing = {
      get x(): never {
        throw new Error('no');
      },
    };
    log.info('odd', {
      cycle,
      throwing,
      fn: () => 1,
      sym: Symbol('s'),
      nan: Number.NaN,
      bytes: Buffer.from('secret'),
      bad: new Date(Number.NaN),
      map: new Map([['a', 1]]),
    });
    expect(last()).toMatchObject({
      throwing: '[unreadable]',
      fn: '[function]',
      nan: 'NaN',
      bytes: '[6 bytes]',
      bad: 'invalid date',
      map: { a: 1 },
    });
    const errorLoop = new Error('loop');
    errorLoop.cause = errorLoop;
    log.info('big', {
      text: 'x'.repeat(5_000_000),
      many: Array.from({ length: 10_000 }, (_, i) => i),
      errorLoop,
      deep: JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`),
    });
    expect(lines.at(-1)?.length).toBeLessThan(20_000);
    expect(last().many).toContain('… (10000 items)');
  });

  test('that cannot be written is lost without harm', () => {
    const log = createLogger({
      level: 'info',
      destination: {
        write: () => {
          throw new Error('disk full');
        },
      },
    });
    expect(() => log.error('x')).not.toThrow();
  });
});

describe('redaction', () => {
  // Joined at run time, so that no scanner finds a secret in this file.
  const join = (...parts: string[]) => parts.join('');
  const canaries: [name: string, text: string, hidden: string][] = [
    ['own live key', join('key gld_', 'live_', 'Abcdefghijklmnopqrstuvwxyz012345WXYZ', ' used'), 'bcdefghijkl'],
    ['own test key', join('gld_', 'test_', 'Abcdefghijklmnopqrstuvwxyz012345WXYZ'), 'bcdefghijkl'],
    ['bearer header', 'authorization: Bearer abc.def~ghi+jkl==', 'abc.def'],
    ['basic header', 'Basic dXNlcjpwYXNzd29yZA==', 'dXNlcjpw'],
    ['webhook secret', join('whsec_', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), 'MfKQ9r8'],
    ['OpenAI key', join('sk-', 'proj-Abc123_def456-ghi789'), 'Abc123'],
    ['Anthropic key', join('sk-', 'ant-api03-Abc123def456ghi'), 'Abc123'],
    ['OpenRouter key', join('sk-', 'or-v1-0123456789abcdef'), '0123456789abcdef'],
    ['Groq key', join('gsk_', 'Abc123def456ghi789jkl'), 'Abc123'],
    ['xAI key', join('xai-', 'Abc123def456ghi789jkl'), 'Abc123'],
    ['NVIDIA key', join('nvapi-', 'Abc123_def456-ghi789jkl'), 'Abc123'],
    ['new Google key', join('AQ.', 'Ab8RN6IxYz0123456789abc'), 'Ab8RN6'],
    ['header line of a provider key', 'X-Provider-Key: Abc123def456', 'Abc123'],
    ['header line of an API key', 'x-api-key: Abc123def456', 'Abc123'],
    ['headers as JSON in a text', '{"x-provider-key":"Abc123def456","a":1}', 'Abc123'],
    ['Stripe key', join('sk_', 'live_51Habcdefghijklmn'), '51Habc'],
    ['restricted Stripe key', join('rk_', 'live_51Habcdefghijklmn'), '51Habc'],
    ['Google key', join('AIza', 'SyA1234567890abcdefghijklmnopqrstuv'), 'SyA12345'],
    ['AWS key id', join('AKIA', 'IOSFODNN7EXAMPLE'), 'IOSFODNN7'],
    ['GitHub token', join('ghp_', 'abcdefghijklmnopqrstuvwxyz0123456789'), 'abcdefghij'],
    ['Slack token', join('xoxb-', '123456789012-abcdefghijkl'), '123456789012'],
    ['JWT', join('eyJ', 'hbGciOiJIUzI1NiJ9.', 'eyJzdWIiOiIxIn0', '.c2lnbmF0dXJl'), 'hbGciOi'],
    ['database URL', 'connect postgres://app:p%40ss:w0rd@db.internal:5432/x failed', 'p%40ss:w0rd'],
    ['password with @', 'redis://:p@ss@w0rd@cache:6379', 'p@ss@w0rd'],
    ['store URL', 's3://AKKEY:S3cr3tS3cr3t@minio:9000/bucket', 'S3cr3tS3cr3t'],
    ['libpq words', 'host=db password=hunter2 user=app', 'hunter2'],
    ['link signature', 'GET /v1/files/file_1?token=abcdef.ghijkl&x=1', 'abcdef'],
    ['private key', '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----', 'MIIEvQ'],
    ['JSON inside text', 'body {"client_secret":"topsecretvalue","a":1}', 'topsecretvalue'],
    ['escaped JSON inside text', '{\\"password\\":\\"topsecretvalue\\"}', 'topsecretvalue'],
  ];

  test.each(canaries)('takes a %s out of message, field, key, error and nested value', (_, text, hidden) => {
    const { log, lines } = capture();
    log.info(text);
    log.info('field', {
      text,
      list: [text],
      nested: { deep: { text } },
      [text]: 1,
      map: new Map([[text, new Set([text])]]),
    });
    log.info('error', { error: Object.assign(new Error(text, { cause: new Error(text) }), { detail: text }) });
    log.child({ text }).info('child');
    log.info(`${'x'.repeat(16_380 - text.length / 2)} ${text}`);
    expect(lines.join('')).not.toContain(hidden);
  });

  test('keeps prefix and last four of our own keys, and the harmless rest of a text', () => {
    const { log, last } = capture();
    log.info(`used ${join('gld_', 'live_', 'Abcdefghijklmnopqrstuvwxyz012345WXYZ')} twice`);
    expect(last().msg).toBe('used gld_live_…WXYZ twice');
    log.info('postgres://app:secret@db:5432/x and https://example.com/a?b=1');
    expect(last().msg).toBe('postgres://app:[redacted]@db:5432/x and https://example.com/a?b=1');
  });

  test.each([
    'password',
    'Authorization',
    'x-api-key',
    'apiKey',
    'client_secret',
    'setCookie',
    'refreshToken',
    'privateKey',
    'DATABASE_URL',
    'masterKey',
  ])('hides whatever stands under the name %s', (name) => {
    const { log, lines } = capture();
    log.info('x', { [name]: 'plainword', nested: { [name]: ['plainword'] } });
    expect(lines.join('')).not.toContain('plainword');
  });

  test('leaves counts and ids alone', () => {
    const { log, last } = capture();
    log.info('x', {
      inputTokens: 12,
      outputTokens: 3,
      keyId: 'key_1',
      tokens: 4,
      idempotencyKey: 'abc',
      secretary: 'Ann',
      hint: 'task-of-the-day-is-done',
    });
    expect(last()).toMatchObject({
      inputTokens: 12,
      outputTokens: 3,
      keyId: 'key_1',
      tokens: 4,
      idempotencyKey: 'abc',
      secretary: 'Ann',
      hint: 'task-of-the-day-is-done',
    });
  });

  test('shows no half of a secret that lies where a huge text is cut', () => {
    const { log, lines } = capture();
    log.info(`${join('whsec_', 'a'.repeat(16_000))} postgres://app:${'hunter2'.repeat(56)}@db/x ${'y'.repeat(10_000)}`);
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines).toHaveLength(1);
  });

  test('a Secret shows as stars', () => {
    const { log, last } = capture();
    log.info('x', { value: new Secret('hunter2') });
    expect(last().value).toBe('********');
  });

  test('takes time in proportion to the text, also for texts made against it', () => {
    const { log } = capture();
    const startedAt = performance.now();
    for (const piece of [
      'eyJ-',
      'sk-',
      'a://b:',
      '"token":',
      'gld_live_',
      '-----BEGIN PRIVATE KEY-----',
      'Bearer ',
      '@',
      '=',
    ])
      log.info(piece.repeat(500_000));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});
