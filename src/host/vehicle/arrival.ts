/** Follows weights as they come, for the log and for people who ask: how much of them, how fast and from whom. */
import type { Logger } from 'pino'
import type { Cid, PeerId } from '../../protocol/ids.ts'
import type { FileReference } from '../../protocol/job/manifest.ts'
import type { WeightsArrived } from '../../protocol/message.ts'
import { systemClock } from '../clock.ts'

/** A line this often. A guess. */
const lineMs = 10_000
/** Smaller weights are there before anybody could read of them; their line is for who looks for an error. A guess. */
const smallBytesMax = 64 * 2 ** 20

/** A file of weights that is coming. */
export interface WeightsOnTheWay extends WeightsArrived {
  readonly file: Cid
}

export class Arrival {
  readonly #weights: FileReference
  readonly #log: Logger
  readonly #begunMs = systemClock.monotonicMs()
  readonly #peers = new Set<PeerId>()
  readonly #hereBytes: number
  #bytes = 0
  #toldMs = this.#begunMs

  /** `hereBytes`: those that had come before. */
  constructor(weights: FileReference, hereBytes: number, log: Logger) {
    this.#weights = weights
    this.#hereBytes = hereBytes
    this.#log = log
  }

  readonly came = (peer: PeerId, bytes: number): void => {
    if (bytes > 0) this.#peers.add(peer)
    this.#bytes += bytes
    const nowMs = systemClock.monotonicMs()
    if (nowMs - this.#toldMs < lineMs) return
    this.#toldMs = nowMs
    this.#log.info(this.#facts(), 'weights are coming')
  }

  /** The block that lists the parts is counted among the bytes that came, which may not be more than the file's. */
  get view(): WeightsOnTheWay {
    const { file, bytes: of } = this.#weights
    return { file, bytes: Math.min(of, this.#hereBytes + this.#bytes), of, peers: this.#peers.size }
  }

  /** Nothing is said where nothing had to come. */
  over(): void {
    if (this.#bytes === 0) return
    const level = this.#weights.bytes > smallBytesMax ? 'info' : 'debug'
    this.#log[level](this.#facts(), 'weights were fetched')
  }

  #facts(): object {
    const { file, bytes } = this.#weights
    const seconds = (systemClock.monotonicMs() - this.#begunMs) / 1_000
    const megabytesPerSecond = Math.round(this.#bytes / 1e5 / Math.max(seconds, 0.001)) / 10
    return { file, of: bytes, bytes: this.#bytes, megabytesPerSecond, peers: [...this.#peers] }
  }
}
