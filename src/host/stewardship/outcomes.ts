/**
 * Counts how the pages of a job came out, by the results that are on this disk: each is read once, when somebody first asks after
 * its verdict. Of a blind job only its submitter's node can read them.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Cid } from '../../protocol/ids.ts'
import type { ShardEntry } from '../../protocol/job/lists.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { ShardVerdict } from '../../protocol/job/verdict.ts'
import { OutcomeCounts, type Outcomes } from '../../protocol/verification/outcomes.ts'
import { systemClock } from '../clock.ts'
import { PartMissing, readPages } from '../result-reader.ts'
import { shardKey, Unsealable } from '../sealing/sealing.ts'
import type { JobBlocks } from '../store/job-blocks.ts'

export interface OutcomesOfJobOptions {
  readonly manifest: Manifest
  /** From which the keys of shards come. */
  readonly secret: Uint8Array
  readonly blocks: Pick<JobBlocks, 'get'>
}

/** The first question after a large job takes no longer, and the next one learns the rest. A guess. */
const countMsMax = 500

export class OutcomesOfJob {
  readonly #options: OutcomesOfJobOptions
  /** Use: by position, the result that was read, and what is in it where that is worth a word. */
  readonly #read = new Map<number, { readonly result: Cid; readonly counts: OutcomeCounts } | Cid>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: OutcomesOfJobOptions) {
    this.#options = options
  }

  /**
   * Counts the pages of these verdicts. `isPatient`: reads all that is here, however long that takes. Pages that could not be read,
   * or not yet, are left out.
   */
  of(
    shards: readonly ShardEntry[],
    verdicts: readonly ShardVerdict[],
    isPatient: boolean,
  ): Promise<Outcomes> {
    const counted = this.#turn.then(() => this.#count(shards, verdicts, isPatient))
    this.#turn = counted.catch(() => undefined)
    return counted
  }

  async #count(
    shards: readonly ShardEntry[],
    verdicts: readonly ShardVerdict[],
    isPatient: boolean,
  ): Promise<Outcomes> {
    const untilMs = systemClock.monotonicMs() + (isPatient ? Number.POSITIVE_INFINITY : countMsMax)
    const sum = new OutcomeCounts()
    for (const { position, result } of verdicts) {
      const pages = shards[position]?.pages
      if (result === null || pages === undefined) continue
      const known = this.#read.get(position)
      if (known === result) sum.addClean(pages)
      else if (typeof known === 'object' && known.result === result) sum.merge(known.counts)
      else if (systemClock.monotonicMs() < untilMs) {
        const counts = await this.#look(position, pages, result)
        if (counts === undefined) continue
        this.#read.set(position, counts.isClean ? result : { result, counts })
        sum.merge(counts)
      }
    }
    return sum.view()
  }

  /** Undefined where it is not here, or none. */
  async #look(position: number, pages: number, result: Cid): Promise<OutcomeCounts | undefined> {
    const { manifest, secret, blocks } = this.#options
    const counts = new OutcomeCounts()
    const bytes = await blocks.get(result)
    if (bytes === undefined) return undefined
    try {
      const parts = readPages(manifest, bytes, pages, shardKey(secret, position), (cid) => blocks.get(cid))
      for await (const records of parts) for (const record of records) counts.add(record, manifest.agreement)
      return counts
    } catch (error) {
      if (error instanceof PartMissing || error instanceof Unsealable || error instanceof ProtocolError)
        return undefined
      throw error
    }
  }
}
