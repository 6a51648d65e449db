/** What channels offer: lists of models, asked for in the background, in the memory of the process. */
import { LRUCache } from 'lru-cache';
import type { Channel } from '../types.ts';
import { isWorking, probe } from './probe.ts';
import type { ChannelModels, ChannelsDeps } from './types.ts';

const FRESH_MS = 10 * 60_000;
const RETRY_MS = 60_000;
// At 2,000 names of some 30 characters each the most is about 60 MB; channels with so many are few.
const CHANNELS_MAX = 1_000;
const ASKED_AT_ONCE_MAX = 4;
const WAITING_MAX = 200;

interface Offer {
  readonly names: readonly string[];
  readonly isKnown: boolean;
  readonly askAgainMs: number;
}

export interface Offers {
  /** What is known now; asks in the background where that is old or nothing. */
  of(channel: Channel): ChannelModels;
  /** Names that are known now; asks nobody. */
  known(channelId: string): readonly string[];
  /** What a check has just found. */
  note(channelId: string, names: readonly string[]): void;
  /** Ends what is under way and asks no more. */
  stop(): void;
}

type OfferDeps = Pick<ChannelsDeps, 'clock' | 'egress' | 'log'>;

export function createOffers({ clock, egress, log }: OfferDeps): Offers {
  const offered = new LRUCache<string, Offer>({ max: CHANNELS_MAX });
  const waiting = new Map<string, Channel>();
  let asked = 0;
  let isStopped = false;

  const note = (id: string, names: readonly string[]): void => {
    offered.set(id, { names, isKnown: true, askAgainMs: clock.monotonicMs() + FRESH_MS });
  };

  const ask = async (channel: Channel): Promise<void> => {
    const { id, kind, baseUrl, isTrustedAddress } = channel;
    const key = await channel.secret();
    const check = await probe(egress, clock, { kind, baseUrl, key, isTrustedAddress });
    if (isWorking(check)) note(id, check.models);
    else {
      const before = offered.get(id);
      offered.set(id, {
        names: before?.names ?? [],
        isKnown: before?.isKnown ?? false,
        askAgainMs: clock.monotonicMs() + RETRY_MS,
      });
    }
  };

  const next = (): void => {
    for (const [id, channel] of waiting) {
      if (isStopped || asked >= ASKED_AT_ONCE_MAX) return;
      waiting.delete(id);
      asked += 1;
      ask(channel)
        .catch((error: unknown) => log.warn('a provider could not be asked for its models', { channelId: id, error }))
        .finally(() => {
          asked -= 1;
          next();
        });
    }
  };

  return {
    of(channel) {
      const offer = offered.get(channel.id);
      if (!isStopped && (!offer || offer.askAgainMs <= clock.monotonicMs()) && waiting.size < WAITING_MAX) {
        // Until the answer is there nobody asks a second time.
        offered.set(channel.id, {
          names: offer?.names ?? [],
          isKnown: offer?.isKnown ?? false,
          askAgainMs: clock.monotonicMs() + RETRY_MS,
        });
        waiting.set(channel.id, channel);
        next();
      }
      return { channel, names: offer?.names ?? [], isKnown: offer?.isKnown ?? false };
    },
    known: (id) => offered.peek(id)?.names ?? [],
    note,
    stop() {
      isStopped = true;
      waiting.clear();
    },
  };
}
