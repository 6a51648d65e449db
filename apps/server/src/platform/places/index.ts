/** Where an address is, by a file in MaxMind's format that the operator provides. It is held in memory: a look-up asks nobody and waits for nothing. */
import { readFile, stat } from 'node:fs/promises';
import ipaddr from 'ipaddr.js';
import { Reader, type Response } from 'mmdb-lib';
import { z } from 'zod';
import type { Logger } from '../telemetry/index.ts';

export interface Place {
  /** ISO 3166-1, two letters. */
  readonly country: string;
  readonly latitude: number | undefined;
  readonly longitude: number | undefined;
}

export interface Places {
  /** Undefined before `start`, without a file, and for an address that the file does not know. */
  placeOf(ip: string): Place | undefined;
  /** Reads the file, and again whenever it is replaced, until the result stops that. @throws Error where it cannot be used. */
  start(): Promise<() => Promise<void>>;
  /** Reads it now if it was replaced; one that cannot be used leaves the former one in use. Never throws. */
  look(): Promise<void>;
}

const LOOK_MS = 10_000;
const FORMAT_MAJOR = 2;
// The format promises that its description begins within the last 128 KiB. What has none would be searched byte by byte.
const DESCRIPTION_MAX = 128 * 1024;
const DESCRIPTION = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const HAS_COUNTRIES = /country|city|enterprise|insights|location/i;
// Of what is placed less exactly than this, the country alone is believed.
const EXACT_KM = 250;

const record = z.object({
  country: z.object({ iso_code: z.string().regex(/^[A-Z]{2}$/) }),
  location: z
    .object({ latitude: z.number(), longitude: z.number(), accuracy_radius: z.number().default(0) })
    .optional()
    .catch(undefined),
});

function parse(bytes: Buffer): Reader<Response> {
  try {
    return new Reader(bytes);
  } catch (cause) {
    throw new Error('it is damaged', { cause });
  }
}

/** @throws Error that says what is wrong with the file. */
async function open(file: string): Promise<Reader<Response>> {
  if (!(await stat(file)).isFile()) throw new Error('it is no file');
  const bytes = await readFile(file);
  if (bytes.subarray(-DESCRIPTION_MAX).lastIndexOf(DESCRIPTION) < 0)
    throw new Error('it is not in the format of MaxMind');
  const reader = parse(bytes);
  const { binaryFormatMajorVersion: format, searchTreeSize, databaseType } = reader.metadata;
  if (format !== FORMAT_MAJOR || searchTreeSize >= bytes.length) throw new Error('it is damaged, or of a later format');
  if (!HAS_COUNTRIES.test(databaseType)) throw new Error(`a database of the type ${databaseType} tells no countries`);
  return reader;
}

const told = ({ metadata }: Reader<Response>): string =>
  `${metadata.databaseType} of ${metadata.buildEpoch.toISOString().slice(0, 10)}`;

/** Says which one it is, and of when. @throws Error where it cannot be used. */
export const describePlaces = async (file: string): Promise<string> => told(await open(file));

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function find(reader: Reader<Response>, ip: string): Place | undefined {
  if (!ipaddr.isValid(ip)) return undefined;
  const address = ipaddr.process(ip);
  // Such a file would take the first bits for those of another address.
  if (address.kind() === 'ipv6' && reader.metadata.ipVersion === 4) return undefined;
  const found = record.safeParse(reader.get(address.toString()));
  if (!found.success) return undefined;
  const { country, location } = found.data;
  const exact = location && location.accuracy_radius <= EXACT_KM ? location : undefined;
  return { country: country.iso_code, latitude: exact?.latitude, longitude: exact?.longitude };
}

/** Opens nothing; `start` does. Without a file no address is anywhere. */
export function createPlaces({ file, log }: { readonly file: string | undefined; readonly log: Logger }): Places {
  let reader: Reader<Response> | undefined;
  let seen = '';
  let under = Promise.resolve();

  /** Taken before the file is read: what is written meanwhile is another file by the next look. */
  const stampOf = async (name: string): Promise<string> => {
    const { ino, size, mtimeMs } = await stat(name);
    return `${ino} ${size} ${mtimeMs}`;
  };

  const turn = async (name: string): Promise<void> => {
    const stamp = await stampOf(name).catch(() => 'away');
    if (stamp === seen) return;
    // A file that cannot be used is said to be so once.
    seen = stamp;
    try {
      reader = await open(name);
      log.info('the country database was read anew', { database: told(reader) });
    } catch (error) {
      log.error('COUNTRY_DATABASE cannot be used, the former one stays in use', { reason: messageOf(error) });
    }
  };

  const look = (): Promise<void> => {
    if (reader !== undefined && file !== undefined) under = under.then(() => turn(file));
    return under;
  };

  return {
    placeOf(ip) {
      try {
        return reader && find(reader, ip);
      } catch (error) {
        // A damaged file keeps nobody from signing in.
        log.warn('an address could not be looked up in COUNTRY_DATABASE', { reason: messageOf(error) });
        return undefined;
      }
    },
    async start() {
      if (file === undefined) return async () => {};
      seen = await stampOf(file);
      reader = await open(file);
      const timer = setInterval(look, LOOK_MS).unref();
      return () => {
        clearInterval(timer);
        return under;
      };
    },
    look,
  };
}
