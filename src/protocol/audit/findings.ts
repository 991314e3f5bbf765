/** The contents of the results in a report, each examined once. */
import { concat } from 'uint8arrays'
import type { Cid } from '../ids.ts'
import { type Manifest, resultEngine } from '../job/manifest.ts'
import { decodeResult, type PageRecord } from '../job/result.ts'
import { blockBytesOf, decodePart, decodeParted, isParted, type ResultPart } from '../job/result-parts.ts'
import type { UnitCount } from '../price.ts'
import { countsTruly } from '../verification/counted-units.ts'
import {
  examineResult,
  examineSealedResult,
  type Finding,
  PartsExamination,
} from '../verification/examination.ts'
import type { AuditInput } from './records.ts'

/** A claim on a shard: its result, and by position what its receipt says that this took. */
interface CountedClaim {
  readonly result: Cid
  readonly units: ReadonlyMap<number, UnitCount>
}

export class Findings {
  readonly #input: AuditInput
  readonly #manifest: Manifest
  readonly #known = new Map<string, Finding | undefined>()

  constructor(input: AuditInput, manifest: Manifest) {
    this.#input = input
    this.#manifest = manifest
  }

  /** Returns the contents of a vehicle's result; undefined when its bytes are not in the report. */
  of(result: Cid, position: number): Finding | undefined {
    return this.#examined(result, position, resultEngine(this.#manifest))
  }

  /**
   * Returns the contents of a recomputation's result: a steward runs the exact engine, which may not be the job's.
   */
  ofSteward(result: Cid, position: number): Finding | undefined {
    return this.#examined(result, position, null)
  }

  /** Tells of a claim whether its result is one, and took as many units as it counts. */
  isValid({ result, units }: CountedClaim, position: number): boolean {
    const finding = this.of(result, position)
    return (
      finding?.state === 'good' &&
      countsTruly(this.#input.shards[position]!, units.get(position), finding.units)
    )
  }

  /**
   * Tells of a claim that agrees with the result that was accepted whether it counts other units than that took: owners that agree on a
   * result agree on how much work it was.
   */
  isMiscounted({ result, units }: CountedClaim, accepted: Cid | null, position: number): boolean {
    const finding = this.of(result, position) ?? (accepted && this.ofSteward(accepted, position))
    if (finding?.state !== 'good') return false
    return !countsTruly(this.#input.shards[position]!, units.get(position), finding.units)
  }

  /** Yields the records of a result that is not sealed, as far as it is in the report and is one. */
  *records(result: Cid, position: number): Generator<PageRecord> {
    const { pages } = this.#input.shards[position]!
    const bytes = this.#input.block(result)
    if (bytes === undefined || this.ofSteward(result, position)?.state !== 'good') return
    if (!isParted(bytes)) {
      yield* decodeResult(bytes, pages).records
      return
    }
    for (const part of decodeParted(bytes, pages).parts) yield* decodePart(this.#joined(part)!, part.pages)
  }

  /** Undefined where a block of it is not in the report, or has another length than its place says. */
  #joined(part: ResultPart): Uint8Array | undefined {
    const blocks = part.blocks.map((cid, i) => {
      const block = this.#input.block(cid)
      return block?.byteLength === blockBytesOf(part, i) ? block : undefined
    })
    return blocks.includes(undefined) ? undefined : concat(blocks as Uint8Array[])
  }

  #examined(result: Cid, position: number, engine: string | null): Finding | undefined {
    const { pages } = this.#input.shards[position]!
    const key = `${result}/${pages}/${engine}`
    if (!this.#known.has(key)) this.#known.set(key, this.#examine(result, pages, engine))
    return this.#known.get(key)
  }

  #examine(result: Cid, pages: number, engine: string | null): Finding | undefined {
    const bytes = this.#input.block(result)
    if (bytes === undefined) return undefined
    const { agreement, blind } = this.#manifest
    if (isParted(bytes)) return this.#examineParts(bytes, pages, engine)
    if (blind !== null) return examineSealedResult(bytes, engine ?? resultEngine(this.#manifest))
    return examineResult(this.#input.sha256, bytes, pages, engine, agreement)
  }

  /** Undefined where a part of it is not in the report. */
  #examineParts(bytes: Uint8Array, pages: number, engine: string | null): Finding | undefined {
    const { agreement, blind } = this.#manifest
    const examination = new PartsExamination(this.#input.sha256, bytes, {
      pages,
      engine: blind === null ? engine : (engine ?? resultEngine(this.#manifest)),
      agreement,
      isSealed: blind !== null,
    })
    for (const part of examination.parts) {
      const joined = this.#joined(part)
      if (joined === undefined) return undefined
      examination.take(joined)
    }
    return examination.finding()
  }
}
