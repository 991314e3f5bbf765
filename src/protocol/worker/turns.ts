/**
 * Turns: while another submitter's lease waits for a slot, a lease keeps its own no longer than a turn.
 *
 * Slots are shared by the time that submitters have them (fair-queue.ts), but that is of no use while nobody leaves one: a stranger's lease
 * may name 16,384 pages, each of which may take ten minutes. After its turn it ends with the shard under way and waits for the next one,
 * with all that it has finished. Shards that go to a slot together end together; where that takes too long, the lease goes back, and the
 * shards that were under way are lost. Leases are made to take eight seconds (`leaseCostMsTarget`), so this touches those alone whose submitter said
 * less than they take.
 */
import type { Desk } from './desk.ts'
import { handIn } from './endings.ts'
import type { Held } from './held.ts'

/** A lease that is fifteen times as long as it should be. A guess. */
export const turnMsMax = 120_000
/** … and so long may the shard under way take then: a page may take ten minutes of processor time (runtimes/options.ts). A guess. */
const turnGraceMs = 600_000

/** Looks at the leases in slots. */
export function endTurns(desk: Desk, nowMs: number): void {
  const { bench } = desk
  for (const held of bench.all()) {
    if (held.slot === undefined || !bench.isAwaitedByOthers(held)) continue
    const hadMs = nowMs - held.begunMs
    if (held.state === 'running' && hadMs >= turnMsMax) {
      held.isTurnOver = true
      bench.drain(held)
    } else if (held.isTurnOver && hadMs >= turnMsMax + turnGraceMs) {
      bench.abort(held)
      handIn(desk, held, 'withdrawn', nowMs)
    }
  }
}

/** The slot of a lease stands still. It waits for its next turn if its last one was cut short, and else is over. */
export function runEnded(desk: Desk, held: Held, isComplete: boolean, nowMs: number): void {
  const { bench, condition, receipts } = desk
  if (held.isTurnOver && !isComplete && condition.mode === 'run') {
    bench.requeue(held)
    if (held.done.length > 0) receipts.commit(held, null, nowMs)
    return
  }
  const reason = held.state === 'draining' ? 'draining' : 'failed'
  handIn(desk, held, isComplete ? null : reason, nowMs)
}
