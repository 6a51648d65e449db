/** What a directory can ask about this service before it begins (RFC 7644 §4). */
import type { Json } from './json.ts';
import { GROUP_SCHEMA, USER_SCHEMA } from './resources.ts';

export const PAGE_MAX = 200;

const meta = (resourceType: string, location: string): Json => ({ resourceType, location });

export const serviceProviderConfig = (base: string): Json => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  filter: { supported: true, maxResults: PAGE_MAX },
  changePassword: { supported: false },
  sort: { supported: false },
  etag: { supported: false },
  authenticationSchemes: [
    { type: 'oauthbearertoken', name: 'Bearer token', description: 'A SCIM token of the organisation.', primary: true },
  ],
  meta: meta('ServiceProviderConfig', `${base}/ServiceProviderConfig`),
});

export const resourceTypes = (base: string): readonly Json[] =>
  [
    ['User', USER_SCHEMA],
    ['Group', GROUP_SCHEMA],
  ].map(([name, schema]) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: name,
    name,
    endpoint: `/${name}s`,
    schema,
    meta: meta('ResourceType', `${base}/ResourceTypes/${name}`),
  }));

const attribute = (name: string, more: Json = {}): Json => ({
  name,
  type: 'string',
  multiValued: false,
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
  ...more,
});

const USER_ATTRIBUTES: readonly Json[] = [
  attribute('userName', { required: true, uniqueness: 'server' }),
  attribute('externalId', { caseExact: true }),
  attribute('name', { type: 'complex', subAttributes: [attribute('givenName'), attribute('familyName')] }),
  attribute('displayName'),
  attribute('emails', {
    type: 'complex',
    multiValued: true,
    subAttributes: [attribute('value'), attribute('type'), attribute('primary', { type: 'boolean' })],
  }),
  attribute('active', { type: 'boolean' }),
];
const GROUP_ATTRIBUTES: readonly Json[] = [
  attribute('displayName', { required: true, uniqueness: 'server' }),
  attribute('externalId', { caseExact: true }),
  attribute('members', {
    type: 'complex',
    multiValued: true,
    subAttributes: [
      attribute('value', { mutability: 'immutable' }),
      attribute('$ref', { type: 'reference', referenceTypes: ['User'] }),
    ],
  }),
];

export const schemas = (base: string): readonly Json[] =>
  [
    { id: USER_SCHEMA, name: 'User', description: 'Somebody in the organisation.', attributes: USER_ATTRIBUTES },
    { id: GROUP_SCHEMA, name: 'Group', description: 'A group, which may carry a role.', attributes: GROUP_ATTRIBUTES },
  ].map((one) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    ...one,
    meta: meta('Schema', `${base}/Schemas/${one.id}`),
  }));

export interface Page {
  readonly resources: readonly Json[];
  readonly total: number;
  readonly startIndex: number;
}

export const listResponse = ({ resources, total, startIndex }: Page): Json => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
  totalResults: total,
  startIndex,
  itemsPerPage: resources.length,
  Resources: resources,
});
