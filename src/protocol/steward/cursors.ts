/**
 * Cursors: for each owner the first shard of the board that it could get, so that nobody walks again over shards that an owner
 * has already.
 *
 * A shard that an owner may not have stays so until a replica of it is given up, or it wants more replicas than before. The board
 * notes where that happens (`lows`). A cursor goes back to the lowest such place since it was last moved, and on from there.
 */
import type { Lows } from '../../base/lows.ts'
import type { OwnerId } from '../ids.ts'
import type { ShardState } from './shard-state.ts'

/** The board, as far as a cursor walks over it. */
interface Walkable {
  readonly lows: Lows
  nextWanting(from: number): ShardState | undefined
  isEligible(shard: ShardState, owner: OwnerId): boolean
}

export class Cursors {
  readonly #board: Walkable
  readonly #cursors = new Map<OwnerId, { position: number; time: number }>()
  #steps = 0

  constructor(board: Walkable) {
    this.#board = board
  }

  /** How many shards were looked at so far. */
  get steps(): number {
    return this.#steps
  }

  /** The first shard that wants a replica and that this owner may get. */
  first(owner: OwnerId): ShardState | undefined {
    const { lows } = this.#board
    const cursor = this.#cursors.get(owner) ?? { position: 0, time: lows.time }
    const from = Math.min(cursor.position, lows.since(cursor.time))
    const shard = from === Number.POSITIVE_INFINITY ? undefined : this.from(owner, from)
    cursor.position = shard?.position ?? Number.POSITIVE_INFINITY
    cursor.time = lows.time
    this.#cursors.set(owner, cursor)
    return shard
  }

  /** … from this position on. */
  from(owner: OwnerId, position: number): ShardState | undefined {
    let shard = this.#board.nextWanting(position)
    for (; shard !== undefined; shard = this.#board.nextWanting(shard.position + 1)) {
      this.#steps += 1
      if (this.#board.isEligible(shard, owner)) return shard
    }
    return undefined
  }
}
