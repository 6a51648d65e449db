/** The page of one's own account: organisations and their members, second factors, accounts elsewhere, where one is signed in. */
import { AGAIN_SCRIPT, againDialog } from './again.ts';
import type { Content } from './shell.ts';
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
<form id="add-passkey" class="row" hidden><label>${words.passkeyName}<input name="name" required maxlength="100" autocomplete="off" dir="auto"></label><button>${words.addPasskey}</button></form>
<form id="add-app" class="row"><button>${words.addApp}</button></form>
<form id="confirm-app" hidden><p>${words.scan}</p><img id="picture" alt=""><p><code id="secret" dir="ltr"></code></p><div class="row"><label>${words.appCode}<input name="code" inputmode="numeric" autocomplete="one-time-code" required dir="ltr"></label><button>${words.confirm}</button></div></form>
<div id="codes" hidden><p>${words.recovery}</p><pre dir="ltr" tabindex="0"></pre></div></section>
<section aria-labelledby="h-els" id="elsewhere" hidden><h2 id="h-els">${words.elsewhere}</h2><ul id="links"></ul><div class="row" id="providers"></div></section>
<section aria-labelledby="h-ses"><h2 id="h-ses">${words.sessions}</h2><ul id="sessions"></ul><form id="others" class="row"><button>${words.endOthers}</button></form></section>
</div>
<div class="links" id="enter" hidden><a href="/auth/sign-in">${words.signIn}</a></div>
<div class="links" id="mail" hidden><a href="/auth/verify">${words.mailAgain}</a></div>
${againDialog(words)}`;

const SCRIPT = `
const fill = (id, rows, empty) => $(id).replaceChildren(...(rows.length ? rows : [make('li', empty)]));
const item = (text, ...parts) => { const [li, first] = [make('li', ''), make('span', '')]; first.append(make('bdi', text)); li.append(first, ...parts); return li; };
const button = (text, label, work) => { const made = make('button', text, { type: 'button', ariaLabel: text + ': ' + label }); made.addEventListener('click', () => busy(made, async () => { const { problem } = await work(); if (problem) return tell(problem); await show(); say(words.done); })); return made; };
let me;
let pending;
async function showOrganisations() {
  const { body, problem } = await send('GET', '/v1/me/organisations');
  if (problem) return tell(problem);
  fill('organisations', body.data.map(({ id, name, role, deletedAt }) => item(name, make('span', words[role]), deletedAt ? make('span', deletedAt) : id === me.organisationId ? make('strong', words.inUse) : button(words.use, name, () => call('PUT', '/v1/me/organisation', { organisationId: id })))), words.noOrganisations);
}
async function showMembers() {
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
  fill('factors', body.data.filter(({ isConfirmed }) => isConfirmed).map(({ id, name, kind }) => item(name, make('span', words[kind]), button(words.remove, name, () => call('DELETE', '/v1/me/factors/' + id)))), words.noFactors);
}
async function showLinks() {
  const [open, mine] = await Promise.all([send('GET', '/v1/auth/providers'), send('GET', '/v1/me/identity-links')]);
  const problem = open.problem ?? mine.problem;
  $('elsewhere').hidden = !problem && open.body.data.length + mine.body.data.length === 0;
  if (problem) return fill('links', [], textOf(problem));
  const linked = mine.body.data.map((link) => ({ ...link, name: open.body.data.find(({ id }) => id === link.provider)?.name ?? new URL(link.issuer).hostname }));
  fill('links', linked.map(({ id, name, email }) => item(name, make('bdi', email ?? ''), button(words.unlink, name, () => call('DELETE', '/v1/me/identity-links/' + id)))), words.noLinks);
  const others = open.body.data.filter(({ id }) => !linked.some(({ provider }) => provider === id));
  $('providers').replaceChildren(...others.map(({ id, name }) => button(words.link.replace('{provider}', () => name), name, async () => {
    const { problem: refused, body } = await call('POST', '/v1/me/identity-links', { provider: id, returnTo: '/auth/account?lang=' + language });
    return refused ? { problem: refused } : leave(body.url);
  })));
}
async function showSessions() {
  const { body, problem } = await send('GET', '/v1/me/sessions');
  if (problem) return fill('sessions', [], textOf(problem));
  fill('sessions', body.data.map(({ id, ip, userAgent, isCurrent, lastUsedAt }) => item(userAgent || ip, make('bdi', ip), make('time', lastUsedAt.slice(0, 16).replace('T', ' '), { dateTime: lastUsedAt, dir: 'ltr' }), isCurrent ? make('strong', words.thisOne) : button(words.end, ip, () => call('DELETE', '/v1/me/sessions/' + id)))), '');
}
async function show() {
  const { body, problem, status } = await send('GET', '/v1/me');
  if (problem) {
    $('who').textContent = status === 401 ? words.signedOut : textOf(problem);
    $('enter').hidden = false;
    return;
  }
  me = body;
  $('who').replaceChildren(make('strong', me.name, { dir: 'auto' }), ' ', make('bdi', me.email, { dir: 'ltr' }));
  $('inside').hidden = false;
  if (!me.isVerified) { $('mail').hidden = false; return say(words.unverified); }
  await Promise.all([showOrganisations(), showMembers(), showFactors(), showLinks(), showSessions()]);
}
$('out').addEventListener('click', () => busy($('out'), async () => { await send('POST', '/v1/auth/sign-out'); await go('/auth/sign-in'); }));
onSubmit('new-organisation', async (body, form) => { const { problem } = await call('POST', '/v1/me/organisations', body); if (problem) return tell(problem, form); form.reset(); await show(); say(words.done); });
onSubmit('invite', async (body, form) => { const { problem } = await call('POST', '/v1/organisation/invitations', { ...body, locale: language }); if (problem) return tell(problem, form); form.reset(); say(words.invited); });
onSubmit('others', async () => { const { problem } = await call('DELETE', '/v1/me/sessions?keepCurrent=true'); if (problem) return tell(problem); await show(); say(words.done); });
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
  form.hidden = true;
  await showAdded(form, got);
});
async function showAdded(form, { recoveryCodes }) {
  form.reset();
  await show();
  say(words.done);
  if (!recoveryCodes) return;
  const list = $('codes').querySelector('pre');
  list.textContent = recoveryCodes.join('\\n');
  $('codes').hidden = false;
  list.focus();
}
$('add-passkey').hidden = !canPasskey;
onSubmit('add-passkey', async ({ name }, form) => {
  const { problem, body } = await call('POST', '/v1/me/factors/passkeys/options');
  const made = problem ? { problem } : await askPasskey('create', body.options);
  const added = made.problem ? made : await call('POST', '/v1/me/factors/passkeys', { name, passkey: made.passkey });
  return added.problem ? tell(added.problem, form) : showAdded(form, added.body);
});
show();`;

export const ACCOUNT_PAGE: Content = {
  title: 'account',
  content,
  script: `${AGAIN_SCRIPT}${SCRIPT}`,
  isWide: true,
};
