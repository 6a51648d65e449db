/** The way to the providers: one call over many channels, with retries, fallbacks and breakers. */
export { createUpstream, type UpstreamDeps } from './create.ts';
export { UpstreamError, upstreamErrors } from './errors.ts';
export type {
  Answered,
  CallLimits,
  ChannelHealth,
  HealthState,
  Streamed,
  Target,
  Upstream,
  UpstreamCall,
} from './types.ts';
