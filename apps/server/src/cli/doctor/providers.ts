/** The check of providers of models, by what the running server saw in its own calls: asking them anew would cost money or say little. */
import { providerHealthReport } from '@guildhall/contract';
import type { Ids } from '../../platform/ids/index.ts';
import { createApi } from '../api.ts';
import type { Check } from './check.ts';

const NAME = 'providers';

export interface RunningServer {
  readonly url: string;
  readonly apiKey: string;
}

/** Only the process that answers is asked; others may have seen otherwise. */
export async function checkProviders({ url, apiKey }: RunningServer, ids: Ids): Promise<Check> {
  try {
    const report = await createApi({ url, key: apiKey, ids }).get('/v1/operator/provider-health', providerHealthReport);
    const by = `process ${report.process.pid} on ${report.process.host}`;
    const called = report.data.filter(({ calls }) => calls > 0);
    const failing = report.data.filter(({ state }) => state !== 'closed');
    if (failing.length > 0) {
      const told = failing.map(
        ({ channelId, state, lastError }) => `${channelId} is ${state} (${lastError ?? 'unknown'})`,
      );
      return {
        name: NAME,
        level: 'warn',
        detail: `${by} says: ${told.join(', ')}`,
        advice:
          'docs/reference/errors.md says what each code means; `guildhall providers test` tries a stored provider now.',
      };
    }
    const detail = called.length === 0 ? `${by} has called none lately` : `${by} finds all ${called.length} well`;
    return { name: NAME, level: 'pass', detail };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { name: NAME, level: 'warn', detail, advice: 'Does the key of ready.json still have the scope "operator"?' };
  }
}
