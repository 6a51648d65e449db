/** Files in, artifacts out: hostile forms and names, limits to the byte, links that open one thing for a while. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/platform/clock/index.ts';
import { sql } from '../../src/platform/db/index.ts';
import { createHttp, receiveFile, route } from '../../src/platform/http/index.ts';
import { createIds } from '../../src/platform/ids/index.ts';
import { silentLogger } from '../../src/platform/telemetry/index.ts';
import { createWorld, form, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, 60_000);
afterAll(() => world.close());

const BOUNDARY = 'edge';
const HEADERS = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
const part = (disposition: string, content = 'abc', type = 'text/plain'): string =>
  `--${BOUNDARY}\r\ncontent-disposition: form-data; ${disposition}\r\ncontent-type: ${type}\r\n\r\n${content}\r\n`;
const END = `--${BOUNDARY}--\r\n`;
const FILE = part('name="file"; filename="a.txt"');

const upload = (body: unknown, headers: Record<string, string> = body instanceof FormData ? {} : HEADERS) =>
  world.send({ method: 'POST', path: '/v1/files', key: world.own.key, body, headers });
const filesKept = async (): Promise<unknown> =>
  (
    await world.platform.db.tenant(world.own.orgId, (tx) =>
      sql<{ n: bigint }>`select count(*) as n from runs.file`.execute(tx),
    )
  ).rows[0]?.n;

describe('a form', () => {
  it.each([
    ['nothing in it', END, 422, 'runs.file-missing'],
    ['a file in another field', part('name="other"; filename="a"') + END, 422, 'runs.file-missing'],
    ['two files', FILE + FILE + END, 400, 'http.malformed-form'],
    ['a text beside the file', FILE + part('name="note"') + END, 400, 'http.malformed-form'],
    ['a text named file', part('name="file"') + END, 400, 'http.malformed-form'],
    ['no end', FILE, 400, 'http.malformed-form'],
    ['an end in the middle of the content', FILE.slice(0, -4), 400, 'http.malformed-form'],
    ['another boundary than it says', FILE.replaceAll(BOUNDARY, 'other'), 400, 'http.malformed-form'],
    ['a field named like a prototype', part('name="__proto__"; filename="a"') + END, 400, 'http.malformed-form'],
    ['no bytes at all', '', 422, 'runs.file-missing'],
  ])('with %s is refused whole', async (_, body, status, code) => {
    const before = await filesKept();
    const answer = await upload(body);
    expect([answer.status, answer.json.code]).toEqual([status, code]);
    expect(answer.json).toMatchObject({ charged: { nanos: '0' } });
    expect(await filesKept()).toBe(before);
  });

  it('with an empty file is a file of no bytes', async () => {
    const answer = await upload(form(''));
    expect(answer).toMatchObject({ status: 201, json: { size: 0 } });
    const content = await world.send({
      method: 'GET',
      path: `/v1/files/${answer.json.id}/content`,
      key: world.own.key,
    });
    expect([content.status, content.text]).toEqual([200, '']);
  });
});

describe('a name', () => {
  it.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\\\Windows\\\\x.exe', 'x.exe'],
    ['a%0d%0aX-Evil: 1.txt', 'a%0d%0aX-Evil: 1.txt'],
    ['\u202egpj.exe', 'gpj.exe'],
    ['تقرير.csv', 'تقرير.csv'],
    ['..', 'file'],
    ['   ', 'file'],
    [`${'x'.repeat(400)}.csv`, 'x'.repeat(255)],
    ['a;b=\\"c\\".txt', 'a;b="c".txt'],
  ])('%j is kept as %j and cannot steer the header of a download', async (sent, kept) => {
    const { status, json } = await upload(part(`name="file"; filename="${sent}"`) + END);
    expect([status, json.name]).toEqual([201, kept]);
    const { headers } = await world.send({ method: 'GET', path: `/v1/files/${json.id}/content`, key: world.own.key });
    const disposition = headers.get('content-disposition') ?? '';
    expect(disposition).toMatch(/^attachment; filename="[\x20-\x21\x23-\x7e]*"; filename\*=UTF-8''[\w.%!*'()~-]*$/);
    expect(decodeURIComponent(disposition.split("UTF-8''")[1] ?? '')).toBe(kept);
    expect(headers.get('x-evil')).toBeNull();
  });
});

describe('a download', () => {
  it.each(['text/html', 'image/svg+xml', 'application/javascript', 'no media type', 'text/html; x="\u00e9"'])(
    'of %s runs in no browser',
    async (type) => {
      const { json } = await upload(part('name="file"; filename="a"', '<script>alert(1)</script>', type) + END);
      const { headers } = await world.send({ method: 'GET', path: `/v1/files/${json.id}/content`, key: world.own.key });
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain('sandbox');
      expect(headers.get('content-disposition')).toMatch(/^attachment/);
      expect(headers.get('content-type')).toMatch(/^[\w.+-]+\/[\w.+-]+$/);
    },
  );

  it('is gone with its file, also for runs, and is nobody else’s', async () => {
    const { json } = await upload(form('secret'));
    const path = `/v1/files/${json.id}`;
    for (const target of [path, `${path}/content`]) {
      const foreign = await world.send({ method: 'GET', path: target, key: world.foreign.key });
      expect([foreign.status, foreign.text.includes('secret')]).toEqual([404, false]);
    }
    expect((await world.send({ method: 'DELETE', path, key: world.foreign.key })).status).toBe(404);
    expect((await world.send({ method: 'DELETE', path, key: world.own.key })).status).toBe(204);
    for (const target of [path, `${path}/content`])
      expect((await world.send({ method: 'GET', path: target, key: world.own.key })).status).toBe(404);
    expect((await world.send({ method: 'DELETE', path, key: world.own.key })).status).toBe(404);
    const start = { method: 'POST', path: '/v1/agents/keeper/runs', body: { input: { any: { file: json.id } } } };
    expect(await world.send({ ...start, key: world.own.key })).toMatchObject({
      status: 422,
      json: { code: 'runs.input-file-not-found', errors: [{ path: '/input/any/file' }] },
    });
  });
});

describe('the limit', () => {
  const LIMIT = 1_000;
  it.each([
    [LIMIT - 1, 200],
    [LIMIT, 200],
    [LIMIT + 1, 413],
    [LIMIT * 3, 413],
  ])('a file of %i bytes where 1000 are allowed is %i', async (size, status) => {
    let taken = -1;
    const app = await createHttp({
      db: world.platform.db,
      ids: createIds(systemClock),
      clock: systemClock,
      log: silentLogger,
      fileMaxBytes: LIMIT,
      authenticate: async () => ({ orgId: world.own.orgId, keyId: 'key_0', mode: 'live', scopes: ['files:write'] }),
      limit: async () => ({ headers: {} }),
      observe: () => {},
      routes: [
        route({
          method: 'POST',
          path: '/take',
          summary: 'Take',
          tag: 'Test',
          scope: 'files:write',
          rawBody: true,
          responses: { 200: null },
          handler: async ({ raw }) => {
            await receiveFile(raw, async ({ file }) => {
              taken = 0;
              for await (const chunk of file) taken += (chunk as Buffer).length;
            });
            return { status: 200, body: {} };
          },
        }),
      ],
    });
    const answer = await app.inject({
      method: 'POST',
      url: '/take',
      headers: { ...HEADERS, authorization: 'Bearer x' },
      payload: part('name="file"; filename="a"', 'x'.repeat(size)) + END,
    });
    expect(answer.statusCode).toBe(status);
    if (status === 413) expect(answer.json().code).toBe('http.body-too-large');
    else expect(taken).toBe(size);
    await app.close();
  });
});

describe('the link of an artifact', () => {
  const urlOf = async (): Promise<URL> => {
    const { json } = await world.send({ method: 'GET', path: `/v1/runs/${world.own.objects.run}`, key: world.own.key });
    const [artifact] = json.artifacts as { url: string }[];
    return new URL(artifact?.url ?? '');
  };
  const open = async (path: string) => world.send({ method: 'GET', path });

  it('opens it for whoever holds the link', async () => {
    const { pathname, search } = await urlOf();
    const answer = await open(pathname + search);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment/);
  });

  it('opens nothing when any character of it is changed, nor any other artifact', async () => {
    const { pathname, searchParams } = await urlOf();
    const token = searchParams.get('token') ?? '';
    for (let at = 0; at < token.length; at += 7) {
      const forged = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect([at, (await open(`${pathname}?token=${forged}`)).status]).toEqual([at, 404]);
    }
    for (const forged of [`${token}A`, token.slice(0, -1), `${token}.`, token.split('.')[0] ?? '', `${token}%3d`])
      expect((await open(`${pathname}?token=${forged}`)).status).toBe(404);
    for (const other of [world.foreign.objects.artifact, `art_${'0'.repeat(26)}`])
      expect((await open(`/v1/artifacts/${other}/content?token=${token}`)).status).toBe(404);
  });

  it('opens nothing with an end or an organisation that its holder wrote', async () => {
    const { pathname, searchParams } = await urlOf();
    const [body = '', mac = ''] = (searchParams.get('token') ?? '').split('.');
    const [endsMs, payload] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [number, [string, string]];
    const write = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const later = write([endsMs + 86_400_000, payload]);
    const elsewhere = write([endsMs, [world.foreign.orgId, world.foreign.objects.artifact]]);
    expect((await open(`${pathname}?token=${later}.${mac}`)).status).toBe(404);
    const foreign = `/v1/artifacts/${world.foreign.objects.artifact}/content`;
    expect((await open(`${foreign}?token=${elsewhere}.${mac}`)).status).toBe(404);
  });

  it('ends after a day', async () => {
    const { searchParams } = await urlOf();
    const [body = ''] = (searchParams.get('token') ?? '').split('.');
    const [endsMs] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [number];
    expect(endsMs - Date.now()).toBeGreaterThan(86_400_000 - 60_000);
    expect(endsMs - Date.now()).toBeLessThanOrEqual(86_400_000);
  });
});
