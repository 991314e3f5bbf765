/** Says in words how others reach a node, and what its owner can do where they cannot. */
import { isIP } from 'node:net'
import type { NodeInfo } from '../host/api.ts'

/** Returns a sentence; undefined where nobody has tried yet. */
export function describeReach({
  addresses: told,
  reach,
  routerAddress,
}: Pick<NodeInfo, 'addresses' | 'reach' | 'routerAddress'>): string | undefined {
  const addresses = told.filter((address) => !address.includes('/p2p-circuit'))
  if (addresses.length === 0)
    return 'other nodes cannot dial this one, since it listens nowhere; it dials out. To be dialled, name an address with --listen'
  if (addresses.every((address) => /^\/(ip4\/127\.|ip6\/::1\/)/.test(address)))
    return 'only nodes on this machine can dial this one; for others, name an address with --listen'
  if (reach === 'direct') return 'other nodes can dial this one'
  if (reach === 'relayed')
    return `other nodes cannot dial this one: a router or a firewall keeps them out. They reach it through a relay, which carries small jobs; larger ones need a standby that others can dial. ${howToBeDialled(addresses, routerAddress)}`
  if (reach === 'outbound')
    return `other nodes cannot dial this one: a router or a firewall keeps them out. It dials out, and works where its mesh has a node that others can dial. ${howToBeDialled(addresses, routerAddress)}`
  return undefined
}

function howToBeDialled(addresses: readonly string[], routerAddress: string | null): string {
  const is6 = routerAddress === null ? isPublic6(addresses[0]!) : isIP(routerAddress) === 6
  const own = addresses.find((address) => address.startsWith(is6 ? '/ip6/' : '/ip4/')) ?? addresses[0]!
  const [port] = /(?<=\/tcp\/)\d+/.exec(own) ?? []
  if (is6 && routerAddress === null)
    return `To be dialled, have the router let connections to TCP port ${port} of this machine in, and add --listen /ip6/::/tcp/${port}`
  const address = `/ip${is6 ? 6 : 4}/${routerAddress ?? '<address of the router>'}/tcp/${port}`
  const listen = is6 ? `/ip6/::/tcp/${port}` : `/ip4/0.0.0.0/tcp/${port}`
  return `To be dialled, have the router forward TCP port ${port} to this machine, and add --listen ${listen} --announce ${address}`
}

/** Addresses that mean something outside come first, and routers give IPv6 addresses of their own to machines. */
function isPublic6(address: string): boolean {
  return /^\/ip6\/[23]/.test(address)
}
