import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../clock/index.ts';
import { Secret } from '../crypto/index.ts';
import { createMail, KEPT_MAX, type Mail, type MailMessage, mailErrors } from './index.ts';
import { type SmtpSink, type SmtpSinkOptions, startSmtpSink } from './test-support/smtp-sink.ts';

const FROM = 'Guildhall <guildhall@example.com>';
const message = (over: Partial<MailMessage> = {}): MailMessage => ({
  to: 'you@example.com',
  subject: 'Hello',
  text: 'A text.',
  idempotencyKey: 'evt_1',
  ...over,
});

/** Goes on by so much whenever it is looked at. */
const tickingClock = (stepMs: number) => {
  let nowMs = 0;
  const now = () => {
    nowMs += stepMs;
    return new Date(nowMs);
  };
  return { now, monotonicMs: () => 0 };
};

let directory: string;
const closers: (() => unknown)[] = [];
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'guildhall-mail-'));
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await rm(directory, { recursive: true, force: true });
});

const open = async (smtpUrl?: string, clock = systemClock): Promise<Mail> => {
  const mail = await createMail({
    smtpUrl: smtpUrl === undefined ? undefined : new Secret(smtpUrl),
    from: FROM,
    directory,
    clock,
  });
  closers.push(() => mail.close());
  return mail;
};

async function withServer(options: SmtpSinkOptions = {}, login = ''): Promise<{ mail: Mail; sink: SmtpSink }> {
  const sink = await startSmtpSink(options);
  closers.push(() => sink.close());
  return { mail: await open(`smtp://${login}127.0.0.1:${sink.port}`), sink };
}

describe('a mail server', () => {
  test('gets sender, address, subject, both bodies, over TLS where it offers it', async () => {
    const { mail, sink } = await withServer({ tls: true });
    await mail.send(message({ subject: 'Grüße – سلام', html: '<p>A text.</p>' }));
    const [got] = sink.mails;
    expect(got).toMatchObject({ from: 'guildhall@example.com', to: ['you@example.com'], isSecure: true });
    expect(got?.source).toMatch(/^From: Guildhall <guildhall@example.com>/m);
    expect(got?.source).toMatch(/^Subject: =\?UTF-8\?/m);
    expect(got?.source).toMatch(/text\/plain.*text\/html/s);
    expect(await mail.listKept()).toEqual([]);
  });

  test('gets the same Message-ID for a repetition, and another one for another mail', async () => {
    const { mail, sink } = await withServer();
    for (const idempotencyKey of ['evt_1', 'evt_1', 'evt_2']) await mail.send(message({ idempotencyKey }));
    const [one, again, two] = sink.mails.map(
      ({ source }) => /^Message-ID: (<[0-9a-f]{32}@example\.com>)$/im.exec(source)?.[1],
    );
    expect(one).toBeDefined();
    expect([one === again, one === two]).toEqual([true, false]);
  });

  test('gets each mail under the login that the setting holds then', async () => {
    const sink = await startSmtpSink({ password: 'former' });
    closers.push(() => sink.close());
    const smtpUrl = new Secret(`smtp://me:former@127.0.0.1:${sink.port}`);
    const mail = await createMail({ smtpUrl, from: FROM, directory, clock: systemClock });
    closers.push(() => mail.close());
    await mail.send(message());
    sink.accepted.add('latter');
    smtpUrl.renew(`smtp://you:latter@127.0.0.1:${sink.port}`);
    sink.accepted.delete('former');
    await mail.send(message());
    expect(sink.mails.map(({ user }) => user)).toEqual(['me', 'you']);
    expect(sink.refusedLogins).toEqual([]);
  });

  test('is given user and password, and a wrong password is named by the check and never shown', async () => {
    const { mail, sink } = await withServer({ password: 'p@ss wörd' }, `me:${encodeURIComponent('p@ss wörd')}@`);
    await mail.send(message());
    expect(sink.mails[0]?.user).toBe('me');
    expect(await mail.verify()).toBe(`127.0.0.1:${sink.port} takes mail from ${FROM}`);
    const wrong = await open(`smtp://me:canary-password@127.0.0.1:${sink.port}`);
    const fault = await wrong.verify().catch((error: unknown) => error);
    expect(fault).toMatchObject({ spec: mailErrors.unavailable });
    expect(JSON.stringify(fault)).not.toContain('canary');
  });

  test('elsewhere gets no password without TLS', async () => {
    const sink = await startSmtpSink({ password: 'secret' });
    closers.push(() => sink.close());
    // This address leads to this machine, and is none that is known to.
    const mail = await open(`smtp://me:secret@0.0.0.0:${sink.port}`);
    await expect(mail.send(message())).rejects.toMatchObject({ spec: mailErrors.unavailable });
    expect(sink.mails).toEqual([]);
  });

  test.each([
    [550, 'refused'],
    [451, 'unavailable'],
  ] as const)('that answers %i to an address has %s it', async (code, reason) => {
    const { mail, sink } = await withServer();
    sink.refuse(code);
    await expect(mail.send(message())).rejects.toMatchObject({ spec: mailErrors[reason] });
  });

  test('that is away is tried again later', async () => {
    await expect((await open('smtp://127.0.0.1:1')).send(message())).rejects.toMatchObject({
      spec: mailErrors.unavailable,
    });
  });

  test('is given no header by a subject or an address', async () => {
    const { mail, sink } = await withServer();
    await mail.send(message({ subject: 'a\r\nBcc: evil@example.com' }));
    await mail.send(message({ to: 'you@example.com, evil@example.com' })).catch(() => {});
    expect(sink.mails.flatMap(({ to }) => to)).not.toContain('evil@example.com');
    for (const { source } of sink.mails) expect(source).not.toMatch(/^Bcc:/im);
  });
});

describe('without a mail server', () => {
  test('mails are kept, the latest first, a repetition once, and nobody else can read them', async () => {
    const mail = await open(undefined, tickingClock(1_000));
    for (const idempotencyKey of ['one', 'two', 'one'])
      await mail.send(message({ idempotencyKey, subject: idempotencyKey }));
    const kept = await mail.listKept();
    expect(kept.map(({ subject, to, from }) => [subject, to, from])).toEqual([
      ['one', 'you@example.com', FROM],
      ['two', 'you@example.com', FROM],
    ]);
    expect(kept[0]?.at).toEqual(new Date(3_000));
    expect((await stat(path.join(directory, `${kept[0]?.id}.json`))).mode & 0o077).toBe(0);
    expect(await mail.verify()).toContain('no SMTP_URL');
  });

  test(`the last ${KEPT_MAX} are kept`, async () => {
    const mail = await open(undefined, tickingClock(1));
    for (let i = 0; i < KEPT_MAX + 5; i += 1) await mail.send(message({ idempotencyKey: `key_${i}`, subject: `${i}` }));
    const kept = await mail.listKept();
    expect([kept.length, kept[0]?.subject, kept.at(-1)?.subject]).toEqual([KEPT_MAX, `${KEPT_MAX + 4}`, '5']);
  });
});
