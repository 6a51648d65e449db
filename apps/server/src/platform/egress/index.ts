/** The one client for addresses that others chose: webhooks, tools, images, base URLs. Nothing else in the program opens such a connection. */
export { parseCidr } from './address-rules.ts';
export { createEgress } from './client.ts';
export { egressErrors } from './errors.ts';
export { askProxy } from './proxy.ts';
export { resolveTxt } from './txt.ts';
export type { Egress, EgressOptions, EgressRequest, EgressResponse } from './types.ts';
