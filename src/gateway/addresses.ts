/**
 * Addresses that everybody can reach, by the registries of special-purpose addresses (IANA, for IPv4 and IPv6): nothing is sent to others
 * at a tenant's wish, since they lead to this machine, to its network, or through a translator to either.
 *
 * Of IPv6 only what is given out for everybody (2000::/3) is taken, less the blocks within it that are not; so a block that the registry
 * adds elsewhere is refused before anybody hears of it, and IPv4 addresses written as IPv6 are, too.
 */
import { BlockList } from 'node:net'

const special4 = blocksOf('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24], // was for 6to4
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
])
const global6 = blocksOf('ipv6', [['2000::', 3]])
const special6 = blocksOf('ipv6', [
  ['2001::', 23], // Teredo and ORCHID among them
  ['2001:db8::', 32],
  ['2002::', 16], // 6to4: it has an IPv4 address within
  ['3fff::', 20],
])

/** Tells whether it is an address of the whole internet, and of no network in particular. */
export function isGlobal({
  address,
  family,
}: {
  readonly address: string
  readonly family: number
}): boolean {
  if (family !== 6) return !special4.check(address, 'ipv4')
  return global6.check(address, 'ipv6') && !special6.check(address, 'ipv6')
}

function blocksOf(
  family: 'ipv4' | 'ipv6',
  networks: readonly (readonly [network: string, prefix: number])[],
): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, family)
  return list
}
