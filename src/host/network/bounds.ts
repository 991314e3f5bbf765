/**
 * Every bound of the network layer, with its origin and what more or less of it costs.
 *
 * They live in one place because they lean on each other (the relations are asserted below), and so that a
 * reader can add up what one hostile peer may make us hold: for each of two protocols one frame, the read-ahead
 * and a yamux window (3 MiB); towards it two blocks and the backlog (6 MiB). That is 12 MiB for a peer that
 * tries everything. A window of one-byte packets weighs 290 times its bytes (measured), which is why it is small.
 */
import { messageBytesMax, recordBytesMax } from '../../protocol/sizes.ts'
import { defaultRelayBounds, type RelayBounds } from './relay-bounds.ts'

export interface NetworkBounds extends RelayBounds {
  /** Longest control message: six times the protocol's longest. A longer one belongs in a block. Guess. */
  readonly controlMessageBytesMax: number
  /**
   * Unsent bytes per peer before `send` says 'backlog': four of the longest messages. More costs RAM per slow
   * peer. Guess.
   */
  readonly controlBacklogBytesMax: number
  /**
   * The cost of one queued message besides its bytes, so that a million empty ones are not free. Guess, near V8's
   * real cost.
   */
  readonly messageOverheadBytes: number

  /** Largest block (DESIGN.md, "Life of a job"). Larger blocks lose pipelining and cost the reader RAM. */
  readonly blockBytesMax: number
  /**
   * Bytes asked for and not yet consumed, per fetch. 2 and 4 MiB were equally fast on loopback; more serves
   * longer round trips.
   */
  readonly blockWindowBytes: number
  /**
   * Most blocks asked for at once when they are small. More helps tiny blocks on long round trips only.
   * Guess.
   */
  readonly blockWindowCountMax: number
  /** CIDs in one question: 512 × 36 bytes is one noise frame and a bit. Guess. */
  readonly cidsPerRequestMax: number
  /** Blocks being read or written at once for one peer: one on the wire, one coming from the disk. */
  readonly blocksServedAtOnceMax: number
  /**
   * How long a peer that owes us bytes may take over `stallBytesMin`. Longer tolerates worse links, and holds
   * a lease up longer. Guess.
   */
  readonly stallTimeoutMs: number
  /**
   * Less than this in `stallTimeoutMs` with no answer completed is no progress: 1.6 KiB/s, below any usable
   * link. Guess.
   */
  readonly stallBytesMin: number

  /** Bytes read from a stream ahead of their handler, before the peer is told to wait. */
  readonly readAheadBytesMax: number
  /**
   * The bytes that a peer may send on a stream before we have read them. Must stay below libp2p's read buffer of 4
   * MiB, or pausing a fast stream resets it. On loopback it does not matter; at 50
   * ms, 1 MiB caps one stream at 21 MB/s, above a vehicle's uplink. More of it speeds up long fat links, and weighs
   * more in hostile hands.
   */
  readonly streamWindowBytesMax: number
  /**
   * Streams a peer may have open per protocol and connection. One is used; the rest is room for a reconnect.
   */
  readonly inboundStreamsMax: number

  /** Longest gossip message. Adverts take 300 bytes, digests 2 KB. */
  readonly gossipMessageBytesMax: number
  /**
   * Longest gossip RPC we read. One above it would deafen us to that peer until it reconnects,
   * and an answer to IWANT carries many messages: a cell of 100 that talks once a
   * second, five heartbeats of history at 300 bytes, is 150 KB.
   */
  readonly gossipRpcBytesMax: number
  /**
   * Unsent gossip per peer before its stream is reset. lodestar uses 16 MiB for messages 100 times as long.
   */
  readonly gossipBacklogBytesMax: number

  /** How often connected peers are looked at that gossip does not reach. Guess: an advert lives for 180 s. */
  readonly gossipRepairMs: number
  /**
   * Up to this many known peers we connect to all of them: a mesh that small needs every edge it can get.
   * Guess.
   */
  readonly fullMeshPeersMax: number
  /**
   * Peers to be connected to in a larger mesh: gossip's Dhi 6 and two to spare. Each costs about 0.03 % CPU
   * in pings.
   */
  readonly degreeMin: number
  /** Peers whose addresses we remember: ten cells. */
  readonly knownPeersMax: number
  /** Addresses remembered per peer, as many as an advert has; a vehicle has a few interfaces. */
  readonly addressesPerPeerMax: number
  /** Connections in and out together. libp2p's default; 150 idle ones cost 3.4 to 6.7 % CPU. */
  readonly connectionsMax: number
  /**
   * Places among them that strangers do not get: for peers whose adverts this node believes, for whoever it was told
   * to look for, and for its own dials. A guess.
   */
  readonly reservedConnections: number
  /**
   * Peers of one host whose adverts this node believes that keep their places when it is full: three hosts that tell of
   * vehicles which are none leave a place for a newcomer. Fewer hurt a depot behind one address sooner. A guess.
   */
  readonly knownPerHostMax: number
  /**
   * The connections of one host over which nothing was ever said: no identity, no subscription, no stream of ours.
   * An honest peer says all of that within a second or two. One more ends the oldest. A guess.
   */
  readonly silentPerHostMax: number
  /** After so long a connection over which nothing was said makes room for whoever comes to a full node. */
  readonly silentMs: number
  /**
   * The connections that one host may have: half of `connectionsMax` leaves room for everybody else, and for a depot
   * behind one address. Guess.
   */
  readonly connectionsPerHostMax: number
  /**
   * How long a guest that was introduced to others may stay where more than half of `connectionsMax` are taken: in that time
   * it finds them. Guess.
   */
  readonly guestMsMin: number
  /** Connections in that have not shaken hands yet, from all hosts together. libp2p's default is 10. */
  readonly pendingMax: number
  /**
   * The pending connections that one host may have: half of `pendingMax`. 30 vehicles that start at once behind one
   * address shake hands within a second.
   */
  readonly pendingPerHostMax: number
  /**
   * Handshakes that came to nothing which a host may have in a row, at 5 to 10 ms of CPU each: a depot that waits for
   * its operator. Guess.
   */
  readonly failedHandshakesMax: number
  /** … and how many more a second: less than a tenth of a core. */
  readonly failedHandshakesPerSecond: number
  /** How long a handshake may take: less than libp2p's 10 s, since who says nothing occupies a place. Guess. */
  readonly handshakeTimeoutMs: number
  /** Longest wait for a connection, all addresses of the peer together. libp2p's default. */
  readonly dialTimeoutMs: number
  /** First pause after a failed dial; it doubles up to the longest. Guess. */
  readonly redialMinMs: number
  /**
   * Longest pause after a failed dial. Longer spares a dead peer's network, and finds it again later. Guess.
   */
  readonly redialMaxMs: number
  /**
   * Dials in a row that fail before a place, or a peer that was never met, is given up: about a minute with the
   * pauses between them. Guess.
   */
  readonly dialFailuresMax: number
  /** A place that was given up is tried once more after this long, if somebody still claims to be there. Guess. */
  readonly dialRestMs: number
  /** Dials of one public host, whatever its ports, that may fail in a row … Guess. */
  readonly hostFailuresMax: number
  /** … and how long it takes until one more may. */
  readonly hostFailureEveryMs: number
  /** The same of a host of this machine or of its private network, which may hold a hundred nodes that stop at once. Guess. */
  readonly nearFailuresMax: number
  readonly nearFailureEveryMs: number
  /**
   * How long the peer with the greater id lets the other dial first, so that a pair keeps one connection, not
   * two. Guess.
   */
  readonly yieldDialMs: number
  /**
   * Between pings of a connection. At libp2p's 10 s, 150 connections cost 3.4 to 6.7 % CPU; at twice that,
   * half. Longer notices later that a vehicle has lost its radio. Guess.
   */
  readonly pingIntervalMs: number
  /** Dials that one host may ask for in a row, to learn whether it can be dialled … Guess. */
  readonly dialBacksPerHostMax: number
  /** … and how long it takes until it may ask for one more. A depot behind one address learns it in turns. Guess. */
  readonly dialBackEveryMs: number
  /** Such dials at once, for all hosts together: one that fails takes its whole time. Guess. */
  readonly dialBacksAtOnceMax: number
  /**
   * How long such a dial may take, with all that comes before the multiplexer: four round trips of a satellite. Shorter tells a
   * node behind a router sooner that it is, and holds up its jobs for less long. Guess.
   */
  readonly dialBackTimeoutMs: number
  /** Peers that are asked to dial this node: as many as do not share a mistake. Guess. */
  readonly dialBackPeersMax: number
  /** After this long, they are asked once more. Guess. */
  readonly dialBackAgainMs: number
  /** Between looks at this machine’s own addresses: a laptop that changes its network is found so much later. Guess. */
  readonly ownAddressesEveryMs: number
  /** After this, stop() no longer waits for peers to take a polite goodbye. */
  readonly stopGraceMs: number
}

const KiB = 1024
const MiB = 1024 * KiB

export const defaultBounds: NetworkBounds = {
  controlMessageBytesMax: MiB,
  controlBacklogBytesMax: 4 * MiB,
  messageOverheadBytes: 256,
  blockBytesMax: MiB,
  blockWindowBytes: 4 * MiB,
  blockWindowCountMax: 32,
  cidsPerRequestMax: 512,
  blocksServedAtOnceMax: 2,
  stallTimeoutMs: 10_000,
  stallBytesMin: 16 * KiB,
  readAheadBytesMax: MiB,
  streamWindowBytesMax: MiB,
  inboundStreamsMax: 4,
  gossipMessageBytesMax: 4 * KiB,
  gossipRpcBytesMax: MiB,
  gossipBacklogBytesMax: MiB,
  gossipRepairMs: 10_000,
  fullMeshPeersMax: 12,
  degreeMin: 8,
  knownPeersMax: 1024,
  addressesPerPeerMax: 4,
  connectionsMax: 300,
  reservedConnections: 60,
  knownPerHostMax: 75,
  silentPerHostMax: 75,
  silentMs: 60_000,
  connectionsPerHostMax: 150,
  guestMsMin: 30_000,
  pendingMax: 100,
  pendingPerHostMax: 50,
  failedHandshakesMax: 100,
  failedHandshakesPerSecond: 8,
  handshakeTimeoutMs: 5_000,
  dialTimeoutMs: 10_000,
  redialMinMs: 1_000,
  redialMaxMs: 30_000,
  dialFailuresMax: 6,
  dialRestMs: 600_000,
  hostFailuresMax: 16,
  hostFailureEveryMs: 60_000,
  nearFailuresMax: 256,
  nearFailureEveryMs: 1_000,
  yieldDialMs: 500,
  pingIntervalMs: 20_000,
  dialBacksPerHostMax: 8,
  dialBackEveryMs: 15_000,
  dialBacksAtOnceMax: 4,
  dialBackTimeoutMs: 3_000,
  dialBackPeersMax: 3,
  dialBackAgainMs: 900_000,
  ...defaultRelayBounds,
  ownAddressesEveryMs: 10_000,
  stopGraceMs: 400,
}

/** Throws where bounds contradict each other: a mistake of ours, so it stops the node at its start. */
export function checkBounds(bounds: NetworkBounds): void {
  const relations: [string, boolean][] = [
    [
      'a control message fits its backlog',
      bounds.controlMessageBytesMax + bounds.messageOverheadBytes <= bounds.controlBacklogBytesMax,
    ],
    ['a message of the protocol is a control message', messageBytesMax <= bounds.controlMessageBytesMax],
    ['an advert fits a gossip message', recordBytesMax.advert <= bounds.gossipMessageBytesMax],
    ['a block fits the window', bounds.blockBytesMax <= bounds.blockWindowBytes],
    ['a window of small blocks fits one request', bounds.blockWindowCountMax <= bounds.cidsPerRequestMax],
    ['a gossip RPC holds many messages', bounds.gossipMessageBytesMax * 64 <= bounds.gossipRpcBytesMax],
    ['a full mesh meets the degree', bounds.degreeMin <= bounds.fullMeshPeersMax],
    ['the degree fits the connections', bounds.fullMeshPeersMax < bounds.connectionsMax],
    ['one host leaves room for others', bounds.connectionsPerHostMax < bounds.connectionsMax],
    ['one host leaves others a handshake', bounds.pendingPerHostMax < bounds.pendingMax],
    ['strangers get most places', 2 * bounds.reservedConnections < bounds.connectionsMax],
    ['three hosts leave room', 4 * bounds.knownPerHostMax <= bounds.connectionsMax],
    ['one host’s silence leaves room', bounds.silentPerHostMax <= bounds.connectionsPerHostMax],
    ['a connection has shaken hands before it is silent', bounds.handshakeTimeoutMs <= bounds.silentMs],
    ["a window fits libp2p's read buffer", bounds.streamWindowBytesMax < 4 * MiB],
    ['an answer comes before its asker gives up', bounds.dialBackTimeoutMs < bounds.dialTimeoutMs],
    ['a relay carries more than a message', bounds.controlMessageBytesMax < bounds.relayedBytesMax],
    ['one host leaves others a place at a relay', bounds.relaySeatsPerHostMax < bounds.relaySeatsMax],
    ['one host leaves others a way through a relay', bounds.relayedPerHostMax < bounds.relayedMax],
    ['the relay is asked before the dial ends', bounds.relayAfterMs < bounds.dialTimeoutMs],
    ['redial pauses grow', bounds.redialMinMs <= bounds.redialMaxMs],
  ]
  for (const [relation, holds] of relations)
    if (!holds) throw new Error(`network bounds: ${relation}, or should`)
}
