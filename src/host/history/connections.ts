/**
 * Says when this node has lost the mesh, and when it is back.
 *
 * A router that takes a new address ends all connections, and they are back within seconds. So a loss is told once it has
 * lasted for a while, and a return only after a loss that was told.
 */
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { Clock } from '../clock.ts'
import type { PeerEvent } from '../network/network.ts'

/** Longer than a redial takes. A guess. */
export const lossMs = 15_000

export interface ConnectionsOptions {
  readonly network: {
    onPeer(handler: (event: PeerEvent) => void): void
    connectedPeers(): readonly PeerId[]
  }
  readonly onAlone: (isAlone: boolean) => void
  readonly clock: Clock
  readonly log: Logger
}

export class Connections {
  readonly #options: ConnectionsOptions
  /** When the last connection ended; null while there is one. */
  #lostMs: number | null
  #isFirst = true
  #isTold = false
  #callOff = () => {}

  constructor(options: ConnectionsOptions) {
    this.#options = options
    this.#lostMs = options.clock.monotonicMs()
    options.onAlone(true)
    options.network.onPeer(() => this.#look())
  }

  stop(): void {
    this.#callOff()
    this.#callOff = () => {}
    this.#isTold = true
    this.#lostMs = null
  }

  #look(): void {
    const { network, onAlone, clock, log } = this.#options
    const connected = network.connectedPeers().length
    const nowMs = clock.monotonicMs()
    if (connected > 0 && this.#lostMs !== null) {
      const lostForMs = nowMs - this.#lostMs
      this.#lostMs = null
      this.#callOff()
      onAlone(false)
      if (this.#isFirst) log.info({ connected }, 'this node is in the mesh')
      else if (this.#isTold) log.info({ connected, lostForMs }, 'this node is in the mesh again')
      this.#isFirst = false
      this.#isTold = false
    } else if (connected === 0 && this.#lostMs === null) {
      this.#lostMs = nowMs
      onAlone(true)
      this.#callOff = clock.after(lossMs, () => this.#tell())
    }
  }

  #tell(): void {
    if (this.#lostMs === null) return
    this.#isTold = true
    const aloneForMs = this.#options.clock.monotonicMs() - this.#lostMs
    this.#options.log.warn({ aloneForMs }, 'no other node is connected any more: this node goes on trying')
  }
}
