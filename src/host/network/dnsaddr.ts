/**
 * Bootstrap peers that a domain names: /dnsaddr/<domain> stands for the addresses in the TXT records of _dnsaddr.<domain>, so
 * that an operator moves them without telling every vehicle (libp2p's specs/addressing).
 */
import { resolveTxt } from 'node:dns/promises'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

/** Addresses that are taken of a domain, the first ones. */
export const dnsAddressesMax = 16
/** Domains that refer to each other. */
const depthMax = 3

export type ResolveTxt = (name: string) => Promise<readonly (readonly string[])[]>

/**
 * Returns what an address stands for: itself, unless a domain is asked. With a peer id it stands for that peer's addresses alone.
 * Rejects with an Error of one sentence when the domain names none.
 */
export async function resolveAddress(
  address: Multiaddr,
  resolve: ResolveTxt = resolveTxt,
  depth = 0,
): Promise<readonly Multiaddr[]> {
  const [first] = address.getComponents()
  if (first?.name !== 'dnsaddr') return [address]
  const domain = first.value ?? ''
  const peer = peerOf(address)
  const texts = (await resolve(`_dnsaddr.${domain}`)).map((parts) => parts.join(''))
  const named = texts
    .flatMap((text) => (text.startsWith('dnsaddr=') ? parsed(text.slice('dnsaddr='.length)) : []))
    .filter((found) => peer === undefined || peerOf(found) === peer)
  const found: Multiaddr[] = []
  for (const next of named.slice(0, dnsAddressesMax)) {
    const isDomain = next.getComponents()[0]?.name === 'dnsaddr'
    if (isDomain && depth + 1 < depthMax)
      found.push(...(await resolveAddress(next, resolve, depth + 1).catch(() => [])))
    else if (!isDomain && next.getComponents().some(({ name }) => name === 'tcp')) found.push(next)
    if (found.length >= dnsAddressesMax) break
  }
  if (found.length === 0) throw new Error(`the TXT records of _dnsaddr.${domain} name no TCP address`)
  return found.slice(0, dnsAddressesMax)
}

function parsed(text: string): Multiaddr[] {
  try {
    return [multiaddr(text)]
  } catch {
    return []
  }
}

function peerOf(address: Multiaddr): string | undefined {
  return address.getComponents().findLast(({ name }) => name === 'p2p')?.value
}
