/** The invariants that are stated beside a desk's fields. */
import { assert } from '../../base/assert.ts'
import { settledVerdictsMax } from '../limits.ts'
import type { Desk } from './desk.ts'

/** Asserts what holds of a desk between two inputs. */
export function checkDesk(desk: Desk): void {
  const { board, leases, state, rooms, capacities, short, end, unpublished, effects, apart } = desk
  for (const shard of board.states)
    assert(board.open.has(shard) === (shard.verdict === undefined), 'a shard without a verdict is open')
  const wanted = board.states.reduce((sum, shard) => sum + shard.wanted, 0)
  assert(board.wantedTotal === wanted, 'the board knows how many replicas its shards want')
  for (const { lease } of leases.all()) assert(state.has(lease.id), 'every lease in the book is on record')
  for (const { peer } of rooms.all()) assert(capacities.has(peer), 'who can be drawn is in the roster')
  assert(short === undefined || board.wantedTotal > 0, 'money is short only for what is wanted')
  assert(end === undefined || leases.active().next().done === true, 'nobody works for a job that has ended')
  assert(unpublished.length === 0 && effects.length === 0, 'an input leaves nothing undone')
  for (const { settles } of apart.values())
    assert(settles.length <= settledVerdictsMax, 'a verdict names as many as its record may')
}
