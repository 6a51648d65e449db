/** Writes small files in MaxMind's format, for tests: https://maxmind.github.io/MaxMind-DB/ */
import ipaddr from 'ipaddr.js';

type Value = string | number | { readonly [name: string]: Value };

// A double, because coordinates are; whole numbers of the description are given their own types.
const TYPE = { string: 2, double: 3, uint16: 5, uint32: 6, map: 7 } as const;
const SIZE_MAX = 284;

function head(type: number, size: number): Buffer {
  if (size > SIZE_MAX) throw new Error('a small encoder for small values');
  return size < 29 ? Buffer.from([(type << 5) | size]) : Buffer.from([(type << 5) | 29, size - 29]);
}

const whole = (type: number, value: number): Buffer =>
  Buffer.concat([head(type, 4), Buffer.from([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255])]);

function encode(value: Value | Buffer): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'string')
    return Buffer.concat([head(TYPE.string, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return Buffer.concat([head(TYPE.double, 8), bytes]);
  }
  return mapOf(Object.entries(value));
}

const mapOf = (entries: readonly (readonly [string, Value | Buffer])[]): Buffer =>
  Buffer.concat([head(TYPE.map, entries.length), ...entries.flatMap(([name, one]) => [encode(name), encode(one)])]);

type Node = [Node | number | undefined, Node | number | undefined];

const RECORD_BITS = 24;
const SEPARATOR = 16;

export interface MmdbOptions {
  readonly type?: string;
  readonly ipVersion?: 4 | 6;
}

/** A database that says of each network (CIDR) what stands beside it. */
export function mmdb(
  networks: Readonly<Record<string, Value>>,
  { type = 'Test-City', ipVersion = 6 }: MmdbOptions = {},
): Buffer {
  const data: Buffer[] = [];
  const root: Node = [undefined, undefined];
  for (const [cidr, value] of Object.entries(networks)) {
    const [address, length] = ipaddr.parseCIDR(cidr);
    const isMapped = address.kind() === 'ipv4' && ipVersion === 6;
    // IPv4 lies in the first 96 bits of zeros.
    const bytes = isMapped ? [...Array<number>(12).fill(0), ...address.toByteArray()] : address.toByteArray();
    const offset = data.reduce((sum, one) => sum + one.length, 0);
    data.push(encode(value));
    insert(root, { bytes, bits: isMapped ? length + 96 : length }, offset);
  }
  const nodes = nodesOf(root);
  const index = new Map(nodes.map((node, at) => [node, at]));
  const pointer = (to: Node | number | undefined): number => {
    if (to === undefined) return nodes.length;
    return typeof to === 'number' ? nodes.length + SEPARATOR + to : (index.get(to) ?? 0);
  };
  const tree = Buffer.alloc((nodes.length * RECORD_BITS) / 4);
  nodes.forEach(([left, right], at) => {
    tree.writeUIntBE(pointer(left), at * 6, 3);
    tree.writeUIntBE(pointer(right), at * 6 + 3, 3);
  });
  const description = mapOf([
    ['node_count', whole(TYPE.uint32, nodes.length)],
    ['record_size', whole(TYPE.uint16, RECORD_BITS)],
    ['ip_version', whole(TYPE.uint16, ipVersion)],
    ['database_type', type],
    ['binary_format_major_version', whole(TYPE.uint16, 2)],
    ['binary_format_minor_version', whole(TYPE.uint16, 0)],
    ['build_epoch', whole(TYPE.uint32, 1_700_000_000)],
  ]);
  return Buffer.concat([
    tree,
    Buffer.alloc(SEPARATOR),
    ...data,
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    description,
  ]);
}

function insert(
  root: Node,
  { bytes, bits }: { readonly bytes: readonly number[]; readonly bits: number },
  offset: number,
): void {
  let node = root;
  for (let at = 0; at < bits; at += 1) {
    const side = ((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1 ? 1 : 0;
    const next = node[side];
    if (at === bits - 1) node[side] = offset;
    else if (typeof next === 'object') node = next;
    else {
      const made: Node = [undefined, undefined];
      node[side] = made;
      node = made;
    }
  }
}

const nodesOf = (node: Node): Node[] => [node, ...node.flatMap((one) => (typeof one === 'object' ? nodesOf(one) : []))];
