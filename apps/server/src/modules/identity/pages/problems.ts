/** Problems in the words of people: what happened, and what to do on these pages. What is not here is shown as the interface says it. */
import type { Locale } from '../people/types.ts';

const SAYS: Readonly<Record<string, Readonly<Record<Locale, string>>>> = {
  'auth.missing-scope': {
    en: 'Your role does not let you do this.',
    ar: 'دورك لا يسمح بهذا.',
  },
  'auth.not-signed-in': {
    en: 'You are not signed in any more. Sign in again.',
    ar: 'لم تعد مسجّل الدخول. سجّل الدخول من جديد.',
  },
  'auth.not-verified': {
    en: 'Your address is not verified yet. Open the link that was mailed to you.',
    ar: 'لم يُؤكَّد عنوانك بعد. افتح الرابط الذي وصلك بالبريد.',
  },
  'auth.second-factor-required': {
    en: 'This organisation is open only to members with a second factor. Add one below.',
    ar: 'هذه المؤسسة مفتوحة فقط للأعضاء الذين لديهم عامل تحقق ثانٍ. أضف واحدًا أدناه.',
  },
  'auth.step-up-required': {
    en: 'This needs your password or second factor again.',
    ar: 'يتطلب هذا كلمة مرورك أو عاملك الثاني مرة أخرى.',
  },
  'beta.closed': {
    en: 'Nobody can sign up here. Ask whoever runs this installation.',
    ar: 'التسجيل هنا مغلق. اسأل من يدير هذا التثبيت.',
  },
  'beta.code-used': {
    en: 'Your invitation code was used up by others. Ask for a new one and sign up again.',
    ar: 'استنفد آخرون رمز دعوتك. اطلب رمزًا جديدًا ثم سجّل من جديد.',
  },
  'beta.invalid-invitation': {
    en: 'This invitation is not good for this address. Check the code, or join the waiting list.',
    ar: 'هذه الدعوة لا تصلح لهذا العنوان. تحقق من الرمز، أو انضم إلى قائمة الانتظار.',
  },
  'beta.invalid-link': {
    en: 'This link is not valid any more. Join the waiting list again.',
    ar: 'لم يعد هذا الرابط صالحًا. انضم إلى قائمة الانتظار من جديد.',
  },
  'beta.invitation-needed': {
    en: 'One signs up here by invitation. Enter your code, or join the waiting list.',
    ar: 'التسجيل هنا بالدعوة. أدخل رمزك، أو انضم إلى قائمة الانتظار.',
  },
  'factors.invalid-challenge': {
    en: 'This sign-in took too long, or was begun elsewhere. Begin again.',
    ar: 'طال هذا الدخول أكثر مما ينبغي، أو بدأ في مكان آخر. ابدأ من جديد.',
  },
  'factors.passkey-refused': {
    en: 'This passkey cannot be added. Try again.',
    ar: 'لا يمكن إضافة مفتاح المرور هذا. حاول مرة أخرى.',
  },
  'factors.refused': {
    en: 'That is not right. Wait for the next code of your app, or use a recovery code; each code works once.',
    ar: 'هذا غير صحيح. انتظر الرمز التالي في تطبيقك، أو استعمل رمز استرداد؛ كل رمز يعمل مرة واحدة.',
  },
  'factors.short-password': {
    en: 'Your password is long enough only beside a second factor. Add another factor first, or set a longer password.',
    ar: 'كلمة مرورك كافية الطول فقط مع عامل ثانٍ. أضف عاملًا آخر أولًا، أو عيّن كلمة مرور أطول.',
  },
  'factors.too-many': {
    en: 'There is no room for another passkey. Remove one that you do not use any more.',
    ar: 'لا مكان لمفتاح مرور آخر. أزل واحدًا لم تعد تستعمله.',
  },
  'factors.wrong-code': {
    en: 'The code is not right. Enter the one that the app shows now.',
    ar: 'الرمز غير صحيح. أدخل الرمز الذي يظهره التطبيق الآن.',
  },
  'federation.email-not-verified': {
    en: 'The provider does not say that your address is verified. Verify it there, or sign up with a password.',
    ar: 'لا يقول المزوّد إن عنوانك مؤكَّد. أكِّده هناك، أو أنشئ حسابًا بكلمة مرور.',
  },
  'federation.invalid-flow': {
    en: 'This sign-in was not begun in this browser, or has ended. Begin again, and finish within ten minutes.',
    ar: 'لم يبدأ هذا الدخول في هذا المتصفح، أو انتهى. ابدأ من جديد وأتمّه خلال عشر دقائق.',
  },
  'federation.last-way-in': {
    en: 'Without this account you could not sign in any more. Set a password first.',
    ar: 'من دون هذا الحساب لن تستطيع الدخول. عيّن كلمة مرور أولًا.',
  },
  'federation.link-needed': {
    en: 'There is an account with this address already. Sign in to it as before, then link this provider on the page of your account.',
    ar: 'هناك حساب بهذا العنوان. ادخل إليه كالمعتاد، ثم اربط هذا المزوّد من صفحة حسابك.',
  },
  'federation.linked-elsewhere': {
    en: 'This account at the provider belongs to another person here. Sign in with it, or unlink it there first.',
    ar: 'حسابك لدى المزوّد مربوط هنا بشخص آخر. ادخل به، أو ألغِ ربطه هناك أولًا.',
  },
  'federation.no-connection': {
    en: 'There is no single sign-on for this address. Sign in in another way, or ask your administrator.',
    ar: 'لا دخول موحّد لهذا العنوان. ادخل بطريقة أخرى، أو اسأل مسؤولك.',
  },
  'federation.not-of-organisation': {
    en: 'This identity provider may not speak for your address. Ask your administrator.',
    ar: 'لا يحق لمزوّد الهوية هذا أن يشهد لعنوانك. اسأل مسؤولك.',
  },
  'federation.refused': {
    en: 'The identity provider did not confirm who you are. Begin again. If it stays so, tell your administrator the request id.',
    ar: 'لم يؤكد مزوّد الهوية من أنت. ابدأ من جديد، وإن استمر ذلك فأخبر مسؤولك برقم الطلب.',
  },
  'federation.sso-required': {
    en: 'Your organisation asks you to sign in through its identity provider. Use single sign-on.',
    ar: 'تطلب مؤسستك الدخول عبر مزوّد هويتها. استعمل الدخول الموحّد.',
  },
  'federation.unavailable': {
    en: 'The identity provider does not answer as it should. Try again in a minute. If it stays so, tell your administrator the request id.',
    ar: 'لا يجيب مزوّد الهوية كما ينبغي. حاول بعد دقيقة، وإن استمر ذلك فأخبر مسؤولك برقم الطلب.',
  },
  'federation.unknown-provider': {
    en: 'There is no such way to sign in any more. Choose another one.',
    ar: 'لم تعد طريقة الدخول هذه متاحة. اختر طريقة أخرى.',
  },
  'guard.locked': {
    en: 'This was tried too often. Sign in by a link in a mail, from a device that you used before, or set a new password.',
    ar: 'كثرت المحاولات. ادخل برابط يصلك بالبريد، أو من جهاز استعملته من قبل، أو عيّن كلمة مرور جديدة.',
  },
  'guard.slow-down': {
    en: 'This was tried too often from here. Wait a little, or sign in by a link in a mail.',
    ar: 'كثرت المحاولات من هنا. انتظر قليلًا، أو ادخل برابط يصلك بالبريد.',
  },
  'http.internal': {
    en: 'Something failed on our side. Try again. If it stays so, tell whoever runs this installation the request id.',
    ar: 'حدث خلل عندنا. حاول مرة أخرى، وإن استمر ذلك فأخبر من يدير هذا التثبيت برقم الطلب.',
  },
  'http.invalid-request': { en: 'Something is not right: {faults}.', ar: 'هناك ما ليس صحيحًا: {faults}.' },
  'http.overloaded': {
    en: 'Many people are here at the moment. Try again shortly.',
    ar: 'هنا أناس كثيرون الآن. حاول بعد قليل.',
  },
  'http.unavailable': {
    en: 'We cannot reach our database at the moment. Try again in a few seconds.',
    ar: 'لا نصل إلى قاعدة بياناتنا الآن. حاول بعد ثوانٍ.',
  },
  'invitations.invalid': {
    en: 'This invitation is not valid any more. Ask whoever invited you for a new one.',
    ar: 'لم تعد هذه الدعوة صالحة. اطلب دعوة جديدة ممن دعاك.',
  },
  'invitations.other-address': {
    en: 'This invitation is for another address. Sign in with the address that it was mailed to.',
    ar: 'هذه الدعوة لعنوان آخر. ادخل بالعنوان الذي أُرسلت إليه.',
  },
  'limits.exceeded': { en: 'This was asked too often.', ar: 'كثرت الطلبات.' },
  'members.already': { en: 'This person is a member already.', ar: 'هذا الشخص عضو بالفعل.' },
  'members.role-not-held': {
    en: 'Nobody gives a role that may do more than their own.',
    ar: 'لا يمنح أحد دورًا يسمح بأكثر من دوره.',
  },
  'organisations.too-many': {
    en: 'You own as many organisations as one person can.',
    ar: 'تملك أكبر عدد من المؤسسات يمكن لشخص واحد.',
  },
  'people.full': {
    en: 'There is no room for more people for now. Join the waiting list.',
    ar: 'لا مكان لمزيد من الناس الآن. انضم إلى قائمة الانتظار.',
  },
  'people.invalid-email': {
    en: 'This is not an address that mail can be sent to.',
    ar: 'هذا ليس عنوانًا يمكن إرسال البريد إليه.',
  },
  'people.invalid-link': {
    en: 'This link is not valid any more: it works once and for a limited time. Ask for a new one.',
    ar: 'لم يعد هذا الرابط صالحًا: فهو يعمل مرة واحدة ولوقت محدود. اطلب رابطًا جديدًا.',
  },
  'people.weak-password': {
    en: '{faults}. Four or more words that do not belong together are strong and easy to remember.',
    ar: '{faults}. أربع كلمات أو أكثر لا صلة بينها قوية وسهلة التذكر.',
  },
  'people.wrong-password': { en: 'The password is not right.', ar: 'كلمة المرور غير صحيحة.' },
  'saml.no-request': {
    en: 'This sign-in was not begun in this browser, or took longer than ten minutes. Begin again.',
    ar: 'لم يبدأ هذا الدخول في هذا المتصفح، أو طال أكثر من عشر دقائق. ابدأ من جديد.',
  },
  'saml.not-found': {
    en: 'There is no such way to sign in any more. Choose another one.',
    ar: 'لم تعد طريقة الدخول هذه متاحة. اختر طريقة أخرى.',
  },
  'saml.refused': {
    en: 'The answer of the identity provider was not accepted. Begin again. If it stays so, tell your administrator the request id: the reason stands in the audit trail.',
    ar: 'لم يُقبل جواب مزوّد الهوية. ابدأ من جديد، وإن استمر ذلك فأخبر مسؤولك برقم الطلب: فالسبب في سجل التدقيق.',
  },
  'sessions.invalid': {
    en: 'You are not signed in any more. Sign in again.',
    ar: 'لم تعد مسجّل الدخول. سجّل الدخول من جديد.',
  },
  'sessions.refused': {
    en: 'The address or the password is not right.',
    ar: 'العنوان أو كلمة المرور غير صحيح.',
  },
};

/** What follows the name of a field, in Arabic; the interface says it in English. */
const FAULTS_AR: Readonly<Record<string, string>> = {
  'must have at least 15 characters': 'يجب ألا تقل عن 15 حرفًا',
  'must have at least 8 characters': 'يجب ألا تقل عن 8 أحرف',
  'must have at most 128 characters': 'يجب ألا تزيد على 128 حرفًا',
  'must be more than a few characters repeated': 'يجب ألا تكون بضعة أحرف مكررة',
  'is among those that are tried first': 'من أول ما يجرّبه المخمّنون',
  'must not be made of your address or the name of this product': 'يجب ألا تكون من عنوانك أو من اسم هذا المنتج',
  'must be the six digits of the app': 'يجب أن يكون أرقام التطبيق الستة',
};

/** By code, in one language. `{faults}` stands for what is wrong with the fields. */
export const problemsIn = (language: Locale): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(SAYS).map(([code, says]) => [code, says[language]]));

export const faultsIn = (language: Locale): Readonly<Record<string, string>> => (language === 'ar' ? FAULTS_AR : {});
