/**
 * The records of one job that a steward has: a set that hardly ever shrinks, and the trie by which it is compared with another's.
 *
 * Which of them get in, and what follows from them, the fold decides (../state/job-state.ts).
 */
import type { Sha256 } from '../../base/prng.ts'
import type { JobId } from '../ids.ts'
import type { Manifest } from '../job/manifest.ts'
import { RecordTrie } from '../record/record-trie.ts'
import type { JobRecord } from '../records.ts'
import type { Reader } from '../state/counting.ts'
import { JobState } from '../state/job-state.ts'
import type { RecordedView } from '../state/job-view.ts'

export class JobRecords extends JobState {
  readonly #sha256: Sha256
  trie: RecordTrie
  /** Use: how the job stood when so many records were here, and so often had others come to count. */
  seen: { readonly size: number; readonly changes: number; readonly view: RecordedView } | undefined

  constructor(job: JobId, manifest: Manifest, sha256: Sha256, reader: Reader = {}) {
    super(job, manifest, sha256, reader)
    this.#sha256 = sha256
    this.trie = new RecordTrie(sha256)
  }

  protected override reset(): void {
    super.reset()
    this.seen = undefined
    this.trie = new RecordTrie(this.#sha256)
  }

  override add(entry: JobRecord): void {
    super.add(entry)
    this.trie.add(entry.record.id)
  }
}
