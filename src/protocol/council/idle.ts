/**
 * Idle: takes the turn from a steward that acts and does not get on with the job, as far as its records show here.
 *
 * A steward that says it acts and does nothing would else hold a job up until its deadline, be it that it lies or that it
 * reaches no vehicle. Its turn passes when work waits that somebody could do, and it has given out and decided nothing for
 * a while; or when nothing has come back, from owners enough, for so long that even the largest shard should have; or when
 * all is decided, and it says that the job has ended in a way that does not count here. All are this node's own watch, and
 * another may see it otherwise: then two act for a while, which wastes work and does no harm.
 */
import type { PeerId } from '../ids.ts'
import { fruitlessShardsMax, stewardFruitlessMs, stewardIdleMs } from '../limits.ts'
import { RecordedView } from '../state/job-view.ts'
import { candidatesFor } from '../steward/candidate.ts'
import type { Seat } from './seat.ts'

/** Call at every look of a steward that does not act. */
export function passIdle(seat: Seat, nowMs: number): void {
  const acting = seat.attendance.acting(nowMs)
  seat.progress.watch(acting, nowMs)
  if (acting === undefined || seat.shards === null) return
  if (seat.progress.over(isOverWithoutEnd(seat, acting), nowMs) >= stewardIdleMs) seat.attendance.pass(acting)
  const { newsMs, returnedMs } = seat.progress.silence(nowMs)
  if (newsMs < stewardIdleMs && returnedMs < stewardFruitlessMs) return
  const { manifest } = seat.options
  const idle = candidatesFor(manifest, seat.places.stewards, seat.capacities.values()).filter(
    ({ peer, mode, free }) => mode === 'run' && free > 0 && seat.connected.has(peer),
  )
  const owners = new Set(idle.map(({ owner }) => owner)).size
  const largestMs = seat.shards.reduce((max, { costMs }) => Math.max(max, costMs), 0)
  const isFruitless = returnedMs >= Math.max(stewardFruitlessMs, fruitlessShardsMax * largestMs)
  const enough = manifest.assurance.replicas
  if ((isFruitless && owners >= enough) || (newsMs >= stewardIdleMs && owners > 0 && workWaits(seat)))
    seat.attendance.pass(acting)
}

/** Every shard is decided, and the steward that acts signed an end that does not count. */
function isOverWithoutEnd({ records, shards }: Seat, acting: PeerId): boolean {
  const { decisions, verdicts } = records
  const hasSigned = [...decisions.waitingEnds].some(({ signer }) => signer === acting)
  if (!hasSigned || decisions.standingEnd !== undefined || shards === null) return false
  return (
    verdicts.positions().length === shards.length &&
    shards.every((_, position) => records.standing(position).state === 'stands')
  )
}

/** Some shard is neither decided nor leased. */
function workWaits({ records, shards }: Seat): boolean {
  return new RecordedView(records, shards!).view().shards.queued > 0
}
