/** The door of domains: which names are an organisation's own. */
export { domainErrors } from './errors.ts';
export { domainRoutes } from './routes.ts';
export { createDomains, type DomainActor, type Domains, type DomainsDeps, parseDomain } from './service.ts';
export type { Domain, ResolveTxt } from './types.ts';
