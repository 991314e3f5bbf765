/**
 * Assignment in order: the next lease of a steward whose voices count by the order of owners (../job/order.ts), that is of every one but the
 * submitter's node.
 *
 * For each shard it asks the first owners in the order, as many as make enough voices there: those that have spoken, that work on it,
 * or that have room or will soon have some again. One that is away, or that failed at the shard, is passed over, which may cost a voice
 * more. Among those with room the draw decides, as always. A lease takes its further shards from the same order alone.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { OwnerId } from '../ids.ts'
import { groupOf, type OwnerOrder, type Standing } from '../job/order.ts'
import { orderedShards, ordinalsMax } from '../sizes.ts'
import { type Market, type Opportunity, preferIdle, willingVehicles } from './assignment.ts'
import type { Rooms } from './rooms.ts'
import type { ShardBoard } from './shard-board.ts'
import type { ShardState } from './shard-state.ts'

/** Shards that a turn looks at, and those among them that it judges … Guesses. */
const [lookedAtMax, judgedMax] = [8_192, 512]
/** … and groups that it puts into order anew: with 5,000 owners each takes 0.1 ms. What is later in the list waits for the next turn. */
const orderedMax = 64
/** Orders that are kept: those of the shards that a turn looks at. */
const groupsKept = lookedAtMax / orderedShards
/** Owners that came after the manifest and are in one order: the first ones. Those behind them would take dozens of voices. */
const othersMax = 512
/** Owners that went and are remembered beside as many as there are: most of them come back. */
const awayMax = 1_024

/** The owners that have been candidates, in the order for one group of shards: 5 bytes each, of thousands of owners and hundreds of groups. */
interface Group {
  /** Use: so many of all that were seen were there when it was made. */
  readonly seen: number
  /** Numbers of owners among all that were seen, and the place of each, rising. */
  readonly owners: Uint32Array
  readonly places: Uint8Array
}

/** Says whose voices help a shard: those of any owner of the list, or of all up to this place. */
type Helping = 'listed' | number

export class OrderedAssignment {
  readonly #order: OwnerOrder
  readonly #board: ShardBoard
  readonly #rooms: Rooms
  readonly #lead: number
  readonly #seen = new Set<OwnerId>()
  #all: Standing[] = []
  #arrivals = -1
  readonly #groups = new BoundedMap<number, Group>(groupsKept)
  /** Use: where to go on: in this turn, or after one that had enough. */
  #from = 0
  #hadEnough = false
  /** Use: in this turn, the groups that were ordered, and those of whose untouched shards nobody can take any. */
  #ordered = 0
  readonly #stuck = new Set<number>()

  /** `lead`: by how much an answer must lead after a disagreement. */
  constructor(order: OwnerOrder, board: ShardBoard, rooms: Rooms, lead: number) {
    this.#order = order
    this.#board = board
    this.#rooms = rooms
    this.#lead = lead
  }

  /** A turn begins: others may have room now. One after a turn that had enough goes on behind it, so that all shards have their turn. */
  begin(): void {
    if (!this.#hadEnough) this.#from = 0
    this.#ordered = 0
    this.#stuck.clear()
    if (this.#arrivals === this.#rooms.arrivals) return
    this.#arrivals = this.#rooms.arrivals
    const { owners } = this.#rooms
    if (this.#seen.size > 2 * owners.size + awayMax) {
      this.#seen.clear()
      this.#all = []
      this.#groups.clear()
    }
    for (const owner of owners.keys()) {
      if (this.#seen.has(owner)) continue
      this.#seen.add(owner)
      this.#all.push(this.#order.standingOf(owner))
    }
  }

  /** As `nextOpportunity`; 'later': this turn has looked at enough. */
  next({ board, rooms, affords, isApart = () => true }: Market, nowMs: number) {
    if (rooms.free.size === 0) return 'nobody-free'
    let [looked, judged, isShort] = [0, 0, false]
    this.#hadEnough = false
    for (
      let shard = board.nextWanting(this.#from);
      shard !== undefined;
      shard = board.nextWanting(shard.position + 1)
    ) {
      const here = shard
      looked += 1
      this.#hadEnough = looked > lookedAtMax || judged >= judgedMax || this.#ordered >= orderedMax
      if (this.#hadEnough) {
        this.#from = here.position
        return isShort ? 'unaffordable' : 'later'
      }
      const group = groupOf(here.position)
      const isUntouched = here.claims.length + here.holders.size + here.losers.length === 0
      if (isUntouched && this.#stuck.has(group)) continue
      judged += 1
      const willing = this.#takersOf(here, rooms)
        .flatMap((owner) => willingVehicles(rooms, owner, here, nowMs))
        .filter(({ candidate }) => isApart(candidate, here))
      const able = willing.filter(({ candidate }) => affords(candidate, [here]))
      if (able.length > 0) {
        this.#from = here.position
        return {
          shard: here,
          eligible: preferIdle(able).map(({ candidate }) => candidate),
        } satisfies Opportunity
      }
      isShort ||= willing.length > 0
      if (isUntouched && willing.length === 0) this.#stuck.add(group)
    }
    return isShort ? 'unaffordable' : 'cramped'
  }

  /** Tells whether a lease that leads with one shard may have another one for this owner. */
  mayJoin(leader: ShardState, shard: ShardState, owner: OwnerId): boolean {
    if (groupOf(leader.position) !== groupOf(shard.position)) return false
    const helping = this.#helping(shard)
    if (helping === 'listed') return this.#order.isListed(owner)
    const place = this.#order.placeOf(shard.position, owner)
    return place !== undefined && place <= helping
  }

  /** The first position behind the shards that have one order with this. */
  static after({ position }: ShardState): number {
    return position - (position % orderedShards) + orderedShards
  }

  /** Owners with room that may take the shard, those first that come first. */
  #takersOf(shard: ShardState, rooms: Rooms): OwnerId[] {
    const helping = this.#helping(shard)
    const { owners, places } = this.#groupAt(shard)
    const takers: OwnerId[] = []
    for (let i = 0; i < owners.length; i += 1) {
      const { owner, index } = this.#all[owners[i]!]!
      if (helping !== 'listed' && places[i]! > helping) break
      if (helping === 'listed' && index < 0) continue
      if (rooms.free.has(owner) && this.#board.isEligible(shard, owner)) takers.push(owner)
    }
    return takers
  }

  /** Voices of any owner of the list, where those are enough, or else of the first in the order. */
  #helping(shard: ShardState): Helping {
    const { tally, needed, holders, losers } = shard
    if (tally.state !== 'open') return 0
    const order = this.#order
    if (order.hasHonest(tally.disputed ? this.#lead : needed)) {
      const leading = new Set(tally.leading.map(({ owner }) => owner))
      const wanted = tally.disputed ? this.#lead + this.#speakers(shard) - leading.size : needed
      const coming = new Set<OwnerId>()
      for (const [owner, { late }] of holders) if (!late && order.isListed(owner)) coming.add(owner)
      for (const number of this.#groupAt(shard).owners) {
        const { owner, index } = this.#all[number]!
        if (index >= 0 && !losers.includes(owner) && this.#isAwaited(shard, owner)) coming.add(owner)
      }
      for (const owner of leading) coming.delete(owner)
      if (leading.size + coming.size >= wanted) return 'listed'
    }
    return this.#lastPlaceOf(shard)
  }

  #isAwaited(shard: ShardState, owner: OwnerId): boolean {
    return this.#rooms.isAwaited(owner) && this.#board.isEligible(shard, owner)
  }

  /** The last place from which a voice helps, if all speak that this steward counts on; 0: these are too few. */
  #lastPlaceOf(shard: ShardState): number {
    const { tally, needed, position, holders, losers } = shard
    if (tally.state !== 'open') return 0
    const own = tally.leading.filter(({ lease }) => this.#order.binds(lease.signer))
    const against = tally.disputed ? this.#speakers(shard) - tally.leading.length : 0
    const left = (tally.disputed ? this.#lead : needed) - (tally.leading.length - own.length)
    const counted = new Set(own.map(({ owner }) => owner))
    for (const [owner, { late }] of holders) if (!late) counted.add(owner)
    const spoken = [...counted].flatMap((owner) => this.#order.placeOf(position, owner) ?? [])
    spoken.sort((a, b) => a - b)
    let voices = 0
    const isEnough = (place: number) => {
      voices += 1
      return voices >= left + against && place <= this.#order.lastPlace(voices, left)
    }
    const { owners, places } = this.#groupAt(shard)
    for (let i = 0; i < owners.length; i += 1) {
      const { owner } = this.#all[owners[i]!]!
      const place = places[i]!
      while (spoken.length > 0 && spoken[0]! <= place)
        if (isEnough(spoken.shift()!)) return this.#order.lastPlace(voices, left)
      if (counted.has(owner) || losers.includes(owner) || !this.#isAwaited(shard, owner)) continue
      if (isEnough(place)) return this.#order.lastPlace(voices, left)
    }
    for (const place of spoken) if (isEnough(place)) return this.#order.lastPlace(voices, left)
    return 0
  }

  #speakers({ claims }: ShardState): number {
    const speakers = new Set(claims.map(({ owner }) => owner))
    for (const owner of this.#board.contradicted) speakers.delete(owner)
    return speakers.size
  }

  #groupAt({ position }: ShardState): Group {
    const number = groupOf(position)
    const known = this.#groups.get(number)
    if (known?.seen === this.#all.length) return known
    this.#ordered += 1
    const group = inOrder(this.#order, number, this.#all)
    this.#groups.set(number, group)
    return group
  }
}

/** All owners of the list that have a place, and the first of the others, by counting how many have each place. */
function inOrder(order: OwnerOrder, number: number, all: readonly Standing[]): Group {
  const placeOf = Uint8Array.from(all, (standing) => order.placeIn(number, standing) ?? 0)
  const next = new Uint32Array(ordinalsMax + 2)
  for (const place of placeOf) if (place > 0) next[place + 1]! += 1
  for (let place = 1; place < next.length; place += 1) next[place]! += next[place - 1]!
  const sorted = new Uint32Array(next[ordinalsMax + 1]!)
  for (const [i, place] of placeOf.entries()) if (place > 0) sorted[next[place]!++] = i
  let others = 0
  const owners = sorted.filter((i) => all[i]!.index >= 0 || ++others <= othersMax)
  return { seen: all.length, owners, places: Uint8Array.from(owners, (i) => placeOf[i]!) }
}
