/**
 * What a job owes, to whom and for what: it follows from the job's records alone, so that submitter, owner and auditor
 * come to the same sum, in whatever order the records reached them.
 *
 * For a place of a lease that names a price, the lease's owner is owed units × price if
 *
 * - a receipt of the lease covers the place, and no other of its receipts has another result there (equivocation);
 * - the shard's standing verdict accepts a result, and the claim agrees with it: the verdict names the receipt among
 *   those that agree; or it came too late to be named (a speculative copy, an audit that others overtook), and its
 *   result is the same bytes, or those of a claim of its instruction-set class that is named; such a late copy is not
 *   owed to an owner who contradicted a verdict of this job;
 * - the lease's steward did not write the place off (allowance.ts);
 * - it is the owner's first such claim on the shard: an owner has one voice, and is paid for one. The one that the
 *   verdict names goes first, then the lowest lease id.
 *
 * Wall time, CPU time and energy in the receipt are evidence for people, and change no amount.
 */
import { compareText } from '../base/bytes.ts'
import { type Allowance, Allowances, worthOf } from './allowance.ts'
import type { Cid, JobId, LeaseId, OwnerId, PeerId, RecordId } from './ids.ts'
import type { Manifest } from './job.ts'
import type { Lease, Opening, Receipt } from './lease.ts'
import type { LeasePrice, Micros } from './price.ts'
import type { Verified } from './record.ts'
import type { JobEnd, ShardVerdict, Verdict } from './verdict.ts'

/** Every claim of one job, by shard. */
export interface Owed {
  readonly job: JobId
  readonly lease: LeaseId
  readonly receipt: RecordId
  readonly vehicle: PeerId
  readonly owner: OwnerId
  /** Of the shard in the job's list, and in the lease. */
  readonly position: number
  readonly place: number
  readonly units: number
  readonly price: LeasePrice
  readonly amountMicros: Micros
  /**
   * - owed: as above.
   * - pending: its shard has no standing verdict yet.
   * - unpaid: it does not agree, was written off, is of a liar, or is its owner's second; or the job ended without a
   *   verdict on it.
   */
  readonly state: 'owed' | 'pending' | 'unpaid'
  /** The verdict names it. Else it is a copy that came later. */
  readonly named: boolean
}

export interface OwedRecords {
  readonly manifest: Manifest
  readonly leases: Iterable<Verified<Lease>>
  readonly receipts: Iterable<{ readonly record: Verified<Receipt>; readonly opening: Opening }>
  readonly verdicts: Iterable<Verified<Verdict>>
  readonly allowances: Iterable<Verified<Allowance>>
  readonly ends: Iterable<Verified<JobEnd>>
}

interface Claim {
  readonly lease: Verified<Lease>
  readonly receipt: RecordId
  readonly place: number
  readonly position: number
  readonly result: Cid
}

/** In the order of shards, then of lease ids. Receipts were checked against their leases. */
export function owedBy(records: OwedRecords): Owed[] {
  const leases = new Map([...records.leases].map((lease) => [lease.id, lease]))
  const allowances = new Allowances(records.manifest)
  for (const lease of leases.values()) allowances.lease(lease)
  for (const allowance of records.allowances) allowances.apply(allowance)
  const { claims, equivocal, owners } = claimsOf(leases, records.receipts)
  const ended = [...records.ends].length > 0
  const verdicts = standingVerdicts(records.verdicts, ended)
  const liars = new Set(equivocal.values())
  for (const { outcome, contradicting } of verdicts.values())
    if (outcome === 'accepted')
      for (const receipt of contradicting) {
        const owner = owners.get(receipt)
        if (owner !== undefined) liars.add(owner)
      }

  const byPosition = new Map<number, Claim[]>()
  for (const claim of claims) {
    const others = byPosition.get(claim.position)
    if (others === undefined) byPosition.set(claim.position, [claim])
    else others.push(claim)
  }
  const owed: Owed[] = []
  for (const [position, all] of [...byPosition].sort(([a], [b]) => a - b)) {
    const verdict = verdicts.get(position)
    const named = new Set(verdict?.outcome === 'accepted' ? verdict.agreeing : [])
    const agreeing = all.filter(({ receipt }) => named.has(receipt))
    const paid = new Set<OwnerId>()
    all.sort(
      (a, b) =>
        Number(named.has(b.receipt)) - Number(named.has(a.receipt)) || compareText(a.lease.id, b.lease.id),
    )
    for (const claim of all) {
      const { lease, receipt, place, result } = claim
      const { owner, vehicle, units, price } = lease.payload
      if (price === null) continue
      const isNamed = named.has(receipt)
      const alike =
        isNamed ||
        (!liars.has(owner) &&
          (result === verdict?.result ||
            agreeing.some(
              (other) => other.result === result && other.lease.payload.isa === lease.payload.isa,
            )))
      const counts =
        alike &&
        !equivocal.has(`${lease.id}/${place}`) &&
        allowances.isOpen(lease.id, place) &&
        !paid.has(owner)
      const state =
        verdict === undefined && !ended
          ? 'pending'
          : counts && verdict?.outcome === 'accepted'
            ? 'owed'
            : 'unpaid'
      if (state === 'owed') paid.add(owner)
      owed.push({
        job: lease.job!,
        lease: lease.id,
        receipt,
        vehicle,
        owner,
        position,
        place,
        units: units[place]!,
        price,
        amountMicros: worthOf(lease.payload, place),
        state,
        named: isNamed,
      })
    }
  }
  return owed
}

/** One claim for each place of a lease. */
function claimsOf(leases: ReadonlyMap<LeaseId, Verified<Lease>>, receipts: OwedRecords['receipts']) {
  const claims = new Map<string, Claim>()
  /** Places with two results, and whose they are. */
  const equivocal = new Map<string, OwnerId>()
  const owners = new Map<RecordId, OwnerId>()
  const ordered = [...receipts].sort(
    (a, b) => a.record.serial - b.record.serial || compareText(a.record.id, b.record.id),
  )
  for (const { record, opening } of ordered) {
    const lease = leases.get(record.payload.lease)
    if (lease === undefined) continue
    owners.set(record.id, lease.payload.owner)
    record.payload.covers.forEach((place, i) => {
      const key = `${lease.id}/${place}`
      const result = opening.results[i]!
      const known = claims.get(key)
      if (known === undefined)
        claims.set(key, {
          lease,
          receipt: record.id,
          place,
          position: lease.payload.positions[place]!,
          result,
        })
      else if (known.result !== result) equivocal.set(key, lease.payload.owner)
    })
  }
  return { claims: [...claims.values()], equivocal, owners }
}

/** As stewards that restore the job see it: verdicts made apart that differ are none, until another settles them. */
function standingVerdicts(records: Iterable<Verified<Verdict>>, ended: boolean): Map<number, ShardVerdict> {
  const ordered = [...records].sort(
    (a, b) =>
      a.epoch - b.epoch || compareText(a.signer, b.signer) || a.serial - b.serial || compareText(a.id, b.id),
  )
  const all = new Map<number, { readonly record: RecordId; readonly verdict: ShardVerdict }[]>()
  const settled = new Set<string>()
  for (const { id, payload } of ordered)
    for (const verdict of payload.shards) {
      const one = { record: id, verdict }
      const others = all.get(verdict.position)
      if (others === undefined) all.set(verdict.position, [one])
      else others.push(one)
      for (const other of verdict.settles) settled.add(`${other}/${verdict.position}`)
    }
  const standing = new Map<number, ShardVerdict>()
  for (const [position, made] of all) {
    const left = made.filter(({ record }) => !settled.has(`${record}/${position}`))
    const accepted = left.filter(({ verdict }) => verdict.outcome === 'accepted')
    const [first, ...rest] = (accepted.length > 0 ? accepted : left).map(({ verdict }) => verdict)
    if (first !== undefined && (ended || rest.every(({ result }) => result === first.result)))
      standing.set(position, first)
  }
  return standing
}
