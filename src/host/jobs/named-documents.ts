/**
 * Counts the documents of jobs as their submitters named them: the manifest counts the parts of those that are cut. The list of
 * documents is read once for each job, and not at all where it is long.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { JobId } from '../../protocol/ids.ts'
import { RequestError } from '../errors.ts'
import { Unsealable } from '../sealing/sealing.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import { StoreError } from '../store/errors.ts'
import { countNamed, readJobOf } from './results.ts'

/** A list of so many is read in a tenth of a second. A guess. */
const listedMax = 100_000
const jobsKept = 1000

export class NamedDocuments {
  readonly #counts = new BoundedMap<JobId, number>(jobsKept)

  /** The manifest's count where this node cannot read the list, or it is too long. */
  async of(job: CouncilDriver): Promise<number> {
    const { count } = job.manifest.documents
    const known = this.#counts.get(job.job)
    if (known !== undefined) return known
    if (count === 1 || count > listedMax) return count
    try {
      const named = await countNamed(readJobOf(job))
      this.#counts.set(job.job, named)
      return named
    } catch (error) {
      if (error instanceof RequestError || error instanceof StoreError || error instanceof Unsealable)
        return count
      throw error
    }
  }
}
