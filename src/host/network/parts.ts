/** Puts the parts of a node's network together and starts them, over one libp2p node. */
import type { PrivateKey } from '@libp2p/interface'
import type { Logger } from 'pino'
import { type Notice, type NoticeKind, Notices } from '../notices.ts'
import { AddressBook, type BookShelf, noShelf } from './address-book.ts'
import { Bootstrap } from './bootstrap.ts'
import { checkBounds, defaultBounds, type NetworkBounds } from './bounds.ts'
import { type Channels, openChannels } from './channels.ts'
import { DialBacks } from './dial-back.ts'
import type { ResolveTxt } from './dnsaddr.ts'
import { Introductions } from './introductions.ts'
import type { LanOptions } from './lan.ts'
import { Neighbours } from './neighbours.ts'
import { createNode, type Doors, type Node, parseAddress, startNode } from './node.ts'
import { isAtHome, Reach } from './reach.ts'
import { ReachabilityWatch } from './reachability.ts'
import { Relays } from './relays.ts'
import { Turnstile } from './turnstile.ts'
import { Twins, twinMet } from './twins.ts'
import { watchVersions } from './versions.ts'

export interface NetworkOptions extends Doors {
  /** Ed25519; the node's identity. */
  readonly privateKey: PrivateKey
  /** Multiaddrs to listen on, such as /ip4/0.0.0.0/tcp/4001; none for a node that only dials. */
  readonly listen: readonly string[]
  /** Multiaddrs that others are told instead, as behind a router that forwards a port; by default those above. */
  readonly announce?: readonly string[]
  /** Multiaddrs of peers to stay connected to, with or without /p2p/…. */
  readonly bootstrap: readonly string[]
  readonly log: Logger
  /** Relays for peers that nobody can dial, as long as others can dial this node. */
  readonly isRelay?: boolean
  /** Takes what the node's owner should know of strangers; by default a list that only the log hears of. */
  readonly notices?: Notices
  /** Present: looks for peers on the local network by multicast DNS. */
  readonly lan?: Pick<LanOptions, 'port'>
  /** Asks the DNS for the TXT records of a name; the machine's own by default. */
  readonly resolveTxt?: ResolveTxt
  /** Where the addresses of peers that were met are kept from one run to the next. */
  readonly bookShelf?: BookShelf
  /** Name and version, as other nodes are told them. */
  readonly software?: string
  /** The node hears parts of the mesh alone, its cells; says which channels of gossip it might come to join. */
  readonly cells?: { readonly mayHear: (channel: string) => boolean }
  /** Overrides, for tests and benchmarks. */
  readonly bounds?: Partial<NetworkBounds>
  /** Milliseconds that only rise, by which connections grow old; a test has its own. */
  readonly now?: () => number
}

/** The parts of a network that runs. */
export interface NetworkParts extends Channels {
  readonly node: Node
  readonly bootstrapping: Bootstrap
  readonly bounds: NetworkBounds
  readonly neighbours: Neighbours
  readonly reachability: ReachabilityWatch
  readonly relays: Relays
  /** In this order. */
  readonly stoppable: readonly { stop(): void }[]
}

/** Throws an Error of one sentence when an address is in use, not ours, or no multiaddr. */
export async function startParts(options: NetworkOptions): Promise<NetworkParts> {
  const bounds = { ...defaultBounds, ...options.bounds }
  checkBounds(bounds)
  const listen = options.listen.map((text) => parseAddress(text, 'listen on'))
  const announce = (options.announce ?? []).map((text) => parseAddress(text, 'announce'))
  const bootstrap = options.bootstrap.map((text) => parseAddress(text, 'bootstrap from'))
  const notices = options.notices ?? new Notices(options.log)
  const turnstile = new Turnstile(bounds, options.log, options.now)
  const relays = new Relays(options.isRelay === true, bounds, notices, options.log)
  const software = options.software ?? 'carpool'
  const node = await createNode(
    options.privateKey,
    { listen, announce },
    options,
    turnstile,
    relays,
    bounds,
    {
      software,
      onKnock: (host, why) => notices.tell(notLetIn('mesh-key', host, why)),
      onStranger: (host, why) => notices.tell(notLetIn('fleet', host, why)),
      onTwin: (host) =>
        notices.tell({ kind: 'clone', about: '', text: twinMet(`it was met at ${host || 'a relay'}`) }),
      onLan: options.lan && {
        ...options.lan,
        scope: options.gossipScope,
        hear: (peers) => {
          neighbours.hear(peers)
          for (const { peer, addresses } of peers)
            if (peer === node.peerId.toString()) void twins.look(addresses)
        },
      },
    },
  )
  watchVersions(node, software, notices)
  const reach = new Reach(() => isAtHome([...listen, ...bootstrap], node))
  const neighbours = new Neighbours(node, bootstrap, reach, bounds, options.log, options.cells !== undefined)
  const channels = await openChannels(
    node,
    neighbours,
    (connection) => relays.holds(connection),
    { ...options, knowsCells: options.cells !== undefined },
    bounds,
  )
  const { control, blocks, gossip, cells } = channels
  const introductions = new Introductions(
    node,
    (count) => neighbours.some(count),
    (connection) => relays.holds(connection),
    bounds,
    options.log,
  )
  await introductions.listen()
  const twins = new Twins(node, reach, bounds, notices, options.log)
  await twins.listen()
  const dialBacks = new DialBacks(node, reach, bounds, options.log)
  await dialBacks.listen()
  await startNode(node, listen)
  const reachability = new ReachabilityWatch(node, node.services.own, bounds, options.log)
  relays.start(node, reachability, () => neighbours.meetAnother())
  if (options.cells === undefined) gossip.join()
  else gossip.joinParts(options.cells.mayHear)
  const bootstrapping = new Bootstrap(
    node,
    bootstrap,
    neighbours,
    introductions,
    bounds,
    notices,
    options.log,
    options.resolveTxt,
    cells && ((peers) => cells.metBootstraps(peers)),
  )
  const book = new AddressBook(node, options.bookShelf ?? noShelf, neighbours, options.log)
  book.start()
  turnstile.watch(node, (peer) => neighbours.isKnown(peer) || bootstrapping.isKnown(peer))
  const stoppable = [
    ...[bootstrapping, book, introductions, neighbours, dialBacks],
    ...[relays, reachability, gossip, control, blocks, ...(cells === undefined ? [] : [cells])],
  ]
  return { node, bootstrapping, bounds, neighbours, ...channels, reachability, relays, stoppable }
}

function notLetIn(kind: NoticeKind, host: string, why: string): Notice {
  return { kind, about: host, text: `a node at ${host} was not let in: ${why}` }
}
