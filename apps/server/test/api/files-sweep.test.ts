/** Bytes that nothing names are found and removed, whoever left them; and never is there a row without its bytes. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { AgentError } from '@guildhall/agent-sdk';
import type { File as GuildhallFile } from '@guildhall/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pruneRuns } from '../../src/modules/runs/index.ts';
import type { FileStore } from '../../src/platform/files/index.ts';
import { startFakeS3 } from '../../src/platform/files/test-support/fake-s3.ts';
import { eventually, meeting, type ScriptedPlatform, scriptedPlatform } from './runs-fixture.ts';

const DAY_MS = 24 * 3_600_000;
const KEEP = { runsMs: 30 * DAY_MS, filesMs: 7 * DAY_MS };
const bytes = (text: string) => new TextEncoder().encode(text);
const sha = (text: string) => createHash('sha256').update(text).digest('hex');

describe.each(['directory', 'bucket'])('in a %s', (kind) => {
  let platform: ScriptedPlatform;
  let files: FileStore;
  let closeBucket = async () => {};
  beforeEach(async () => {
    const s3 = kind === 'bucket' ? await startFakeS3() : undefined;
    closeBucket = async () => s3?.close();
    platform = await scriptedPlatform(s3 ? { environment: { S3_URL: s3.url } } : {});
    files = platform.server.platform.files;
  });
  afterEach(async () => {
    await platform.close();
    await closeBucket();
  });

  const prune = (store = files) => pruneRuns(platform.db, store, KEEP);
  const isStored = (text: string) => files.exists(platform.orgId, sha(text));
  const send = (form: FormData) =>
    fetch(`${platform.url}/v1/files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${platform.key}` },
      body: form,
    });
  const formOf = (text: string): FormData => {
    const form = new FormData();
    form.append('file', new Blob([text], { type: 'text/plain' }), 'a.txt');
    return form;
  };
  const upload = async (text: string): Promise<GuildhallFile> => (await send(formOf(text))).json() as never;
  const registered = async () => (await platform.admin('select 1 from runs.content')).length;

  const expectSwept = async (text: string) => {
    expect(await isStored(text)).toBe(true);
    await platform.forward('119 minutes');
    expect((await prune()).contents).toBe(0);
    await platform.forward('2 minutes');
    expect((await prune()).contents).toBe(1);
    expect(await isStored(text)).toBe(false);
    expect(await registered()).toBe(0);
  };

  it('bytes whose process died between putting them and naming them are swept', async () => {
    await files.put(platform.orgId, Readable.from([Buffer.from('lost')]));
    await expectSwept('lost');
  });

  it('bytes of an upload that was refused at its end are swept', async () => {
    const form = formOf('refused');
    form.append('note', 'one part too many');
    expect((await send(form)).status).toBe(400);
    await expectSwept('refused');
  });

  it('bytes of artifacts of a failed step are swept', async () => {
    const { body } = await platform.begin((ctx) =>
      ctx.step('keep', async (step) => {
        await step.artifact({ name: 'a', mediaType: 'text/plain', content: bytes('failed') });
        throw new AgentError('no-luck', 'It did not work.');
      }),
    );
    expect(body).toMatchObject({ status: 'failed', artifacts: [] });
    await expectSwept('failed');
  });

  it('the same bytes, uploaded while they are swept, are there afterwards', async () => {
    await files.put(platform.orgId, Readable.from([Buffer.from('same')]));
    await platform.forward('3 hours');
    const [deleting, go] = [meeting(), meeting()];
    const sweep = prune({
      ...files,
      delete: async (orgId, sha256) => {
        deleting.arrive();
        await go.arrived;
        await files.delete(orgId, sha256);
      },
    });
    await deleting.arrived;
    const uploaded = upload('same');
    await eventually(async () => {
      const waiting = await platform.admin(
        'select 1 from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()',
      );
      return waiting.length > 0 || undefined;
    });
    go.arrive();
    expect((await sweep).contents).toBe(1);
    expect((await platform.call('GET', `/v1/files/${(await uploaded).id}`)).status).toBe(200);
    expect(await isStored('same')).toBe(true);
    await platform.forward('3 hours');
    expect((await prune()).contents).toBe(0);
    expect(await isStored('same')).toBe(true);
  });

  it('bytes that a row under way names are not swept', async () => {
    const { sha256 } = await files.put(platform.orgId, Readable.from([Buffer.from('same')]));
    await platform.forward('3 hours');
    await platform.admin('begin');
    await platform.admin(
      `insert into runs.file (id, org_id, mode, name, media_type, size, sha256) values ('file_1', $1, 'live', 'a', 'text/plain', 4, $2)`,
      [platform.orgId, sha256],
    );
    expect((await prune()).contents).toBe(0);
    await platform.admin('commit');
    expect((await prune()).contents).toBe(0);
    expect(await isStored('same')).toBe(true);
  });

  it('a row cannot name bytes that were swept', async () => {
    const { sha256 } = await files.put(platform.orgId, Readable.from([Buffer.from('same')]));
    await platform.forward('3 hours');
    expect((await prune()).contents).toBe(1);
    const insert = platform.admin(
      `insert into runs.file (id, org_id, mode, name, media_type, size, sha256) values ('file_1', $1, 'live', 'a', 'text/plain', 4, $2)`,
      [platform.orgId, sha256],
    );
    await expect(insert).rejects.toThrow('file_content');
  });

  it('a sweep that dies after it deleted is done again', async () => {
    await files.put(platform.orgId, Readable.from([Buffer.from('twice')]));
    await platform.forward('3 hours');
    const dying = prune({
      ...files,
      delete: async (orgId, sha256) => {
        await files.delete(orgId, sha256);
        throw new Error('killed');
      },
    });
    await expect(dying).rejects.toThrow('killed');
    expect(await registered()).toBe(1);
    expect((await prune()).contents).toBe(1);
    expect(await registered()).toBe(0);
  });
});
