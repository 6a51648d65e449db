/** The pages on which strangers become members: signing up, signing in, accepting an invitation. */
import { codeField, emailField, mailboxLink, nameField, newPasswordField, passwordField } from './fields.ts';
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
<div class="links"><a href="/auth/reset">${words.forgot}</a><a href="/auth/magic">${words.magic}</a></div>
<p class="or">${words.or}</p>
<div class="ways"><button type="button" id="passkey" hidden>${words.passkeySignIn}</button><div class="ways" id="providers" hidden></div>
<details id="sso"><summary>${words.sso}</summary><form id="sso-form"><label>${words.workEmail}<input name="email" type="email" autocomplete="email" required dir="ltr"></label><button class="main">${words.continue}</button></form></details></div>
<div class="links"><span>${words.noAccount} <a href="/auth/sign-up">${words.signUp}</a></span></div>`,
  script: `
function finish({ problem, body: got }, form) {
  if (problem) return tell(problem, form);
  return got.challenge ? go('/auth/second-factor', '#challenge=' + got.challenge) : go('/auth/account');
}
async function depart(path, body, form) {
  const { problem, body: got } = await send('POST', path, { ...body, returnTo: '/auth/account?lang=' + language });
  return problem ? tell(problem, form) : leave(got.url);
}
onSubmit('form', async (body, form) => {
  const answer = await send('POST', '/v1/auth/sign-in', body);
  if (answer.problem?.code === 'federation.sso-required') { $('sso').open = true; $('sso-form').elements.email.value = body.email; }
  return finish(answer, form);
});
$('passkey').hidden = !canPasskey;
onClick('passkey', async () => {
  const { problem, body: got } = await send('POST', '/v1/auth/passkey/options');
  const made = problem ? { problem } : await askPasskey('get', got.options);
  return finish(made.problem ? made : await send('POST', '/v1/auth/passkey', made));
});
onSubmit('sso-form', (body, form) => depart('/v1/auth/sso', body, form));
(async () => {
  const { body: got } = await send('GET', '/v1/auth/providers');
  for (const { id, name } of got?.data ?? []) {
    const button = make('button', words.signInWith.replace('{provider}', () => name), { type: 'button' });
    button.addEventListener('click', () => busy(button, () => depart('/v1/auth/federation/' + id)));
    $('providers').append(button);
    $('providers').hidden = false;
  }
})();`,
};

/** Where every sign-in goes on when there is a second factor: the challenge stands behind the #. */
export const SECOND_FACTOR_PAGE: Content = {
  title: 'signIn',
  content: (words) => `<p id="wait">${words.loading}</p>
<form id="second" hidden>${codeField(words)}<button class="main">${words.continue}</button></form>
<div class="ways"><button type="button" id="passkey" hidden>${words.usePasskey}</button></div>
<div class="links"><a href="/auth/sign-in">${words.beginAgain}</a></div>`,
  script: `
const challenge = fragment('challenge');
const finish = ({ problem }, form) => problem ? tell(problem, form) : go('/auth/account');
onSubmit('second', async (body, form) => finish(await answerChallenge(challenge, body), form));
(async () => {
  const { problem, body: way } = await send('POST', '/v1/auth/second-factor/options', { challenge });
  $('wait').hidden = true;
  if (problem) return tell(problem);
  $('second').hidden = !hasCode(way);
  $('passkey').hidden = !(way.options && canPasskey);
  if (hasCode(way)) $('second').elements.code.focus();
  onClick('passkey', async () => {
    const made = await askPasskey('get', way.options);
    return finish(made.problem ? made : await answerChallenge(challenge, made));
  });
})();`,
};

export const INVITATION_PAGE: Content = {
  title: 'invitation',
  content: (
    words,
  ) => `<p id="offer">${words.loading}</p><form id="form" hidden><button class="main">${words.accept}</button></form>
<div class="links" id="enter" hidden><a href="/auth/sign-in">${words.signIn}</a><a href="/auth/sign-up">${words.signUp}</a></div>
<div class="links" id="inside" hidden><a href="/auth/account">${words.account}</a></div>`,
  script: `
const token = fragment('token');
(async () => {
  const { problem, body } = await send('POST', '/v1/auth/invitation', { token });
  if (problem) { $('offer').hidden = true; return tell(problem); }
  $('offer').textContent = words.offer.replace('{organisation}', () => '\\u2068' + body.organisation + '\\u2069').replace('{role}', () => words[body.role]);
  const me = await send('GET', '/v1/me');
  if (me.problem) { say(words.invitationNeedsAccount); $('enter').hidden = false; } else $('form').hidden = false;
})();
onSubmit('form', async (_, form) => {
  const { problem } = await send('POST', '/v1/me/invitations/accept', { token });
  if (problem) return tell(problem, form);
  form.hidden = true;
  say(words.accepted);
  $('inside').hidden = false;
});`,
};
