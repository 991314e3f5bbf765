/** Makes the payables of a job that this node looks after, or null for a job that pays nobody. */
import type { PeerId } from '../../protocol/ids.ts'
import type { JudgeOfLeases } from '../../protocol/ledger/claims.ts'
import type { Message } from '../../protocol/message.ts'
import { PayablesDriver } from '../ledger/payables-driver.ts'
import type { Outbox } from '../store/outbox.ts'
import type { CouncilDriverOptions } from './options.ts'

export function payablesOf(
  { job, submitter, manifest, key, store, desk, clock, log }: CouncilDriverOptions,
  outbox: Outbox,
  say: (to: PeerId, message: Message) => void,
  judge: JudgeOfLeases,
): PayablesDriver | null {
  if (manifest.payment === null) return null
  return new PayablesDriver({
    ...{ job, submitter, key, outbox, say, judge, clock, log },
    ...(desk === undefined ? {} : { desk }),
    isReader: desk !== undefined && manifest.stewards[0]?.peer !== key.peerId,
    fleet: manifest.fleet,
    currency: manifest.payment.currency,
    shards: manifest.shards.count,
    deadlineMs: manifest.deadlineMs,
    books: store.books,
    tables: store.ledgerTables,
    journal: store.journal,
  })
}
