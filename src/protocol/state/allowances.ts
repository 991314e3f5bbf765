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
 * A steward owes what its own verdict names as agreeing under a lease of its own, whether or not others believe that verdict:
 * else what is owed would hang on what counts, and that on what is owed. A write-off that it signed later takes nothing
 * back of the units that are counted there. If it wrote them off before, the verdict promises them anew, as a lease would: it counts
 * as far as the allowance reaches. So a verdict never takes away what a gift has given to somebody since.
 *
 * Where all that a steward signed fits, one more record costs no second look at the others: `slack` is a lower bound of what
 * it had left at every point, so what costs no more than that fits wherever its serial puts it.
 */
import type { LeaseId, PeerId, RecordId } from '../ids.ts'
import { type Allowance, firstAllowances, unitsKept, worthOf } from '../job/allowance.ts'
import type { Lease } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import type { Verdict } from '../job/verdict.ts'
import type { Micros } from '../price.ts'
import type { Verified } from '../record/record.ts'
import { AgreedUnits } from './agreed-units.ts'
import {
  assuredOf,
  type Bound,
  costOfReopening,
  type Entry,
  gainOf,
  givenBy,
  inTurn,
  isCut,
  isOpen,
  isSame,
  leftOf,
  leftOpen,
  newPurse,
  nothingAgreed,
  type Promised,
  type Purse,
  rewind,
  rewrites,
  type Units,
} from './purse.ts'

export class Allowances {
  readonly #first: ReadonlyMap<PeerId, Micros>
  readonly #submitter: PeerId
  readonly #purses = new Map<PeerId, Purse>()
  readonly #leases = new Map<LeaseId, Promised>()
  readonly #seen = new Set<RecordId>()
  /** Use: leases that write-offs name, whether they are here or not. */
  readonly #rewritten = new Set<LeaseId>()
  readonly #agreed = new AgreedUnits()
  /** Use: those of them that are in the purses, since a write-off names a lease of theirs. */
  readonly #bound = new Map<RecordId, Bound>()
  /** Use: leases that began or ceased to count since this was last asked. */
  #changed = new Set<LeaseId>()
  /** Use: leases of which other places are open than when this was last asked. */
  #moved = new Set<LeaseId>()
  #isStale = false

  constructor(manifest: Manifest) {
    this.#first = firstAllowances(manifest)
    this.#submitter = manifest.stewards[0]!.peer
    for (const peer of this.#first.keys()) this.#purseOf(peer)
  }

  /** Takes a lease that the job could pay; one that names no price promises nothing. */
  lease(record: Verified<Lease>): void {
    const { id, signer, payload } = record
    if (payload.price === null || this.#leases.has(id)) return
    const worth = payload.units.reduce((sum, _, place) => sum + worthOf(payload, place), 0)
    const promised: Promised = { record, worth, counts: false, owed: null, agreed: nothingAgreed }
    this.#leases.set(id, promised)
    if (this.#rewritten.has(id)) this.#isStale = true
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
    for (const { lease } of record.payload.writtenOff) {
      if (this.#rewritten.has(lease)) continue
      this.#rewritten.add(lease)
      for (const [place, verdict] of this.#agreed.verdictsOn(lease)) this.#bind(lease, place, verdict)
    }
    this.#take(this.#purseOf(record.signer), { kind: 'allowance', record })
    // Whoever learns of the record itself looks at the leases that it names.
    for (const { lease } of record.payload.writtenOff) this.#moved.delete(lease)
  }

  /** A verdict of the lease's own signer names as agreeing a receipt that is here and counts so many units at this place. */
  agree(lease: LeaseId, place: number, units: number, verdict: Verified<Verdict>): void {
    const news = this.#agreed.add(lease, place, units, verdict)
    if (news === 'known' || !this.#rewritten.has(lease)) return
    if (news !== 'more') this.#bind(lease, place, verdict)
    if (news !== 'first') this.#isStale = true
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

  /** Returns as much of it as this steward may give to others. */
  assuredOf(steward: PeerId): Micros {
    return this.freeOf(steward) === 0 ? 0 : assuredOf(this.#purses.get(steward)!)
  }

  /** The sum that all stewards have promised and not taken back. */
  get promised(): Micros {
    this.#settle()
    return [...this.#purses.values()].reduce((sum, { promised }) => sum + promised, 0)
  }

  /** Tells whether a claim of so many units for this place of a lease counts, and is owed if it agrees. */
  isOpen(lease: LeaseId, place: number, units: number): boolean {
    this.#settle()
    const known = this.#leases.get(lease)
    return known === undefined || isOpen(known, place, units)
  }

  /** Returns the amount that the steward would free by writing off all but these units, by place. */
  gain(lease: LeaseId, kept: Units): Micros {
    this.#settle()
    const known = this.#leases.get(lease)
    return known?.counts === true ? gainOf(known, leftOpen(known, kept, this.#agreed.of(lease))) : 0
  }

  /** All that stewards signed about money, and whether it counts; of verdicts, those that name what may be written off. */
  *promises(): Generator<Pick<Entry, 'kind' | 'record'> & { readonly counts: boolean }> {
    this.#settle()
    for (const { entries, counting } of this.#purses.values())
      for (const [i, { kind, record }] of entries.entries()) yield { kind, record, counts: i < counting }
  }

  /** The leases that began or ceased to count since this was last asked. */
  takeChanged(): ReadonlySet<LeaseId> {
    this.#settle()
    const changed = this.#changed
    this.#changed = new Set()
    return changed
  }

  /** The leases of which other places are open since this was last asked, but for those that a record names which just came. */
  takeMoved(): ReadonlySet<LeaseId> {
    this.#settle()
    const moved = this.#moved
    this.#moved = new Set()
    return moved
  }

  #bind(lease: LeaseId, place: number, record: Verified<Verdict>): void {
    const known = this.#bound.get(record.id)
    const bound: Bound = known ?? { kind: 'verdict', record, agreed: [] }
    bound.agreed.push({ lease, place })
    if (known !== undefined) this.#isStale = true
    else this.#take(this.#purseOf(record.signer), bound)
    this.#bound.set(record.id, bound)
  }

  #purseOf(peer: PeerId): Purse {
    const known = this.#purses.get(peer)
    if (known !== undefined) return known
    const first = this.#first.get(peer) ?? 0
    const purse = newPurse(first)
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
    else if (!wasCut && !rewrites(entry) && this.#costOf(entry) <= purse.slack) {
      const takers = this.#count(purse, entry)
      purse.slack -= this.#costOf(entry)
      this.#advance(takers)
    } else this.#isStale = true
  }

  /** Counts the entries that fit, and what follows from gifts among them. */
  #advance(open: Purse[]): void {
    for (let purse = open.pop(); purse !== undefined; purse = open.pop())
      for (
        let next = purse.entries[purse.counting];
        next !== undefined && this.#costOf(next) <= leftOf(purse);
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
    const cost = this.#costOf(entry)
    if (entry.kind === 'lease') {
      entry.promised.counts = true
      this.#changed.add(entry.record.id)
      purse.promised += cost
    } else if (entry.kind === 'verdict') {
      for (const { lease, place } of entry.agreed) this.#reopen(entry.record, lease, place)
      purse.promised += cost
    } else {
      for (const writeOff of entry.record.payload.writtenOff) this.#writeOff(purse, entry.record, writeOff)
      for (const { to, micros } of entry.record.payload.given) {
        const taker = this.#purseOf(to)
        taker.received += micros
        if (entry.record.signer === this.#submitter) taker.assured += micros
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
    writeOff: Allowance['writtenOff'][number],
  ): void {
    const known = this.#leases.get(writeOff.lease)
    if (!known?.counts || known.record.signer !== signer || known.record.serial >= serial) return
    // Two write-offs of one lease, in any order, leave what both leave.
    const left = leftOpen(known, unitsKept(writeOff), known.agreed)
    purse.promised -= gainOf(known, left)
    this.#moved.add(writeOff.lease)
    known.owed = left
  }

  #reopen(verdict: Verified<Verdict>, lease: LeaseId, place: number): void {
    const [known, units] = [this.#leases.get(lease), this.#agreed.boundBy(verdict.id, lease, place)]
    if (known === undefined || units === undefined) return
    known.agreed = new Map([...known.agreed, [place, units]])
    if (isOpen(known, place, units)) return
    known.owed = new Map([...known.owed!, [place, units]])
    this.#moved.add(lease)
  }

  /** Returns how much a record takes from its signer's allowance. One that gives and writes off gives of what it had before. */
  #costOf(entry: Entry): Micros {
    if (entry.kind === 'lease') return entry.promised.worth
    if (entry.kind === 'allowance') return givenBy(entry.record.payload)
    return entry.agreed.reduce((sum, { lease, place }) => {
      const [known, units] = [this.#leases.get(lease), this.#agreed.boundBy(entry.record.id, lease, place)]
      return known === undefined || units === undefined ? sum : sum + costOfReopening(known, place, units)
    }, 0)
  }

  /** Counts everything anew, where a record came that changes what was counted. */
  #settle(): void {
    if (!this.#isStale) return
    this.#isStale = false
    const before = new Set([...this.#leases].filter(([, { counts }]) => counts).map(([id]) => id))
    const owedBefore = new Map([...this.#leases].map(([id, { owed }]) => [id, owed]))
    const [changed, moved] = [this.#changed, this.#moved]
    for (const promised of this.#leases.values())
      Object.assign(promised, { counts: false, owed: null, agreed: nothingAgreed })
    for (const purse of this.#purses.values()) rewind(purse)
    this.#changed = new Set()
    this.#advance([...this.#purses.values()])
    this.#changed = changed
    this.#moved = moved
    for (const [id, { counts, owed }] of this.#leases) {
      if (counts !== before.has(id)) changed.add(id)
      if (!isSame(owed, owedBefore.get(id) ?? null)) moved.add(id)
    }
  }
}
