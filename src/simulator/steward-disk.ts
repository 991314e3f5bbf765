/** The disk of a simulated steward: it takes its writes, and gives them back after a crash. */
import { impossible } from '../base/assert.ts'
import type { Cid, JobId, RecordId } from '../protocol/ids.ts'
import type { Entry } from '../protocol/ledger/entry.ts'
import type { JobRecord } from '../protocol/records.ts'
import type { Recalled } from '../protocol/state/decisions.ts'
import type { SimJob } from './sim-job.ts'

export type StewardWritten =
  | { readonly type: 'job'; readonly job: SimJob }
  | { readonly type: 'inputs'; readonly job: JobId }
  | { readonly type: 'record'; readonly entry: JobRecord }
  | { readonly type: 'result'; readonly result: Cid }
  /** A draw or a lease that never counts there. */
  | { readonly type: 'shut-out'; readonly job: JobId; readonly record: RecordId }
  /** A job that it left: the first serial that it has not used in it. */
  | { readonly type: 'left'; readonly job: JobId; readonly serial: number }
  /** Verdicts of others that count, and all shards for which they do. */
  | ({ readonly type: 'counted' } & Recalled)

interface Remembered {
  readonly jobs: readonly SimJob[]
  readonly records: readonly JobRecord[]
  readonly inputs: Set<JobId>
  readonly results: Set<Cid>
  readonly recalled: readonly Recalled[]
  readonly serials: Map<JobId, number>
  readonly shutOut: readonly RecordId[]
  readonly entries: readonly Entry[]
}

export function remember(
  log: Iterable<StewardWritten | { readonly type: 'entry'; readonly entry: Entry }>,
): Remembered {
  const jobs: SimJob[] = []
  const records: JobRecord[] = []
  const inputs = new Set<JobId>()
  const results = new Set<Cid>()
  const recalled: Recalled[] = []
  const serials = new Map<JobId, number>()
  const shutOut: RecordId[] = []
  const entries: Entry[] = []
  for (const written of log)
    switch (written.type) {
      case 'job':
        jobs.push(written.job)
        break
      case 'record':
        records.push(written.entry)
        break
      case 'inputs':
        inputs.add(written.job)
        break
      case 'result':
        results.add(written.result)
        break
      case 'shut-out':
        shutOut.push(written.record)
        break
      case 'left':
        serials.set(written.job, written.serial)
        break
      case 'counted':
        recalled.push(written)
        break
      case 'entry':
        entries.push(written.entry)
        break
      default:
        impossible(written)
    }
  return { jobs, records, inputs, results, recalled, serials, shutOut, entries }
}

/** Tells whether it has no use for a node that has nothing to do with this job any more. */
export function concerns(written: StewardWritten | { readonly type: 'entry' }, job: JobId): boolean {
  switch (written.type) {
    case 'job':
      return written.job.manifest.id === job
    case 'inputs':
    case 'shut-out':
      return written.job === job
    case 'record':
      return written.entry.record.job === job
    case 'counted':
    case 'left':
    case 'result':
    case 'entry':
      return false
    default:
      return impossible(written)
  }
}
