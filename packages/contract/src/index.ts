/** Schemas and types of the public interface: the server validates with them, clients are typed by them. */

export * from './audit.ts';
export * from './beta.ts';
export * from './billing.ts';
export * from './cache.ts';
export * from './catalog.ts';
export * from './common.ts';
export * from './factors.ts';
export * from './gateway.ts';
export * from './identity.ts';
export * from './members.ts';
export * from './models.ts';
export * from './people.ts';
export * from './providers.ts';
export * from './runs.ts';
export * from './saml.ts';
export * from './scim.ts';
export * from './sso.ts';
export * from './tokens.ts';
export * from './webhooks.ts';
