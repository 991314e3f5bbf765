/**
 * Idle: takes the turn from a steward that acts and does not get on with the job, as far as its records show here.
 *
 * A steward that says it acts and does nothing would else hold a job up until its deadline, be it that it lies or that it
 * reaches no vehicle. Its turn passes when work waits that somebody could do, and it has given out and decided nothing for
 * a while; or when nothing has come back for so long that even the largest shard should have, though owners enough are idle, or
 * one that has not had some open shard: by the records a lost lease is as good as one that runs, so that no work seems to wait; or when
 * all is decided, and it says that the job has ended in a way that does not count here. All are this node's own watch, and
 * another may see it otherwise: then two act for a while, which wastes work and does no harm.
 */
import type { PeerId } from '../ids.ts'
import type { ShardEntry } from '../job/lists.ts'
import { fruitlessShardsMax, stewardFruitlessMs, stewardIdleMs } from '../limits.ts'
import { readyOwners } from './reaching.ts'
import type { Seat } from './seat.ts'
import { recordedView } from './view.ts'

/** Call at every look of a steward that does not act. */
export function passIdle(seat: Seat, nowMs: number): void {
  const acting = seat.attendance.acting(nowMs)
  seat.progress.watch(acting, nowMs)
  if (acting === undefined || seat.shards === null) return
  if (seat.progress.over(isOverWithoutEnd(seat, acting), nowMs) >= stewardIdleMs) seat.attendance.pass(acting)
  const { newsMs, returnedMs } = seat.progress.silence(nowMs)
  if (newsMs < stewardIdleMs && returnedMs < stewardFruitlessMs) return
  const { manifest } = seat.options
  const { idle: owners } = readyOwners(seat)
  const isFruitless = returnedMs >= Math.max(stewardFruitlessMs, fruitlessShardsMax * largestMs(seat.shards))
  const enough = manifest.assurance.replicas
  const couldGoOn = () => owners >= enough || (owners > 0 && somebodyIsLeft(seat))
  if ((isFruitless && couldGoOn()) || (newsMs >= stewardIdleMs && owners > 0 && workWaits(seat)))
    seat.attendance.pass(acting)
}

/** Every shard is decided, and the steward that acts signed an end that does not count. */
function isOverWithoutEnd(seat: Seat, acting: PeerId): boolean {
  const { decisions } = seat.records
  const hasSigned = [...decisions.waitingEnds].some(({ signer }) => signer === acting)
  return hasSigned && decisions.standingEnd === undefined && recordedView(seat)?.isDecided === true
}

/** Some shard is neither decided nor leased. */
function workWaits(seat: Seat): boolean {
  return (recordedView(seat)?.view().shards.queued ?? 0) > 0
}

/** Some owner that is idle could take a shard that is open, and has had no lease of it. */
function somebodyIsLeft(seat: Seat): boolean {
  return recordedView(seat)?.isLeftFor([...seat.watch.ready.idleOwners]) ?? false
}

/** Use: a job's list of shards is walked once. */
const largest = new WeakMap<readonly ShardEntry[], number>()

function largestMs(shards: readonly ShardEntry[]): number {
  const known = largest.get(shards)
  if (known !== undefined) return known
  const found = shards.reduce((max, { costMs }) => Math.max(max, costMs), 0)
  largest.set(shards, found)
  return found
}
