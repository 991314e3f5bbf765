/** Lies about who works: leases that no budget, shard list or draw allows, most of them to accomplices. */
import type { RecordId } from '../../protocol/ids.ts'
import { bitsOf, candidatesRoot, type DrawBasis, drawVehicle, isChange } from '../../protocol/job/draw.ts'
import type { Lease } from '../../protocol/job/lease.ts'
import { leaseShardsMax } from '../../protocol/limits.ts'
import { type LeasePrice, unitsOf } from '../../protocol/price.ts'
import type { Verified } from '../../protocol/record/record.ts'
import type { Candidate } from '../../protocol/steward/candidate.ts'
import { cheapHash } from '../chance.ts'
import { operatorPpm } from '../fixtures.ts'
import type { Forger } from './forger.ts'

type Forge = (forger: Forger) => boolean

const shardsMax = 6
/** A liar that looks for a shard for which an accomplice is drawn gives up after so many. */
const drawsMax = 200

export const leaseAboveTheCap: Forge = (forger) =>
  forger.manifest.payment !== null &&
  forge(forger, { price: { ...priceOf(forger)!, unitMicros: 1_000_000_000 } })

export const leaseBeyondUnits: Forge = (forger) => forge(forger, { units: 1_000 })

/** Each within its rules, all together more than the budget has for this steward. */
export const leaseBeyondAllowance: Forge = (forger) => {
  let isTold = false
  for (let i = 0; i < 8; i += 1) isTold = forge(forger, { count: leaseShardsMax }) || isTold
  return isTold
}

/** Positions that the job does not have, or shards that are elsewhere. */
export const leaseBeyondTheShardList: Forge = (forger) => {
  const accomplice = forger.one(forger.accomplices())
  if (accomplice === undefined) return false
  const past = forger.job.shards.length + forger.chance.between(0, 5)
  const lease = leaseTo(forger, accomplice, forger.chance.happens(0.5) ? [past] : [0], {
    shard: forger.randomCid(),
  })
  forger.signReceipt(lease, [forger.randomCid()])
  return true
}

export const leaseUndrawn: Forge = (forger) => forge(forger, {})

/** The vehicle is an accomplice's, the owner an honest one. */
export const leaseOfAnotherOwner: Forge = (forger) => {
  const honest = forger.one(forger.candidates().filter(({ peer }) => !forger.liar.isAccomplice(peer)))
  return honest !== undefined && forge(forger, { owner: honest.owner })
}

/** An honest vehicle is asked for work that nobody will count. */
export const leaseForHonestWork: Forge = (forger) => {
  const honest = forger.one(forger.candidates().filter(({ peer }) => !forger.liar.isAccomplice(peer)))
  if (honest === undefined) return false
  const lease = leaseTo(forger, honest, forger.positions(forger.chance.between(1, shardsMax)))
  forger.liar.say(honest.peer, {
    type: 'offer',
    job: forger.job,
    lease,
    handovers: forger.liar.handoversOf(forger.job),
  })
  return true
}

/** The draw is fair among candidates of which all others were left out. */
export const drawAmongAccomplices: Forge = (forger) => {
  const basis = basisOf(forger.accomplices())
  return basis.candidates.length > 0 && forgeDrawn(forger, basis, () => true)
}

/** Leases shards for which the secret draws an accomplice among all, and no others. */
export const drawPicked: Forge = (forger) =>
  forgeDrawn(forger, basisOf(forger.candidates()), () => true, drawsMax)

/** A draw that an accomplice won once, again and again. */
export const drawUsedTwice: Forge = (forger) => {
  const mine = forger.of('lease').filter(({ record }) => record.signer === forger.self)
  const lease = forger.one(mine)?.record.payload
  const accomplice = forger.one(forger.accomplices())
  if (lease === undefined || accomplice === undefined) return false
  return forge(forger, { draw: lease.draw })
}

/** All are candidates, and accomplices alone are said to be free. */
export const drawNarrowed: Forge = (forger) =>
  forgeDrawn(forger, basisOf(forger.candidates()), ({ peer }) => forger.liar.isAccomplice(peer as never))

/** A list of accomplices under the root of another list, so that each reader that looks at one of the two alone sees nothing. */
export const drawOfAWrongRoot: Forge = (forger) =>
  forgeChanged(
    forger,
    put(forger, { candidates: [] }),
    candidatesRoot(cheapHash, basisOf(forger.candidates())),
  )

/** Its list changes one that nobody has, and may never come. */
export const drawFromAMissingList: Forge = (forger) =>
  forgeChanged(forger, forger.randomCid(), candidatesRoot(cheapHash, basisOf(forger.accomplices())))

/** It removes from its list whom it does not have. */
export const drawFromAnImpossibleChange: Forge = (forger) =>
  forgeChanged(
    forger,
    put(forger, { candidates: [] }),
    candidatesRoot(cheapHash, basisOf(forger.accomplices())),
    forger.candidates().slice(0, 1),
  )

function forgeChanged(
  forger: Forger,
  before: RecordId,
  root: Uint8Array,
  removed: readonly Candidate[] = [],
): boolean {
  const { candidates: added } = basisOf(forger.accomplices())
  const accomplice = forger.one(forger.accomplices())
  if (accomplice === undefined) return false
  const change = { before, removed: removed.map(({ peer }) => peer), added, count: added.length, root }
  const basis = forger.sign('draw', change).id
  const eligible = bitsOf(
    added.length,
    added.flatMap(({ peer }, i) => (peer === accomplice.peer ? [i] : [])),
  )
  const draw = { basis, eligible, index: nextIndex(forger) }
  answered(
    forger,
    leaseTo(forger, accomplice, forger.positions(forger.chance.between(1, shardsMax)), { draw }),
  )
  return true
}

interface Terms {
  readonly owner?: Candidate['owner']
  readonly units?: number
  readonly price?: LeasePrice | null
  readonly shard?: Lease['shards'][number]
  readonly draw?: Lease['draw']
}

/** Signs a lease to this vehicle, drawn or not. */
export function leaseTo(
  forger: Forger,
  { peer, owner: itsOwner }: Pick<Candidate, 'peer' | 'owner'>,
  positions: readonly number[],
  { owner = itsOwner, units, price = priceOf(forger), shard, draw }: Terms = {},
): Verified<Lease> {
  const entries = positions.map((position) => forger.job.shards[position])
  const { payment } = forger.manifest
  return forger.sign('lease', {
    vehicle: peer,
    owner,
    shards: entries.map((entry) => shard ?? entry?.shard ?? forger.randomCid()),
    positions,
    isa: null,
    costMs: 1_000,
    units: entries.map(
      (entry) => units ?? (entry === undefined ? 1 : unitsOf(entry, payment?.unit ?? 'page')),
    ),
    price,
    draw: draw ?? { ...anyDraw(forger), index: nextIndex(forger) },
  })
}

function forge(forger: Forger, { count, ...terms }: Terms & { readonly count?: number }): boolean {
  const accomplice = forger.one(forger.accomplices())
  if (accomplice === undefined) return false
  answered(
    forger,
    leaseTo(forger, accomplice, forger.positions(count ?? forger.chance.between(1, shardsMax)), terms),
  )
  return true
}

/** Signs a lease to the accomplice that the job's secret draws, for a shard where it draws one; tries so many shards. */
function forgeDrawn(
  forger: Forger,
  basis: DrawBasis,
  isEligible: (candidate: DrawBasis['candidates'][number]) => boolean,
  tries = 1,
): boolean {
  const eligible = basis.candidates.map((_, i) => i).filter((i) => isEligible(basis.candidates[i]!))
  if (eligible.length === 0) return false
  const bits = bitsOf(basis.candidates.length, eligible)
  const { drawSecret } = forger.job
  for (const first of forger.positions(tries)) {
    const drawn = basis.candidates[drawVehicle(cheapHash, drawSecret, first, basis, bits)]!
    if (!forger.liar.isAccomplice(drawn.peer)) continue
    const draw = { basis: put(forger, basis), eligible: bits, index: nextIndex(forger) }
    const others = forger.positions(shardsMax).filter((position) => position !== first)
    const positions = [first, ...others.slice(0, forger.chance.between(0, shardsMax - 1))]
    answered(forger, leaseTo(forger, drawn, positions, { draw }))
    return true
  }
  return false
}

/** The accomplice that has this lease signs for forged results, in most cases. */
function answered(forger: Forger, lease: Verified<Lease>): void {
  if (forger.chance.happens(0.8))
    forger.signReceipt(
      lease,
      lease.payload.positions.map((position) => forger.lie(position)),
    )
}

function basisOf(candidates: readonly Candidate[]): DrawBasis {
  return { candidates: candidates.map(({ peer, owner }) => ({ peer, owner })) }
}

/** Puts these candidates on record, unless they are already. */
function put(forger: Forger, basis: DrawBasis): RecordId {
  const text = JSON.stringify(basis)
  const known = listsOf(forger).find((list) => JSON.stringify(list.basis) === text)
  return known?.id ?? forger.sign('draw', basis).id
}

/** The whole lists that are on record. */
function listsOf(forger: Forger): { readonly id: RecordId; readonly basis: DrawBasis }[] {
  return forger
    .of('draw')
    .flatMap(({ record: { id, payload } }) => (isChange(payload) ? [] : [{ id, basis: payload }]))
}

/** Some basis that is on record, with all its candidates free. */
function anyDraw(forger: Forger): Omit<Lease['draw'], 'index'> {
  const known = forger.one(listsOf(forger))
  const basis = known?.basis ?? basisOf(forger.candidates())
  const eligible = bitsOf(basis.candidates.length, basis.candidates.keys())
  return { basis: known?.id ?? put(forger, basis), eligible }
}

function nextIndex(forger: Forger): number {
  const mine = forger.of('lease').filter(({ record }) => record.signer === forger.self)
  return mine.reduce((next, { record }) => Math.max(next, record.payload.draw.index + 1), 0)
}

function priceOf(forger: Forger): LeasePrice | null {
  const { payment } = forger.manifest
  return payment && { currency: payment.currency, unitMicros: payment.unitMicrosMax, operatorPpm }
}
