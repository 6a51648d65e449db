/** Where a key may be used from. */
import ipaddr from 'ipaddr.js';

type Network = readonly [address: ReturnType<typeof ipaddr.process>, bits: number];

/** Networks as they are compared; parsed once for a key, asked at every request. */
export type Networks = readonly Network[];

// What the interface let in is a network; anything else in the table is a fault, and no key works by a fault.
const parse = (cidr: string): Network => ipaddr.parseCIDR(cidr);

export const parseNetworks = (cidrs: readonly string[]): Networks => cidrs.map(parse);

const holds = ([network, bits]: Network, address: Network[0]): boolean =>
  network.kind() === address.kind() && address.match(network, bits);

/** Whether an address lies in one of them. An IPv4 address in the clothes of IPv6 is what it is underneath. */
export function isInside(networks: Networks, address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return networks.some((network) => holds(network, parsed));
}

/** Whether every address of the network is one that these hold too. */
export function isWithin(cidr: string, cidrs: readonly string[]): boolean {
  const [inner, innerBits] = parse(cidr);
  return cidrs.some((outer) => {
    const network = parse(outer);
    return network[1] <= innerBits && holds(network, inner);
  });
}
