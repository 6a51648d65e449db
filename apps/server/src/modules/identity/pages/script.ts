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
const leave = (url) => { location.assign(url); return new Promise(() => {}); };
const go = (path, hash = '') => leave(path + '?lang=' + language + hash);
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
  if (document.activeElement === document.body) (button.isConnected ? button : $('status')).focus();
}
const onClick = (id, work) => $(id).addEventListener('click', () => busy($(id), work));
const fields = (form) => Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ''));
function onSubmit(id, work) {
  const form = $(id);
  form?.addEventListener('submit', async (event) => {
    event.preventDefault();
    for (const field of form.elements) field.removeAttribute('aria-invalid');
    await busy(form.querySelector('button'), () => work(fields(form), form));
  });
}
const answerChallenge = (challenge, { code = '', passkey }) =>
  send('POST', '/v1/auth/second-factor', { challenge, ...(passkey ? { passkey } : /^[\\d\\s]{6,8}$/.test(code) ? { code } : { recoveryCode: code.trim() }) });
const hasCode = ({ methods }) => methods.includes('code') || methods.includes('recoveryCode');
const canPasskey = location.hostname === document.body.dataset.passkeyHost && Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);
async function askPasskey(verb, options) {
  try {
    const parse = verb === 'get' ? 'parseRequestOptionsFromJSON' : 'parseCreationOptionsFromJSON';
    const made = await navigator.credentials[verb]({ publicKey: PublicKeyCredential[parse](options) });
    return { passkey: made.toJSON() };
  } catch ({ name }) {
    return { problem: { title: words[{ NotAllowedError: 'passkeyEnded', InvalidStateError: 'passkeyKnown' }[name] ?? 'passkeyFailed'] } };
  }
}
async function showMailbox() {
  const box = await fetch('/dev/mailbox').catch(() => undefined);
  $('mailbox').hidden = !box?.ok;
}
for (const link of document.querySelectorAll('a[href^="/auth/"]:not(#other)')) link.search = '?lang=' + language;
addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
`;
