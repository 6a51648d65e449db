/** The dialog in which a person shows a factor again, where what they do asks for that: the second factor, or the password of who has none. */
import { codeField, passwordField } from './fields.ts';
import type { Words } from './words.ts';

export const againDialog = (words: Words): string =>
  `<dialog id="again" aria-labelledby="again-title"><form id="again-form"><h2 id="again-title">${words.again}</h2>
${passwordField(words)}
${codeField(words)}
<p id="again-none">${words.againSignIn} <a href="/auth/sign-in">${words.signIn}</a></p>
<p id="again-status" role="alert"></p><div class="row"><button class="main" id="again-go">${words.continue}</button><button type="button" id="again-passkey">${words.usePasskey}</button><button type="button" id="again-cancel">${words.cancel}</button></div></form></dialog>`;

export const AGAIN_SCRIPT = `
let way;
async function call(method, path, body) {
  const first = await send(method, path, body);
  if (first.problem?.code !== 'auth.step-up-required') return first;
  const { problem, body: found } = await send('POST', '/v1/auth/step-up/options');
  if (problem && problem.code !== 'factors.none') return { problem };
  way = found;
  return (await askAgain(me.hasPassword)) ? send(method, path, body) : first;
}
function askAgain(hasPassword) {
  const { password, code } = $('again-form').elements;
  const show = (field, isShown) => { field.disabled = field.parentElement.hidden = !isShown; };
  show(password, !way && hasPassword);
  show(code, Boolean(way) && hasCode(way));
  $('again-passkey').hidden = !(way?.options && canPasskey);
  $('again-go').hidden = password.disabled && code.disabled;
  $('again-none').hidden = Boolean(way) || hasPassword;
  $('again-status').textContent = '';
  $('again').showModal();
  return new Promise((resolve) => { $('again').onclose = () => resolve($('again').returnValue === 'ok'); });
}
function endAgain({ problem }) {
  $('again-status').textContent = problem ? textOf(problem) : '';
  if (problem) return;
  $('again-form').reset();
  $('again').close('ok');
}
onSubmit('again-form', async (body) => endAgain(await (way ? answerChallenge(way.challenge, body) : send('POST', '/v1/auth/step-up', body))));
onClick('again-passkey', async () => {
  const made = await askPasskey('get', way.options);
  endAgain(made.problem ? made : await answerChallenge(way.challenge, made));
});
$('again-cancel').addEventListener('click', () => $('again').close('cancel'));
`;
