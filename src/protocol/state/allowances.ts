/**
 * The allowances of a job's stewards, by the set of its records (../job/allowance.ts): in whatever order these come, the
 * outcome is the same.
 *
 * A steward that lies may sign for more than its allowance takes. So its money records (leases that name a price, and
 * allowances) are taken in the order of their serials, and count as far as its allowance reaches: the first that does not
 * fit does not count, and none after it. Gifts that it received count from the start, since nobody can tell when it heard
 * of them; a gift that it gives counts where it fits. Gifts in a circle make no money: a gift is received only once it is
 * known to fit at its giver (the least fixed point). An honest steward promises only what it has, so all it signs counts
 * as soon as the gifts to it are here; and all together promise no more than the budget, whoever lies.
 *
 * Where all that a steward signed fits, one more record costs no second look at the others: `slack` is a lower bound of what
 * it had left at every point, so what costs no more than that fits wherever its serial puts it.
 */
import { compareText } from '../../base/bytes.ts'
import type { LeaseId, PeerId, RecordId } from '../ids.ts'
import { type Allowance, firstAllowances, worthOf } from '../job/allowance.ts'
import type { Lease } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import type { Micros } from '../price.ts'
import type { Verified } from '../record/record.ts'

interface Promised {
  readonly record: Verified<Lease>
  readonly worth: Micros
  counts: boolean
  /** Null: all. */
  owed: ReadonlySet<number> | null
}

type Entry =
  | { readonly kind: 'lease'; readonly record: Verified<Lease>; readonly promised: Promised }
  | { readonly kind: 'allowance'; readonly record: Verified<Allowance> }

interface Purse {
  readonly first: Micros
  /** Use: all that its steward signed. Invariant: where some do not count, in the order of serials from `counting` on. */
  entries: Entry[]
  /** Use: the entry with the highest serial. */
  last: Entry | undefined
  /** Use: how many entries count. Invariant: those at the front. */
  counting: number
  received: Micros
  given: Micros
  promised: Micros
  slack: Micros
}

export class Allowances {
  readonly #first: ReadonlyMap<PeerId, Micros>
  readonly #purses = new Map<PeerId, Purse>()
  readonly #leases = new Map<LeaseId, Promised>()
  readonly #seen = new Set<RecordId>()
  /** Use: leases that write-offs name, and that were not here yet. */
  readonly #awaited = new Set<LeaseId>()
  /** Use: leases that began or ceased to count since this was last asked. */
  #changed = new Set<LeaseId>()
  #isStale = false

  constructor(manifest: Manifest) {
    this.#first = firstAllowances(manifest)
    for (const peer of this.#first.keys()) this.#purseOf(peer)
  }

  /** Takes a lease that the job could pay; one that names no price promises nothing. */
  lease(record: Verified<Lease>): void {
    const { id, signer, payload } = record
    if (payload.price === null || this.#leases.has(id)) return
    const worth = payload.units.reduce((sum, _, place) => sum + worthOf(payload, place), 0)
    const promised: Promised = { record, worth, counts: false, owed: null }
    this.#leases.set(id, promised)
    if (this.#awaited.delete(id)) this.#isStale = true
    this.#take(this.#purseOf(signer), { kind: 'lease', record, promised })
  }

  /** A lease that was taken turns out to be none that the job pays. */
  drop({ id, signer }: Verified<Lease>): void {
    if (!this.#leases.delete(id)) return
    const purse = this.#purseOf(signer)
    purse.entries = purse.entries.filter(({ record }) => record.id !== id)
    this.#changed.add(id)
    this.#isStale = true
  }

  apply(record: Verified<Allowance>): void {
    if (this.#seen.has(record.id)) return
    this.#seen.add(record.id)
    for (const { lease } of record.payload.writtenOff) if (!this.#leases.has(lease)) this.#awaited.add(lease)
    this.#take(this.#purseOf(record.signer), { kind: 'allowance', record })
  }

  /** Tells whether its signer's allowance takes what a lease promises. */
  counts(lease: LeaseId): boolean {
    this.#settle()
    return this.#leases.get(lease)?.counts ?? true
  }

  /** Returns the amount that this steward may still promise: nothing while records of its own do not count. */
  freeOf(steward: PeerId): Micros {
    this.#settle()
    const purse = this.#purses.get(steward)
    return purse === undefined || isCut(purse) ? 0 : leftOf(purse)
  }

  /** The sum that all stewards have promised and not taken back. */
  get promised(): Micros {
    this.#settle()
    return [...this.#purses.values()].reduce((sum, { promised }) => sum + promised, 0)
  }

  /** Tells whether a claim for this place of a lease counts, and is owed if it agrees. */
  isOpen(lease: LeaseId, place: number): boolean {
    this.#settle()
    const owed = this.#leases.get(lease)?.owed ?? null
    return owed === null || owed.has(place)
  }

  /** Returns the amount that the steward would free by writing off all but these places. */
  gain(lease: LeaseId, places: ReadonlySet<number>): Micros {
    this.#settle()
    const known = this.#leases.get(lease)
    return known?.counts === true ? gainOf(known, places) : 0
  }

  /** All that stewards signed about money, and whether it counts. */
  *promises(): Generator<{ readonly record: Verified; readonly counts: boolean }> {
    this.#settle()
    for (const { entries, counting } of this.#purses.values())
      for (const [i, { record }] of entries.entries()) yield { record, counts: i < counting }
  }

  /** The leases that began or ceased to count since this was last asked. */
  takeChanged(): ReadonlySet<LeaseId> {
    this.#settle()
    const changed = this.#changed
    this.#changed = new Set()
    return changed
  }

  #purseOf(peer: PeerId): Purse {
    const known = this.#purses.get(peer)
    if (known !== undefined) return known
    const first = this.#first.get(peer) ?? 0
    const purse: Purse = {
      ...{ first, entries: [], last: undefined, counting: 0 },
      ...{ received: 0, given: 0, promised: 0, slack: first },
    }
    this.#purses.set(peer, purse)
    return purse
  }

  #take(purse: Purse, entry: Entry): void {
    const isLast = purse.last === undefined || inTurn(purse.last, entry) < 0
    const wasCut = isCut(purse)
    purse.entries.push(entry)
    if (isLast) purse.last = entry
    if (this.#isStale || (isLast && wasCut)) return
    if (isLast) this.#advance([purse])
    else if (!wasCut && !writesOff(entry) && costOf(entry) <= purse.slack) {
      const takers = this.#count(purse, entry)
      purse.slack -= costOf(entry)
      this.#advance(takers)
    } else this.#isStale = true
  }

  /** Counts the entries that fit, and what follows from gifts among them. */
  #advance(open: Purse[]): void {
    for (let purse = open.pop(); purse !== undefined; purse = open.pop())
      for (
        let next = purse.entries[purse.counting];
        next !== undefined && costOf(next) <= leftOf(purse);
        next = purse.entries[purse.counting]
      ) {
        open.push(...this.#count(purse, next))
        // Without gifts: those may hang on a gift of this steward's own, which the new record could push out.
        purse.slack = Math.min(purse.slack, leftOf(purse) - purse.received)
      }
  }

  /** Counts one more entry. Returns the purses that it gives something to. */
  #count(purse: Purse, entry: Entry): Purse[] {
    const takers: Purse[] = []
    const cost = costOf(entry)
    if (entry.kind === 'lease') {
      entry.promised.counts = true
      this.#changed.add(entry.record.id)
      purse.promised += cost
    } else {
      for (const { lease, places } of entry.record.payload.writtenOff)
        this.#writeOff(purse, entry.record, lease, places)
      for (const { to, micros } of entry.record.payload.given) {
        const taker = this.#purseOf(to)
        taker.received += micros
        takers.push(taker)
      }
      purse.given += cost
    }
    purse.counting += 1
    return takers
  }

  #writeOff(
    purse: Purse,
    { signer, serial }: Verified<Allowance>,
    lease: LeaseId,
    places: readonly number[],
  ): void {
    const known = this.#leases.get(lease)
    if (!known?.counts || known.record.signer !== signer || known.record.serial >= serial) return
    const owed = new Set(places)
    purse.promised -= gainOf(known, owed)
    // Two write-offs of one lease, in any order, leave the places that both leave.
    known.owed = new Set(openPlaces(known).filter((place) => owed.has(place)))
  }

  /** Counts everything anew, where a record came that changes what was counted. */
  #settle(): void {
    if (!this.#isStale) return
    this.#isStale = false
    const before = new Set([...this.#leases].filter(([, { counts }]) => counts).map(([id]) => id))
    const changed = this.#changed
    for (const promised of this.#leases.values()) Object.assign(promised, { counts: false, owed: null })
    for (const purse of this.#purses.values()) {
      Object.assign(purse, { counting: 0, received: 0, given: 0, promised: 0, slack: purse.first })
      purse.entries.sort(inTurn)
      purse.last = purse.entries.at(-1)
    }
    this.#changed = new Set()
    this.#advance([...this.#purses.values()])
    this.#changed = changed
    for (const [id, { counts }] of this.#leases) if (counts !== before.has(id)) changed.add(id)
  }
}

function isCut({ entries, counting }: Purse): boolean {
  return counting < entries.length
}

function leftOf({ first, received, given, promised }: Purse): Micros {
  return first + received - given - promised
}

/** Returns how much a record takes from its signer's allowance. A record that gives and writes off gives of what it had before. */
function costOf(entry: Entry): Micros {
  return entry.kind === 'lease'
    ? entry.promised.worth
    : entry.record.payload.given.reduce((sum, { micros }) => sum + micros, 0)
}

/** How much a write-off frees depends on what was counted before it. */
function writesOff(entry: Entry): boolean {
  return entry.kind === 'allowance' && entry.record.payload.writtenOff.length > 0
}

function gainOf(promised: Promised, places: ReadonlySet<number>): Micros {
  return openPlaces(promised)
    .filter((place) => !places.has(place))
    .reduce((sum, place) => sum + worthOf(promised.record.payload, place), 0)
}

function openPlaces({ record, owed }: Promised): number[] {
  return record.payload.units.map((_, place) => place).filter((place) => owed === null || owed.has(place))
}

function inTurn({ record: a }: Entry, { record: b }: Entry): number {
  return a.serial - b.serial || compareText(a.id, b.id)
}
