/** The contents of the results in a report, each examined once. */
import type { Cid } from '../ids.ts'
import { type Manifest, resultEngine } from '../job/manifest.ts'
import { examineResult, examineSealedResult, type Finding } from '../verification/examination.ts'
import type { AuditInput } from './records.ts'

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
    if (blind !== null) return examineSealedResult(bytes, engine ?? resultEngine(this.#manifest))
    return examineResult(this.#input.sha256, bytes, pages, engine, agreement)
  }
}
