/** What every page can do: say, ask the interface, wait visibly, and make elements of plain text. */
export const SCRIPT = `
const words = JSON.parse(document.body.dataset.words);
const problems = JSON.parse(document.body.dataset.problems);
const language = document.documentElement.lang;
const $ = (id) => document.getElementById(id);
const say = (text, bad) => { const box = $('status'); box.textContent = text; box.className = bad ? 'bad' : ''; };
const make = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text }, more);
const fieldOf = (form, path) => form?.elements.namedItem(path.slice(1));
function textOf({ code, title, detail, errors = [], retryAfterSeconds: wait }, form) {
  const faults = errors.map(({ path, message }) => [fieldOf(form, path)?.labels[0].firstChild.textContent ?? path.slice(1), problems.faults[message] ?? message].join(' ')).join('; ');
  const said = problems.says[code]?.replace('{faults}', () => faults) ?? (faults ? title + ' ' + faults : detail || title);
  const when = new Intl.RelativeTimeFormat(language).format(...(wait > 90 ? [Math.ceil(wait / 60), 'minute'] : [wait || 0, 'second']));
  return wait ? said + ' ' + words.tryAgain.replace('{when}', when) : said;
}
function tell(problem, form) {
  say(textOf(problem, form), true);
  const named = (problem.errors ?? []).map(({ path }) => fieldOf(form, path)).filter(Boolean);
  for (const field of named) { field.setAttribute('aria-invalid', 'true'); field.setAttribute('aria-describedby', 'status'); }
  (named[0] ?? $('status')).focus();
}
async function send(method, path, body) {
  const headers = { 'guildhall-request': '1', ...(body ? { 'content-type': 'application/json' } : {}) };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) }).catch(() => undefined);
  if (!answer) return { problem: { title: words.failed } };
  const json = await answer.json().catch(() => ({}));
  return answer.ok ? { body: json } : { problem: json, status: answer.status };
}
const go = (path, hash = '') => { location.assign(path + '?lang=' + language + hash); return new Promise(() => {}); };
function fragment(name) {
  const value = new URLSearchParams(location.hash.slice(1)).get(name) ?? '';
  history.replaceState(null, '', location.pathname + location.search);
  $('other')?.addEventListener('click', (event) => { if (value) event.currentTarget.hash = name + '=' + value; });
  return value;
}
async function busy(button, work) {
  if (button.disabled) return;
  const text = button.textContent;
  Object.assign(button, { disabled: true, textContent: words.working });
  say('');
  try { await work(); } finally { Object.assign(button, { disabled: false, textContent: text }); }
  if (document.activeElement === document.body) button.focus();
}
const fields = (form) => Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ''));
function onSubmit(id, work) {
  const form = $(id);
  form?.addEventListener('submit', async (event) => {
    event.preventDefault();
    for (const field of form.elements) field.removeAttribute('aria-invalid');
    await busy(form.querySelector('button'), () => work(fields(form), form));
  });
}
function askAgain() {
  const dialog = $('again');
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === 'ok');
    dialog.showModal();
  });
}
async function call(method, path, body) {
  const first = await send(method, path, body);
  if (first.problem?.code !== 'auth.step-up-required' || !$('again') || !(await askAgain())) return first;
  return send(method, path, body);
}
onSubmit('again-form', async (body, form) => {
  const { problem, body: got } = await send('POST', '/v1/auth/step-up', { password: body.password });
  let failed = problem;
  if (got?.challenge && body.code) failed = (await answerChallenge(got.challenge, body.code)).problem;
  else if (got?.challenge) failed = { title: words.code };
  $('again-status').textContent = failed ? textOf(failed) : '';
  if (!failed) { form.reset(); $('again').close('ok'); }
});
$('again-cancel')?.addEventListener('click', () => $('again').close('cancel'));
const answerChallenge = (challenge, code) =>
  send('POST', '/v1/auth/second-factor', { challenge, ...(/^[\\d\\s]{6,8}$/.test(code) ? { code } : { recoveryCode: code.trim() }) });
async function showMailbox() {
  const box = await fetch('/dev/mailbox').catch(() => undefined);
  $('mailbox').hidden = !box?.ok;
}
for (const link of document.querySelectorAll('a[href^="/auth/"]:not(#other)')) link.search = '?lang=' + language;
addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
`;
