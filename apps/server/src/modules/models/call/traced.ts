/** One span for each call, from its request to the end of its answer. Names and counts alone: no prompt, no answer, no key. */
import { noTracer, type OpenSpan, type Tracer } from '../../../platform/telemetry/index.ts';
import { codeOf } from './call.ts';
import type { Gateway } from './gateway.ts';
import type { CallAnswer, StreamedAnswer } from './types.ts';

const told = (answer: CallAnswer) => ({
  'guildhall.call_id': answer.callId,
  'guildhall.model': answer.model,
  'guildhall.attempts': answer.attempts.length,
  'guildhall.cache': answer.cache,
  'guildhall.streamed': answer.kind === 'stream',
});

async function* endedWith(span: OpenSpan, answer: StreamedAnswer): AsyncGenerator<Uint8Array, void> {
  try {
    yield* answer.events;
  } finally {
    span.end(answer.errorCode?.());
  }
}

/** Without tracing it is the gateway itself. */
export function tracedGateway(gateway: Gateway, tracer: Tracer): Gateway {
  if (tracer === noTracer) return gateway;
  return {
    async call(incoming) {
      const { wire, requestId } = incoming;
      const span = tracer.begin('model.call', { 'guildhall.wire': wire, 'guildhall.request_id': requestId });
      try {
        const answer = await span.within(() => gateway.call(incoming));
        span.set(told(answer));
        if (answer.kind === 'stream') return { ...answer, events: endedWith(span, answer) };
        span.set({ 'guildhall.input_count': answer.usage.input, 'guildhall.output_count': answer.usage.output });
        span.end();
        return answer;
      } catch (error) {
        // The code alone: what an error says beside it may repeat the prompt.
        span.end(codeOf(error));
        throw error;
      }
    },
  };
}
