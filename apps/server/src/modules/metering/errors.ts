import { defineErrors } from '../../platform/errors/index.ts';

export const meteringErrors = defineErrors('metering', {
  usageConflict: [
    'usage-conflict',
    409,
    'This usage record was made before with other content.',
    'Nothing was recorded. Use a new id for a new record, or repeat the first one unchanged.',
  ],
  usageMissing: ['usage-not-found', 404, 'There is no such usage record.', 'Check its source and id.'],
  tier: ['tier-not-found', 422, 'There is no such tier.', 'Choose one of the tiers that the agent lists.'],
  period: [
    'period',
    422,
    'The period of this query is empty or too long.',
    'Let `from` lie before `to`, at most 400 days apart.',
  ],
  pricePast: [
    'price-in-the-past',
    422,
    'A price cannot be in force before it is published.',
    'Nothing was published. Leave `effectiveFrom` out for now, or name a time to come.',
  ],
  aliasTaken: [
    'alias-taken',
    422,
    'An alias is the name or alias of another model of this provider.',
    'Nothing was published. Leave that alias out, or publish a row of its own for it.',
  ],
  priceVersion: ['price-version-not-found', 404, 'There is no such version of the price book.', 'Check the version.'],
});
