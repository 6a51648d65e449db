/** Which IP addresses are public, and which the operator opened besides. */
import { BlockList, isIP, isIPv4 } from 'node:net';

// IANA's special-purpose registry for IPv4, and the platform address of Azure.
const NOT_PUBLIC_V4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT; Alibaba's metadata
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure's platform services
  '169.254.0.0/16', // link-local; metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments; Oracle's metadata
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // multicast tunnels
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved and broadcast
];

// For IPv6 the rule is turned round: only global unicast is public. That leaves out loopback, link-local, ULA, multicast,
// IPv4-mapped and -compatible addresses and NAT64 (64:ff9b::/96 and 64:ff9b:1::/48) without naming them.
const GLOBAL_V6 = '2000::/3';
const NOT_PUBLIC_V6 = [
  '2001::/23', // protocol assignments, with Teredo, ORCHID and benchmarks
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which wraps any IPv4 address
  '2620:4f:8000::/48', // AS112
  '3ffe::/16', // the former test network
  '3fff::/20', // documentation
];

// Credentials of the machine itself. A broad private network never includes these; only their exact address opens one.
const METADATA = [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
];

interface Cidr {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** One network in CIDR form. @throws with a plain sentence for anything else. */
export function parseCidr(text: string): Cidr {
  const [address = '', prefixText = '', ...rest] = text.trim().split('/');
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const prefix = Number(prefixText);
  const widest = family === 'ipv4' ? 32 : 128;
  if (
    isIP(address) === 0 ||
    address.includes('%') ||
    rest.length > 0 ||
    !/^\d{1,3}$/.test(prefixText) ||
    prefix > widest
  ) {
    throw new Error(
      `${text} is not a network: expected an address and a prefix length, such as 10.1.0.0/16 or 127.0.0.1/32`,
    );
  }
  return { address, prefix, family };
}

function listOf(cidrs: readonly Cidr[]): BlockList {
  const list = new BlockList();
  for (const { address, prefix, family } of cidrs) list.addSubnet(address, prefix, family);
  return list;
}

export type Verdict = 'public' | 'opened' | 'denied';

/** Judges one address in its textual form. */
export function createAddressRules(allowPrivateCidrs: readonly string[]): (address: string) => Verdict {
  const notPublic = listOf([...NOT_PUBLIC_V4, ...NOT_PUBLIC_V6].map(parseCidr));
  const globalV6 = listOf([parseCidr(GLOBAL_V6)]);
  const metadata = listOf(
    METADATA.map((address) => ({
      address,
      prefix: isIPv4(address) ? 32 : 128,
      family: isIPv4(address) ? 'ipv4' : 'ipv6',
    })),
  );
  const mapped = listOf([parseCidr('::ffff:0:0/96')]);
  const allowed = allowPrivateCidrs.map(parseCidr);
  const opened = listOf(allowed);
  const openedExactly = listOf(allowed.filter(({ prefix, family }) => prefix === (family === 'ipv4' ? 32 : 128)));
  return (address) => {
    if (isIP(address) === 0 || address.includes('%')) return 'denied';
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    // BlockList judges an IPv4-mapped address by the IPv4 rules too; such an address is never opened.
    const isMapped = family === 'ipv6' && mapped.check(address, 'ipv6');
    if (!isMapped && (metadata.check(address, family) ? openedExactly : opened).check(address, family)) return 'opened';
    if (notPublic.check(address, family) || metadata.check(address, family)) return 'denied';
    return family === 'ipv4' || globalV6.check(address, 'ipv6') ? 'public' : 'denied';
  };
}
