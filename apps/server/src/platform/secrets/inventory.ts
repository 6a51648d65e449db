/** Which secrets this installation uses, and since when. No value is kept: a keyed hash tells whether one is the same as before. */
import type { Keyring } from '../crypto/index.ts';
import { type Db, sql } from '../db/index.ts';

export interface KnownSecret {
  readonly name: string;
  readonly kind: 'key' | 'password' | 'token';
  /** Who changes it: the operator, or the program by a command of its own. */
  readonly owner: 'operator' | 'guildhall';
  readonly from: string;
  readonly value: string;
}

export interface InventoryEntry extends Omit<KnownSecret, 'value'> {
  /** When a secret of this name was first seen. */
  readonly madeAt: Date;
  /** When its present value was first seen. */
  readonly rotatedAt: Date;
  readonly dueAt: Date;
  /** Whole days until then; below zero once it has passed. */
  readonly daysLeft: number;
  readonly isDue: boolean;
}

export interface Inventory {
  /** By name. Notes what is seen for the first time. */
  list(): Promise<readonly InventoryEntry[]>;
  /** How many are due, as a sentence for people; nothing where none is. Names are for the operator, who asks for the list. */
  warnings(): Promise<readonly string[]>;
}

export interface InventoryOptions {
  readonly db: Db;
  readonly keyring: Pick<Keyring, 'mac'>;
  readonly rotateDays: number;
  /** Those in use at this moment. */
  readonly known: () => Promise<readonly KnownSecret[]>;
}

const PURPOSE = 'secret-inventory';
const DAY_MS = 86_400_000;

interface SeenRow {
  readonly name: string;
  readonly made_at: Date;
  readonly rotated_at: Date;
  readonly now: Date;
}

export function createInventory({ db, keyring, rotateDays, known }: InventoryOptions): Inventory {
  const list = async (): Promise<readonly InventoryEntry[]> => {
    const secrets = await known();
    const names = secrets.map(({ name }) => name);
    const fingerprints = secrets.map(({ name, value }) => keyring.mac(PURPOSE, `${name}\0${value}`));
    const { rows } = await db.system((tx) =>
      sql<SeenRow>`select * from platform.see_secrets(${names}::text[], ${fingerprints}::bytea[])`.execute(tx),
    );
    return rows.flatMap((row) => {
      const secret = secrets.find(({ name }) => name === row.name);
      if (!secret) return [];
      const { name, kind, owner, from } = secret;
      const dueAt = new Date(row.rotated_at.getTime() + rotateDays * DAY_MS);
      const daysLeft = Math.floor((dueAt.getTime() - row.now.getTime()) / DAY_MS);
      const seen = { madeAt: row.made_at, rotatedAt: row.rotated_at, dueAt, daysLeft, isDue: dueAt <= row.now };
      return [{ name, kind, owner, from, ...seen }];
    });
  };
  return {
    list,
    async warnings() {
      const due = (await list()).filter(({ isDue }) => isDue).length;
      if (due === 0) return [];
      return [`${due === 1 ? '1 secret is' : `${due} secrets are`} due for rotation: guildhall secrets list`];
    },
  };
}
