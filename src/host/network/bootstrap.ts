/** Keeps the bootstrap peers connected. */
import type { Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { NetworkBounds } from './bounds.ts'
import { redialPauseMs } from './dial-plan.ts'
import { reason } from './errors.ts'

interface Entry {
  readonly address: Multiaddr
  /** The peer that we found there; the address need not name it. */
  peer: PeerId | undefined
  failures: number
  timer: NodeJS.Timeout | undefined
}

/**
 * Keeps the bootstrap peers connected for as long as the node runs, and says so once per outage.
 *
 * @libp2p/bootstrap was declined: it dials once, leaves the rest to reconnects that stop after five tries, and
 * dials nobody at all, silently, with a tag that never expires (notes/libp2p.md §1, traps 12 and 13).
 */
export class Bootstrap {
  readonly #node: Libp2p
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #entries: Entry[]
  readonly #stopping = new AbortController()

  constructor(node: Libp2p, addresses: readonly Multiaddr[], bounds: NetworkBounds, log: Logger) {
    this.#node = node
    this.#bounds = bounds
    this.#log = log
    this.#entries = addresses.map((address) => ({ address, peer: undefined, failures: 0, timer: undefined }))
    node.addEventListener('peer:disconnect', ({ detail }) => {
      for (const entry of this.#entries) {
        if (entry.peer !== detail.toString()) continue
        entry.peer = undefined
        void this.#dial(entry)
      }
    })
    for (const entry of this.#entries) void this.#dial(entry)
  }

  /** True for the peers that were found where this node was told to look. */
  isKnown(peer: PeerId): boolean {
    return this.#entries.some((entry) => entry.peer === peer)
  }

  stop(): void {
    this.#stopping.abort(new Error('this node is stopping'))
    for (const { timer } of this.#entries) clearTimeout(timer)
  }

  async #dial(entry: Entry): Promise<void> {
    if (this.#stopping.signal.aborted) return
    const address = entry.address.toString()
    try {
      const timeout = AbortSignal.timeout(this.#bounds.dialTimeoutMs)
      const connection = await this.#node.dial(entry.address, {
        signal: AbortSignal.any([timeout, this.#stopping.signal]),
      })
      if (connection.status !== 'open') throw new Error('it closed the connection')
      entry.peer = connection.remotePeer.toString() as PeerId
      entry.failures = 0
      this.#log.info({ address, peer: entry.peer }, `bootstrap peer reached: ${address}`)
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return
      // A fleet hands every node the same list: one of them finds itself on it.
      if (thrown instanceof Error && thrown.name === 'InvalidPeerIdError') return
      if (entry.failures === 0) {
        this.#log.warn(
          { address },
          `bootstrap peer unreachable, will keep trying: ${address} (${reason(thrown)})`,
        )
      }
      entry.timer = setTimeout(() => void this.#dial(entry), redialPauseMs(entry.failures++, this.#bounds))
    }
  }
}
