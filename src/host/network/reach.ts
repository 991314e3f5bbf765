/**
 * Decides which addresses of others to dial. Anybody may say that it lives at any address, so an address may lead to a
 * machine that never asked for company: a service on this very machine, the router of the owner's home, a third party.
 * A node therefore dials TCP addresses only; one of this machine, or of a private network, only where it is at home
 * there itself; and where a name leads is looked at as well.
 */
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import type { Libp2p } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '../../protocol/ids.ts'
import { relayIn } from './relayed.ts'
import { groupsOf, hostOf } from './turnstile.ts'

/** Where a peer says it can be dialled. */
export interface Place {
  readonly address: Multiaddr
  /** Host and port, whoever is to live there. */
  readonly name: string
  /** The host alone: of IPv6 its network, of a DNS name the domain that somebody pays for, as a guess. */
  readonly host: string
  /** It is an address of this machine, or of a private network. */
  readonly isNear: boolean
  /** Present: it is a place at this relay, and only through the relay is the peer dialled there. */
  readonly relay?: PeerId
}

type Area = 'public' | 'loopback' | 'private' | 'nowhere'

/** Networks that exist in many places (RFC 6890), each with the name of its block. */
const privateBlocks = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '198.18.0.0/15',
  'fc00::/7',
  'fe80::/10',
].map((text) => ({ text, block: blocksOf(text) }))
const loopback = blocksOf('127.0.0.0/8', '::1/128')
/** This host, everybody, and addresses that nobody may have. */
const nowhere = blocksOf('0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', '::/128', 'ff00::/8', '100::/64')

/** Reads an address at which the peer says it is; undefined where it is no TCP address, or another peer's. */
export function placeOf(peer: PeerId, text: string): Place | undefined {
  let address: Multiaddr
  try {
    address = multiaddr(text)
  } catch {
    return undefined
  }
  const relay = relayIn(address)
  if (relay !== undefined) return circuitPlace(peer, relay, address)
  const [host, tcp, named, ...rest] = address.getComponents()
  const isHost = ['ip4', 'ip6', 'dns', 'dns4', 'dns6'].includes(host?.name ?? '')
  if (!isHost || tcp?.name !== 'tcp' || tcp.value === '0' || rest.length > 0) return undefined
  if (named !== undefined && (named.name !== 'p2p' || named.value !== peer)) return undefined
  const whole = named === undefined ? address.encapsulate(`/p2p/${peer}`) : address
  const isName = host!.name.startsWith('dns')
  const domain = host!.value!.toLowerCase().replace(/\.$/, '')
  return {
    address: whole,
    name: `${isName ? domain : host!.value} ${tcp.value}`,
    host: isName ? domain.split('.').slice(-2).join('.') : hostOf(address),
    isNear: !isName && ['loopback', 'private'].includes(areaOf(host!.value!)),
  }
}

/** The host before the relay's name is not dialled, so it need not be there: this node knows itself where it meets the relay. */
function circuitPlace(peer: PeerId, relay: PeerId, address: Multiaddr): Place | undefined {
  const end = address.getComponents().at(-1)!
  if (end.name === 'p2p' ? end.value !== peer : end.name !== 'p2p-circuit') return undefined
  if (relay === peer) return undefined
  const whole = end.name === 'p2p' ? address : address.encapsulate(`/p2p/${peer}`)
  return { address: whole, name: `${relay} ${peer}`, host: `relay ${relay}`, isNear: true, relay }
}

/** Tells whether somebody who is not on this machine, or in its networks, could live there. */
function isPublic({ address, relay }: Place): boolean {
  if (relay !== undefined) return false
  const [host] = address.getComponents()
  return host!.name.startsWith('dns') || areaOf(host!.value!) === 'public'
}

/**
 * Tells whether the node lives among others on this machine: it was told to listen or to look there and nowhere else,
 * or somebody from this machine is connected.
 */
export function isAtHome(told: readonly Multiaddr[], node: Pick<Libp2p, 'getConnections'>): boolean {
  const areas = told.map((address) => areaOf(address.getComponents()[0]?.value ?? ''))
  const isToldSo = areas.length > 0 && areas.every((area) => area === 'loopback')
  return (
    isToldSo ||
    node
      .getConnections()
      .some(({ remoteAddr }) => areaOf(remoteAddr.getComponents()[0]?.value ?? '') === 'loopback')
  )
}

export class Reach {
  /** This machine is where the node was told to live, or to find others. */
  readonly #isAtHome: () => boolean
  readonly #interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]>

  constructor(isAtHome: () => boolean, interfaces = networkInterfaces) {
    this.#isAtHome = isAtHome
    this.#interfaces = interfaces
  }

  /** Returns the addresses to dial for a place, of a peer with these; none where it is not for this node to dial. */
  async resolve(place: Place, places: readonly Place[]): Promise<Multiaddr[]> {
    if (place.relay !== undefined) return []
    const [host, tcp, named] = place.address.getComponents()
    if (!host!.name.startsWith('dns')) return this.#isOpen(host!.value!, places) ? [place.address] : []
    const family = host!.name === 'dns4' ? 4 : host!.name === 'dns6' ? 6 : 0
    const found = await lookup(host!.value!, { all: true, family })
    return found
      .filter(({ address }) => this.#isOpen(address, places))
      .slice(0, 1)
      .map(({ address, family: version }) =>
        multiaddr(`/ip${version}/${address}/tcp/${tcp!.value}/p2p/${named!.value}`),
      )
  }

  #isOpen(ip: string, places: readonly Place[]): boolean {
    switch (areaOf(ip)) {
      case 'public':
        return true
      case 'nowhere':
        return false
      case 'loopback':
        // Who has a public address elsewhere tells its own loopback address along with it.
        return !places.some(isPublic) && (this.#isAtHome() || this.#ownBlocks().size === 0)
      case 'private':
        return this.#ownBlocks().has(blockOf(ip)!)
    }
  }

  /** The private networks that this machine is in; '' stands for the public one. */
  #ownBlocks(): Set<string> {
    const addresses = Object.values(this.#interfaces()).flatMap((infos) => infos ?? [])
    return new Set(addresses.filter(({ internal }) => !internal).map(({ address }) => blockOf(address) ?? ''))
  }
}

export function areaOf(ip: string): Area {
  const plain = embedded(ip) ?? ip
  const version = isIP(plain) === 6 ? 'ipv6' : 'ipv4'
  if (isIP(plain) === 0 || nowhere.check(plain, version)) return 'nowhere'
  if (loopback.check(plain, version)) return 'loopback'
  return blockOf(plain) === undefined ? 'public' : 'private'
}

function blockOf(ip: string): string | undefined {
  const plain = embedded(ip) ?? ip
  const version = isIP(plain) === 6 ? 'ipv6' : 'ipv4'
  return privateBlocks.find(({ block }) => block.check(plain, version))?.text
}

/** The IPv4 address inside one of IPv6: mapped (RFC 4291), of NAT64 (RFC 6052), or of 6to4 (RFC 3056). */
function embedded(ip: string): string | undefined {
  if (isIP(ip) !== 6) return undefined
  const groups = groupsOf(ip)
  const start = groups.slice(0, 6).join(':')
  const [high, low] =
    start === '0:0:0:0:0:65535' || start === `${0x64}:${0xff9b}:0:0:0:0`
      ? groups.slice(6)
      : groups[0] === 0x2002
        ? groups.slice(1)
        : []
  if (high === undefined || low === undefined) return undefined
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

function blocksOf(...networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address, bits] = network.split('/')
    list.addSubnet(address!, Number(bits), isIP(address!) === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}
