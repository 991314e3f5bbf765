/** Makes the payables of a job that this node looks after, or null for a job that pays nobody. */
import type { LeaseId, PeerId } from '../../protocol/ids.ts'
import type { Message } from '../../protocol/message.ts'
import { JobPayables } from '../ledger/job-payables.ts'
import type { Outbox } from '../store/outbox.ts'
import type { StewardshipOptions } from './options.ts'

export function payablesOf(
  { job, submitter, manifest, key, store, clock, log }: StewardshipOptions,
  outbox: Outbox,
  say: (to: PeerId, message: Message) => void,
  counts: (lease: LeaseId) => boolean,
): JobPayables | null {
  if (manifest.payment === null) return null
  return new JobPayables({
    ...{ job, submitter, key, outbox, say, counts, clock, log },
    fleet: manifest.fleet,
    currency: manifest.payment.currency,
    shards: manifest.shards.count,
    deadlineMs: manifest.deadlineMs,
    books: store.books,
    tables: store.ledgerTables,
    journal: store.journal,
  })
}
