/** The pages on which strangers become members: signing up, signing in, accepting an invitation. */
import { emailField, mailboxLink, nameField, newPasswordField, passwordField } from './fields.ts';
import type { Content } from './shell.ts';

export const SIGN_UP_PAGE: Content = {
  title: 'signUp',
  content: (words) => `<form id="form">
${emailField(words)}
${nameField(words)}
${newPasswordField(words)}
<label>${words.organisation}<input name="organisation" autocomplete="organization" dir="auto"><small>${words.organisationHint}</small></label>
<label id="code" hidden>${words.signUpCode}<input name="invitation" autocomplete="off" dir="ltr"></label>
<button class="main">${words.signUp}</button></form>
<div class="links"><a href="/auth/waiting-list" id="waiting" hidden>${words.waitingList}</a><span>${words.haveAccount} <a href="/auth/sign-in">${words.signIn}</a></span>${mailboxLink(words)}</div>`,
  script: `
const invitation = new URLSearchParams(location.hash.slice(1)).get('invitation');
if (invitation) { $('code').hidden = false; $('code').querySelector('input').value = invitation; }
onSubmit('form', async (body, form) => {
  const { problem } = await send('POST', '/v1/auth/sign-up', { ...body, locale: language });
  if (/^beta\\.inv/.test(problem?.code)) $('code').hidden = false;
  if (/^beta\\.|^people\\.full$/.test(problem?.code)) $('waiting').hidden = false;
  if (problem) return tell(problem, form);
  form.hidden = true;
  say(words.mailed);
  await showMailbox();
});`,
};

export const SIGN_IN_PAGE: Content = {
  title: 'signIn',
  content: (words) => `<form id="form">
${emailField(words)}
${passwordField(words)}
<button class="main">${words.signIn}</button></form>
<div class="links"><a href="/auth/reset">${words.forgot}</a><a href="/auth/magic">${words.magic}</a><span>${words.noAccount} <a href="/auth/sign-up">${words.signUp}</a></span></div>`,
  script: `
onSubmit('form', async (body, form) => {
  const { problem, body: got } = await send('POST', '/v1/auth/sign-in', body);
  if (problem) return tell(problem, form);
  if (got.challenge) return go('/auth/second-factor', '#challenge=' + got.challenge);
  return go('/auth/account');
});`,
};

/** Where every sign-in goes on when there is a second factor: the challenge stands behind the #. */
export const SECOND_FACTOR_PAGE: Content = {
  title: 'signIn',
  content: (words) =>
    `<form id="second"><label>${words.code}<input name="code" autocomplete="one-time-code" required dir="ltr"></label><button class="main">${words.continue}</button></form>`,
  script: `
const challenge = fragment('challenge');
$('second').querySelector('input').focus();
onSubmit('second', async (body, form) => {
  const { problem } = await answerChallenge(challenge, body.code);
  return problem ? tell(problem, form) : go('/auth/account');
});`,
};

export const INVITATION_PAGE: Content = {
  title: 'invitation',
  content: (
    words,
  ) => `<p id="offer">${words.loading}</p><form id="form" hidden><button class="main">${words.accept}</button></form>
<div class="links" id="enter" hidden><a href="/auth/sign-in">${words.signIn}</a><a href="/auth/sign-up">${words.signUp}</a></div>
<div class="links" id="inside" hidden><a href="/auth/account">${words.account}</a></div>`,
  script: `
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
$('other').addEventListener('click', (event) => { event.currentTarget.href += '#token=' + token; });
(async () => {
  const { problem, body } = await send('POST', '/v1/auth/invitation', { token });
  if (problem) { $('offer').hidden = true; return tell(problem); }
  $('offer').textContent = words.offer.replace('{organisation}', () => '\\u2068' + body.organisation + '\\u2069').replace('{role}', () => words[body.role]);
  const me = await send('GET', '/v1/me');
  if (me.problem) { say(words.invitationNeedsAccount); $('enter').hidden = false; } else $('form').hidden = false;
})();
onSubmit('form', async (_, form) => {
  const { problem } = await call('POST', '/v1/me/invitations/accept', { token });
  if (problem) return tell(problem, form);
  form.hidden = true;
  say(words.accepted);
  $('inside').hidden = false;
});`,
};
