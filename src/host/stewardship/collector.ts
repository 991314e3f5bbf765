/** Collects results from the vehicles that claim them, and looks at what is in them. */
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import { type Manifest, resultEngine } from '../../protocol/job/manifest.ts'
import { leaseShardsMax, resultBytesMax } from '../../protocol/limits.ts'
import type { Examined, Wanted } from '../../protocol/steward/contract.ts'
import { examineResult, examineSealedResult } from '../../protocol/verification/examination.ts'
import { keepFetched } from '../keep-fetched.ts'
import { sha256 } from '../sha256.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import type { Mesh } from './mesh.ts'

export interface CollectorOptions {
  readonly network: Pick<Mesh, 'blocks'>
  readonly blocks: JobBlocks
  readonly manifest: Manifest
  /** Submitted with the key of this node: it takes what it needs of the disk. */
  readonly isOwn: boolean
  readonly log: Logger
}

/** A result that a vehicle claims is asked for once more after a lost connection, then it counts as missing. */
const collectAttempts = 2
/** Results asked for in one call: those of a full lease. */
const resultsPerFetch = leaseShardsMax

export class Collector {
  readonly #options: CollectorOptions
  readonly #onExamined: (results: readonly Examined[]) => void
  #isStopped = false

  /** `onExamined` is told of each vehicle's results together, as soon as they are there or lost. */
  constructor(options: CollectorOptions, onExamined: (results: readonly Examined[]) => void) {
    this.#options = options
    this.#onExamined = onExamined
  }

  async collect(wanted: readonly Wanted[]): Promise<void> {
    const bySource = new Map<PeerId, Wanted[]>()
    for (const want of wanted) {
      const known = bySource.get(want.from)
      if (known === undefined) bySource.set(want.from, [want])
      else known.push(want)
    }
    await Promise.all([...bySource].map(([from, wants]) => this.#collectFrom(from, wants)))
  }

  async #collectFrom(from: PeerId, wants: readonly Wanted[]): Promise<void> {
    for (let attempt = 0; attempt < collectAttempts; attempt += 1) {
      try {
        await this.#fetch(from, wants)
        break
      } catch (error) {
        this.#options.log.debug({ from, error }, 'results were not delivered')
      }
    }
    try {
      const examined: Examined[] = []
      // One after another: a vehicle may owe thousands, and each may be a whole block.
      for (const want of wants) examined.push(await this.#examine(want))
      this.#onExamined(examined)
    } catch (error) {
      if (!this.#isStopped) throw error // the store of a node that stops closes under what is still being read
    }
  }

  /** Ends the wait for what is under way: the node stops, and collects it again after its next start. */
  stop(): void {
    this.#isStopped = true
  }

  async #examine(want: Wanted): Promise<Examined> {
    const { blocks, manifest } = this.#options
    const engine = resultEngine(manifest)
    const bytes = await blocks.get(want.result)
    if (bytes === undefined) return { ...want, finding: { state: 'missing' } }
    const finding =
      manifest.blind === null
        ? examineResult(sha256, bytes, want.pages, engine, manifest.agreement)
        : examineSealedResult(bytes, engine)
    return { ...want, finding }
  }

  async #fetch(from: PeerId, wants: readonly Wanted[]): Promise<void> {
    const { network, blocks, isOwn } = this.#options
    const results = wants.map(({ result }) => result)
    const missing = await blocks.take(results, 'result')
    for (let at = 0; at < missing.length; at += resultsPerFetch) {
      const some = missing.slice(at, at + resultsPerFetch)
      const fetch = () =>
        keepFetched(network.blocks.fetch(from, some), blocks, 'result', { bytesMaxOf: () => resultBytesMax })
      await (isOwn ? fetch() : blocks.withRoom(some.length * resultBytesMax, fetch))
    }
  }
}
