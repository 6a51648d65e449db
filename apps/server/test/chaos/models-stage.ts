/** A stage whose providers are a mock in this process, an organisation with little money, and a client of the gateway. */
import { testDatabase } from '../harness/database.ts';
import { type MockProvider, startMockProvider } from '../harness/mock-provider/index.ts';
import { createModelClient, type Received } from './models-client.ts';
import { promptOf } from './models-hostile.ts';
import { asProviders } from './models-provider.ts';
import { openStage, type Stage } from './stage.ts';

export interface CallRow {
  readonly id: string;
  readonly status: string;
  readonly cost_nanos: string;
  readonly hold_nanos: string;
  readonly loss_nanos: string;
  readonly output_tokens: string;
}

export interface Payer {
  readonly orgId: string;
  readonly key: string;
}

export interface Money {
  readonly available: bigint;
  readonly held: bigint;
  readonly spent: bigint;
}

export interface ModelStage {
  readonly stage: Stage;
  readonly mock: MockProvider;
  /** A chat with the cheap model, asked of this stage's API unless another is named. */
  chat(more?: ChatOptions): Promise<Received>;
  /** A further organisation, with so much money. */
  customer(creditNanos: bigint): Promise<Payer>;
  /** All calls, the newest last. */
  calls(): Promise<readonly CallRow[]>;
  /** Of the first organisation, or another. */
  money(orgId?: string): Promise<Money>;
  close(): Promise<void>;
}

export interface ChatOptions {
  readonly url?: string;
  /** The first organisation's, when left out. */
  readonly key?: string;
  readonly directive?: string;
  readonly stream?: boolean;
  readonly leaveAfterMs?: number;
  readonly onBody?: (soFar: string) => void;
}

export interface ModelStageOptions {
  readonly creditNanos: bigint;
  readonly sockets?: number;
}

export async function openModelStage({ creditNanos, sockets = 64 }: ModelStageOptions): Promise<ModelStage> {
  const mock = await startMockProvider();
  const database = await testDatabase();
  const stage = await openStage({
    ...database,
    creditNanos,
    environment: asProviders(mock.url, 'sk-operator-0123456789'),
  });
  const client = createModelClient(sockets);
  return {
    stage,
    mock,
    chat: ({
      url = stage.server.url ?? '',
      key = stage.key,
      directive = '',
      stream = false,
      leaveAfterMs,
      onBody,
    } = {}) => {
      const text = directive === '' ? 'Say something.' : `Say something. @mock ${directive}`;
      return client.ask(url, {
        path: '/v1/chat/completions',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(promptOf('chat', 'gpt-4o-mini', text, { stream })),
        leaveAfterMs,
        onBody,
      });
    },
    customer: async (creditNanos) => {
      const { identity, ledger } = stage.server.platform;
      const actor = { type: 'system', id: 'test' } as const;
      const { organisation, secret } = await identity.createOrganisation({
        name: 'Further',
        actor,
        scopes: ['models:use'],
      });
      const { id: orgId } = organisation;
      await stage.server.foundation.db.tenant(orgId, (tx) =>
        ledger.grant(tx, { transferId: `${orgId}:chaos`, orgId, amountNanos: creditNanos, reason: 'test' }),
      );
      return { orgId, key: secret };
    },
    calls: () =>
      stage.query<CallRow>(
        'select id, status, cost_nanos, hold_nanos, loss_nanos, output_tokens from models.call order by id',
      ),
    money: async (orgId = stage.orgId) => {
      const rows = await stage.query<{ kind: 'available' | 'held' | 'spent'; balance: string }>(
        `select kind, balance from ledger.account where org_id = $1 and mode = 'live'`,
        [orgId],
      );
      const of = (kind: string): bigint => BigInt(rows.find((row) => row.kind === kind)?.balance ?? 0);
      return { available: of('available'), held: of('held'), spent: of('spent') };
    },
    close: async () => {
      client.close();
      await stage.close();
      await mock.close();
    },
  };
}
