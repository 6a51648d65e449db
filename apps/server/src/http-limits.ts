/** Which requests count against which limit. */
import type { Foundation } from './foundation.ts';
import type { HttpOptions } from './platform/http/index.ts';

export function createLimits(_: Foundation): HttpOptions['limit'] {
  return async () => ({});
}
