/** Collects results from the vehicles that claim them, and looks at what is in them. */
import type { Logger } from 'pino'
import type { Cid, PeerId } from '../../protocol/ids.ts'
import { type Manifest, resultEngine } from '../../protocol/job/manifest.ts'
import { blockBytesOf, isParted } from '../../protocol/job/result-parts.ts'
import { leaseShardsMax, resultBytesMax } from '../../protocol/limits.ts'
import type { Examined, Wanted } from '../../protocol/steward/contract.ts'
import {
  examineResult,
  examineSealedResult,
  PartsExamination,
} from '../../protocol/verification/examination.ts'
import { keepFetched } from '../keep-fetched.ts'
import { joinedPart } from '../result-reader.ts'
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
/** Blocks asked for in one call: the results of a full lease, or those of the longest page. */
const blocksPerFetch = leaseShardsMax

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
    const results = wants.map(({ result }) => result)
    await this.#fetch(from, new Map(results.map((cid) => [cid, resultBytesMax])), false)
    try {
      let examined: Examined[] = []
      // One after another: a vehicle may owe thousands, and each may be a whole block, or many.
      for (const want of wants) {
        const { finding, isLong } = await this.#examine(want)
        examined.push({ ...want, finding })
        if (!isLong) continue
        this.#onExamined(examined)
        examined = []
      }
      if (examined.length > 0) this.#onExamined(examined)
    } catch (error) {
      if (!this.#isStopped) throw error // the store of a node that stops closes under what is still being read
    }
  }

  /** Ends the wait for what is under way: the node stops, and collects it again after its next start. */
  stop(): void {
    this.#isStopped = true
  }

  async #examine(want: Wanted): Promise<{ readonly finding: Examined['finding']; readonly isLong: boolean }> {
    const { blocks, manifest } = this.#options
    const engine = resultEngine(manifest)
    const bytes = await blocks.get(want.result)
    if (bytes === undefined) return { finding: { state: 'missing' }, isLong: false }
    if (isParted(bytes)) return { finding: await this.#examineParts(want, bytes), isLong: true }
    const finding =
      manifest.blind === null
        ? examineResult(sha256, bytes, want.pages, engine, manifest.agreement)
        : examineSealedResult(bytes, engine)
    return { finding, isLong: false }
  }

  /**
   * Fetches and reads a long result part by part. It ends at the first part that is wrong or does not come, so that a vehicle that
   * lies about a long result fills no more of the disk than it delivers, and never all of it.
   */
  async #examineParts({ from, pages }: Wanted, root: Uint8Array): Promise<Examined['finding']> {
    const { blocks, manifest } = this.#options
    const examination = new PartsExamination(sha256, root, {
      pages,
      engine: resultEngine(manifest),
      agreement: manifest.agreement,
      isSealed: manifest.blind !== null,
    })
    for (const part of examination.parts) {
      if (examination.isInvalid) break
      await this.#fetch(from, new Map(part.blocks.map((cid, i) => [cid, blockBytesOf(part, i)])), true)
      const joined = await joinedPart(part, (cid) => blocks.get(cid))
      if (joined === undefined) return { state: 'missing' }
      examination.take(joined)
    }
    return examination.finding()
  }

  /** Resolves when what the vehicle delivered is here. Once more after a lost connection: what is missing then, is missing. */
  async #fetch(from: PeerId, wanted: ReadonlyMap<Cid, number>, isLong: boolean): Promise<void> {
    for (let attempt = 0; attempt < collectAttempts; attempt += 1) {
      try {
        await this.#fetchOnce(from, wanted, isLong)
        return
      } catch (error) {
        this.#options.log.debug({ from, error }, 'results were not delivered')
      }
    }
  }

  /** `wanted`: blocks, each with the most bytes that it may have. */
  async #fetchOnce(from: PeerId, wanted: ReadonlyMap<Cid, number>, isLong: boolean): Promise<void> {
    const { network, blocks, isOwn } = this.#options
    const missing = await blocks.take(wanted.keys(), 'result')
    const bytesMaxOf = (cid: Cid) => wanted.get(cid) ?? 0
    for (let at = 0; at < missing.length; at += blocksPerFetch) {
      const some = missing.slice(at, at + blocksPerFetch)
      const fetch = () => keepFetched(network.blocks.fetch(from, some), blocks, 'result', { bytesMaxOf })
      const bytes = some.reduce((sum, cid) => sum + bytesMaxOf(cid), 0)
      await (isOwn && !isLong ? fetch() : blocks.withRoom(bytes, fetch, isOwn))
    }
  }
}
