import { defineErrors } from '../../platform/errors/index.ts';

export const auditErrors = defineErrors('audit', {
  unfit: [
    'unfit',
    500,
    'An action could not be recorded.',
    'Nothing was changed. Try again; if it happens again, tell the operator the request id.',
  ],
  testKeyRefused: [
    'test-key-refused',
    403,
    'Test keys do not see the audit trail.',
    'Use a live key with the scope audit:read.',
  ],
});
