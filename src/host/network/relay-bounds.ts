/** The bounds of relays, part of those of the network (bounds.ts), each with its origin and what more or less of it costs. */

export interface RelayBounds {
  /** Peers that a relay keeps a place for, so that others reach them through it. A guess. */
  readonly relaySeatsMax: number
  /** … of one host: a depot behind one address. A guess. */
  readonly relaySeatsPerHostMax: number
  /** Connections that go through a relay at a time. Each may hold two windows of a stream there. A guess. */
  readonly relayedMax: number
  /** … that one host opened. A guess. */
  readonly relayedPerHostMax: number
  /** Connections that one host may open through a relay in a row … */
  readonly relayDialsPerHostMax: number
  /** … and how long it takes until it may open one more. With `relayedBytesMax` this bounds the bytes of a host. A guess. */
  readonly relayDialEveryMs: number
  /**
   * Bytes that a relay carries for one connection, both ways together: leases, receipts and some pages. More makes a hub carry
   * the documents of others, at 13 to 19 ms of its processor for a MiB. A guess.
   */
  readonly relayedBytesMax: number
  /** How long a connection through a relay may last; those who still need it open another. A guess. */
  readonly relayedMs: number
  /**
   * How long a relay keeps a place unless it is asked again. It frees it when the peer leaves, so this only has to be long: the
   * peer asks again five minutes before, by its own clock.
   */
  readonly relaySeatMs: number
  /**
   * After so long in which nobody came through a node's relay it asks another, where there is one: a relay may keep a place and pass nothing
   * on. Shorter finds that out sooner, and moves nodes of a quiet mesh about for nothing. A guess.
   */
  readonly relaySilentMs: number
  /** How long a node that can be reached through a relay is dialled where it says it lives before the relay is asked. A guess. */
  readonly relayAfterMs: number
}

const MiB = 1024 * 1024

export const defaultRelayBounds: RelayBounds = {
  relaySeatsMax: 256,
  relaySeatsPerHostMax: 64,
  relayedMax: 256,
  relayedPerHostMax: 64,
  relayDialsPerHostMax: 64,
  relayDialEveryMs: 30_000,
  relayedBytesMax: 8 * MiB,
  relayedMs: 1_800_000,
  relaySeatMs: 6 * 3_600_000,
  relaySilentMs: 900_000,
  relayAfterMs: 2_000,
}
