/** A private network that is opened to customers is an event of its own. */
import type { Db } from '../../../platform/db/index.ts';
import type { Audit } from '../../audit/index.ts';
import { replaceNetworks } from './store.ts';

export interface NamedNetwork {
  readonly name: string;
  readonly cidr: string;
}

/** Writes a row into the audit trail of the installation's first organisation when this start opens other networks than the last one. */
export async function noteOpenedNetworks(
  { db, audit }: { readonly db: Db; readonly audit: Pick<Audit, 'append'> },
  orgId: string,
  networks: readonly NamedNetwork[],
): Promise<void> {
  const said = networks.map(({ name, cidr }) => (name === cidr ? cidr : `${name}=${cidr}`)).toSorted();
  await db.tenant(orgId, async (tx) => {
    if (!(await replaceNetworks(tx, said))) return;
    await audit.append(tx, {
      orgId,
      actorType: 'system',
      action: 'egress.networks-opened',
      targetType: 'setting',
      targetId: 'EGRESS_ALLOW_PRIVATE',
      data: { networks: said.length === 0 ? 'none' : said.join(' ') },
    });
  });
}
