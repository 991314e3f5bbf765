/**
 * How two stewards make their records equal: a root that differs, then branches and leaves of the trie, then ids
 * (../record/record-trie.ts).
 */

import { equals } from 'uint8arrays'
import { impossible } from '../../base/assert.ts'
import type { PeerId, RecordId } from '../ids.ts'
import { beatIntervalMs, syncIdsMax, syncIntervalMs } from '../limits.ts'
import { shortIdOf, trieFanout } from '../record/record-trie.ts'
import { byDependency } from '../records.ts'
import type { FellowMessage } from './contract.ts'
import { beat, differs, fellowsOf, hasEnded, isActing, isReader, pathsTo, type Seat, say } from './seat.ts'

/** Takes what a fellow says about its records. */
export function hearOfRecords(seat: Seat, from: PeerId, message: FellowMessage, nowMs: number): void {
  switch (message.type) {
    case 'beat':
      seat.attendance.heard(from, message.acting, nowMs)
      seat.places.heard(from)
      answerStranger(seat, from, nowMs)
      seat.roots.set(from, message.root)
      compareWith(seat, from, message.asks, nowMs)
      break
    case 'branches':
      seat.records.trie.branches().forEach((hash, branch) => {
        if (!equals(hash, message.hashes[branch]!))
          say(seat, from, {
            type: 'leaves',
            job: seat.options.job,
            branch,
            hashes: seat.records.trie.leaves(branch),
          })
      })
      break
    case 'leaves':
      seat.records.trie.leaves(message.branch).forEach((hash, i) => {
        if (equals(hash, message.hashes[i]!)) return
        const leaf = message.branch * trieFanout + i
        const ids = idsToName(seat, leaf, from).map(shortIdOf)
        say(seat, from, { type: 'ids', job: seat.options.job, leaf, ids })
      })
      break
    case 'ids': {
      const theirs = new Set(message.ids)
      const mine = seat.records.trie.ids(message.leaf)
      shareRecords(
        seat,
        from,
        mine.filter((id) => !theirs.has(shortIdOf(id))),
      )
      const { leaf } = message
      const ids = seat.records.trie.resolve(leaf, message.ids).unknown
      if (ids.length > 0) say(seat, from, { type: 'want', job: seat.options.job, leaf, ids })
      break
    }
    case 'want':
      shareRecords(seat, from, seat.records.trie.resolve(message.leaf, message.ids).known)
      break
    default:
      impossible(message)
  }
}

/**
 * Returns as many ids of a leaf as a message takes, and the next of them each time: the other steward would never ask
 * for an id that is not named. Only a job of millions of records has such a leaf, or one with a steward that looks
 * for ids that share it.
 */
function idsToName(seat: Seat, leaf: number, fellow: PeerId): readonly RecordId[] {
  const ids = seat.records.trie.ids(leaf)
  if (ids.length <= syncIdsMax) return ids
  const key = `${fellow}/${leaf}`
  const start = Math.min(seat.named.get(key) ?? 0, ids.length - syncIdsMax)
  const end = start + syncIdsMax
  seat.named.set(key, end < ids.length ? end : 0)
  return ids.slice(start, end)
}

/** A reader asks every steward that it reaches for the records that it lacks. */
export function askForRecords(seat: Seat, nowMs: number): void {
  for (const peer of fellowsOf(seat)) {
    if (!seat.connected.has(peer)) continue
    if (nowMs - (seat.compared.get(peer) ?? Number.NEGATIVE_INFINITY) < syncIntervalMs) continue
    seat.compared.set(peer, nowMs)
    seat.attendance.heard(peer, false, nowMs)
    say(seat, peer, { type: 'branches', job: seat.options.job, hashes: seat.records.trie.branches() })
  }
}

function shareRecords(seat: Seat, to: PeerId, ids: readonly RecordId[]): void {
  const entries = ids.flatMap((id) => seat.records.get(id) ?? []).sort(byDependency)
  for (const record of entries) seat.effects.push({ type: 'share', record, to })
}

/** Looks for the differences, on the one of two stewards that has the lower id. */
function compareWith(seat: Seat, fellow: PeerId, asks: boolean, nowMs: number): void {
  if (!differs(seat, fellow)) {
    // While the job runs it hears so within a second.
    if (asks && hasEnded(seat)) beat(seat, fellow)
    return
  }
  if (seat.options.self > fellow) {
    if (hasEnded(seat)) beat(seat, fellow)
    return
  }
  if (nowMs - (seat.compared.get(fellow) ?? Number.NEGATIVE_INFINITY) < syncIntervalMs) return
  seat.compared.set(fellow, nowMs)
  say(seat, fellow, { type: 'branches', job: seat.options.job, hashes: seat.records.trie.branches() })
}

/** A steward that has no place here hears that this node lives, since it may have the place of one that is not lost. */
function answerStranger(seat: Seat, peer: PeerId, nowMs: number): void {
  if (isReader(seat) || seat.places.has(peer) || !seat.records.isSteward(peer)) return
  if (nowMs - (seat.answeredMs.get(peer) ?? Number.NEGATIVE_INFINITY) < beatIntervalMs / 2) return
  seat.answeredMs.set(peer, nowMs)
  beat(seat, peer)
}

/**
 * A steward that has said nothing yet may not know that it is a steward, or that this node is one. After the end it
 * does not need the job any more, and may have forgotten this one: it is only told how the stewards have changed.
 */
export function greet(seat: Seat, peer: PeerId): void {
  if (!seat.heardFrom.has(peer) && seat.connected.has(peer)) {
    if (isActing(seat)) seat.effects.push({ type: 'entrust', to: peer })
    else {
      const path = pathsTo(seat, [seat.options.self, peer])
      shareRecords(
        seat,
        peer,
        path.map(({ id }) => id),
      )
    }
  }
  beat(seat, peer)
}
