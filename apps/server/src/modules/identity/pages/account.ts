/** The page of one's own account: organisations and their members, second factors, where one is signed in. */
import { againDialog, type Content } from './shell.ts';
import type { Words } from './words.ts';

const ROLES = ['viewer', 'billing', 'developer', 'admin', 'owner'] as const;

const content = (words: Words): string => `<p id="who">${words.loading}</p>
<div id="inside" hidden>
<div class="links"><button id="out" type="button">${words.signOut}</button></div>
<section aria-labelledby="h-org"><h2 id="h-org">${words.organisations}</h2><ul id="organisations"></ul>
<form id="new-organisation" class="row"><label>${words.newOrganisation}<input name="name" required dir="auto"></label><button>${words.create}</button></form></section>
<section aria-labelledby="h-mem"><h2 id="h-mem">${words.members}</h2><ul id="members"></ul>
<form id="invite" class="row" hidden><label>${words.email}<input name="email" type="email" required dir="ltr"></label>
<label>${words.role}<select name="role">${ROLES.map((role) => `<option value="${role}">${words[role]}</option>`).join('')}</select></label><button>${words.invite}</button></form></section>
<section aria-labelledby="h-fac"><h2 id="h-fac">${words.factors}</h2><ul id="factors"></ul>
<form id="add-app" class="row"><button>${words.addApp}</button></form>
<form id="confirm-app" hidden><p>${words.scan}</p><img id="picture" alt=""><p><code id="secret" dir="ltr"></code></p><div class="row"><label>${words.appCode}<input name="code" inputmode="numeric" autocomplete="one-time-code" required dir="ltr"></label><button>${words.confirm}</button></div></form>
<div id="codes" hidden><p>${words.recovery}</p><pre dir="ltr" tabindex="0"></pre></div></section>
<section aria-labelledby="h-ses"><h2 id="h-ses">${words.sessions}</h2><ul id="sessions"></ul><form id="others" class="row"><button>${words.endOthers}</button></form></section>
</div>
<div class="links" id="enter" hidden><a href="/auth/sign-in">${words.signIn}</a></div>
${againDialog(words)}`;

const SCRIPT = `
const fill = (id, rows, empty) => $(id).replaceChildren(...(rows.length ? rows : [make('li', empty)]));
const item = (text, ...parts) => { const [li, first] = [make('li', ''), make('span', '')]; first.append(make('bdi', text)); li.append(first, ...parts); return li; };
const button = (text, label, work) => { const made = make('button', text, { type: 'button', ariaLabel: text + ': ' + label }); made.addEventListener('click', () => busy(made, async () => { const { problem } = await work(); if (problem) tell(problem); else await show(); })); return made; };
let pending;
async function showOrganisations(me) {
  const { body, problem } = await send('GET', '/v1/me/organisations');
  if (problem) return tell(problem);
  fill('organisations', body.data.map(({ id, name, role, deletedAt }) => item(name, make('span', words[role]), deletedAt ? make('span', deletedAt) : id === me.organisationId ? make('strong', words.inUse) : button(words.use, name, () => call('PUT', '/v1/me/organisation', { organisationId: id })))), words.noOrganisations);
}
async function showMembers(me) {
  $('invite').hidden = !me.scopes.includes('members:write');
  if (!me.organisationId) return fill('members', [], words.noOrganisations);
  if (!me.scopes.includes('members:read')) return fill('members', [], words.noPermission);
  const { body, problem } = await send('GET', '/v1/organisation/members');
  if (problem) return fill('members', [], textOf(problem));
  fill('members', body.data.map(({ name, email, role }) => item(name, make('bdi', email ?? ''), make('span', words[role]))), '');
}
async function showFactors() {
  const { body, problem } = await send('GET', '/v1/me/factors');
  if (problem) return fill('factors', [], textOf(problem));
  fill('factors', body.data.filter(({ isConfirmed }) => isConfirmed).map(({ id, name }) => item(name, button(words.remove, name, () => call('DELETE', '/v1/me/factors/' + id)))), words.noFactors);
}
async function showSessions() {
  const { body, problem } = await send('GET', '/v1/me/sessions');
  if (problem) return fill('sessions', [], textOf(problem));
  fill('sessions', body.data.map(({ id, ip, userAgent, isCurrent, lastUsedAt }) => item(userAgent || ip, make('bdi', ip), make('time', lastUsedAt.slice(0, 16).replace('T', ' '), { dateTime: lastUsedAt, dir: 'ltr' }), isCurrent ? make('strong', words.thisOne) : button(words.end, ip, () => call('DELETE', '/v1/me/sessions/' + id)))), '');
}
async function show() {
  const { body: me, problem, status } = await send('GET', '/v1/me');
  if (problem) {
    $('who').textContent = status === 401 ? words.signedOut : textOf(problem);
    $('enter').hidden = false;
    return;
  }
  $('who').replaceChildren(make('strong', me.name, { dir: 'auto' }), ' ', make('bdi', me.email, { dir: 'ltr' }));
  $('inside').hidden = false;
  if (!me.isVerified) return say(words.unverified);
  await Promise.all([showOrganisations(me), showMembers(me), showFactors(), showSessions()]);
}
$('out').addEventListener('click', () => busy($('out'), async () => { await send('POST', '/v1/auth/sign-out'); await go('/auth/sign-in'); }));
onSubmit('new-organisation', async (body, form) => { const { problem } = await call('POST', '/v1/me/organisations', body); if (problem) return tell(problem, form); form.reset(); await show(); });
onSubmit('invite', async (body, form) => { const { problem } = await call('POST', '/v1/organisation/invitations', { ...body, locale: language }); if (problem) return tell(problem, form); form.reset(); say(words.invited); });
onSubmit('others', async () => { const { problem } = await call('DELETE', '/v1/me/sessions?keepCurrent=true'); if (problem) return tell(problem); await show(); });
onSubmit('add-app', async () => {
  const { problem, body } = await call('POST', '/v1/me/factors/totp', { name: navigator.platform || 'App' });
  if (problem) return tell(problem);
  pending = body;
  $('picture').src = 'data:image/svg+xml,' + encodeURIComponent(body.qrCode);
  $('secret').textContent = body.secret;
  $('confirm-app').hidden = false;
  $('confirm-app').querySelector('input').focus();
});
onSubmit('confirm-app', async (body, form) => {
  const { problem, body: got } = await call('POST', '/v1/me/factors/' + pending.id + '/confirm', body);
  if (problem) return tell(problem, form);
  form.reset();
  form.hidden = true;
  if (got.recoveryCodes) { $('codes').querySelector('pre').textContent = got.recoveryCodes.join('\\n'); $('codes').hidden = false; }
  await show();
});
show();`;

export const ACCOUNT_PAGE: Content = {
  title: 'account',
  content,
  script: SCRIPT,
  isWide: true,
};
