/** Refusals of the operator's routes. */
import { defineErrors } from '../../platform/errors/index.ts';

export const opsErrors = defineErrors('ops', {
  metricsClosed: [
    'metrics-closed',
    403,
    'Metrics are open to this machine alone.',
    'Ask from loopback, or send `Authorization: Bearer $METRICS_TOKEN`.',
  ],
  noMailbox: [
    'no-mailbox',
    404,
    'There is no mailbox to see here.',
    'It exists where SMTP_URL is not set, outside of production, for this machine alone.',
  ],
  noOrganisation: [
    'organisation-not-found',
    404,
    'There is no such organisation.',
    'List them with `guildhall orgs list`.',
  ],
  limitUnfit: [
    'limit-unfit',
    422,
    'There is no such limit to set.',
    'Correct the members named in `errors`; GET /v1/operator/limits lists all limits.',
  ],
});
