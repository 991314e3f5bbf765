/** Lies about what vehicles have computed: verdicts, windows and ends that no honest steward would sign. */
import type { Cid, RecordId } from '../../protocol/ids.ts'
import type { JobEnd, ShardVerdict } from '../../protocol/job/verdict.ts'
import type { Checked } from '../../protocol/records.ts'
import { drawSecretNamed } from '../fixtures.ts'
import { leaseTo } from './forged-leases.ts'
import type { Forger } from './forger.ts'

/** Signs verdicts on some shards. Returns false when nothing of the kind can be said now. */
type Forge = (forger: Forger) => boolean

const voices = ['unanimous', 'lead', 'audited'] as const
const shardsMax = 6

export const verdictWithoutReceipts: Forge = (forger) =>
  sign(forger, forger.positions(forger.chance.between(1, shardsMax)), () => ({
    because: forger.one(voices)!,
  }))

/** On two leases, each to another vehicle of its accomplices, and the receipts that these sign for nothing. */
export const verdictOfAccomplices: Forge = (forger) => {
  const positions = forger.positions(forger.chance.between(1, shardsMax))
  const receipts = receiptsOfAccomplices(forger, positions)
  if (receipts.length === 0) return false
  return sign(forger, positions, () => ({ because: forger.one(voices)!, agreeing: receipts }))
}

/** Honest vehicles have said something else, which the verdict does not name. */
export const verdictLeavingOutContradictions: Forge = (forger) => {
  const positions = forger.some([...honestReceipts(forger).keys()], shardsMax)
  const receipts = positions.length === 0 ? [] : receiptsOfAccomplices(forger, positions)
  if (receipts.length === 0) return false
  return sign(forger, positions, () => ({ agreeing: receipts }))
}

/** Names receipts that say something else. */
export const verdictMisquotingReceipts: Forge = (forger) => {
  const known = honestReceipts(forger)
  return sign(forger, forger.some([...known.keys()], shardsMax), (position) => ({
    agreeing: known.get(position)!,
  }))
}

/** Says of honest owners that they lied. */
export const verdictAgainstHonestOwners: Forge = (forger) => {
  const known = honestReceipts(forger)
  const isRecomputed = forger.chance.happens(0.5)
  const positions = forger.some([...known.keys()], shardsMax)
  const agreeing = isRecomputed ? [] : receiptsOfAccomplices(forger, positions)
  return sign(forger, positions, (position) => ({
    because: isRecomputed ? 'recomputed' : 'lead',
    agreeing,
    contradicting: known.get(position)!,
  }))
}

export const verdictRecomputedWrongly: Forge = (forger) =>
  sign(forger, forger.positions(forger.chance.between(1, shardsMax)), () => ({ because: 'recomputed' }))

export const verdictFailedForNothing: Forge = (forger) => {
  const known = honestReceipts(forger)
  return sign(forger, forger.positions(forger.chance.between(1, shardsMax)), (position) => ({
    outcome: 'failed',
    result: null,
    because: forger.chance.happens(0.5) ? 'no-owner-left' : 'too-many-losses',
    contradicting: forger.chance.happens(0.5) ? (known.get(position) ?? []) : [],
  }))
}

/** In the place of verdicts that stand: by others' word, or its own that it recomputed, or that all failed. */
export const verdictSettlingHonestOnes: Forge = (forger) => {
  const verdicts = new Map<number, RecordId[]>()
  for (const { record } of forger.of('verdict'))
    for (const { position } of record.payload.shards)
      verdicts.set(position, [...(verdicts.get(position) ?? []), record.id])
  return sign(forger, forger.some([...verdicts.keys()], shardsMax), (position) => ({
    ...forger.one([
      { because: 'unanimous' },
      { because: 'recomputed' },
      { outcome: 'failed', result: null, because: 'too-many-losses' },
    ] as const)!,
    settles: verdicts.get(position)!.slice(-8),
  }))
}

export const verdictAfterTheEnd: Forge = (forger) => {
  if (!forger.liar.hasEnded(forger.job)) return false
  const forge = forger.one([
    verdictSettlingHonestOnes,
    verdictOfAccomplices,
    verdictRecomputedWrongly,
    verdictAgainstHonestOwners,
  ])
  return forge!(forger)
}

/** Claims of an owner whose work nobody has checked, closed as if it were about to be. */
export const windowOfLies: Forge = (forger) => {
  const [accomplice] = forger.accomplices()
  const known = honestReceipts(forger)
  const positions = forger.some([...known.keys()], shardsMax).sort((a, b) => a - b)
  if (accomplice === undefined || positions.length === 0) return false
  const receipts = positions.map((position) => known.get(position)![0]!)
  forger.sign('window', { owner: accomplice.owner, positions, receipts: [...new Set(receipts)] })
  return sign(forger, positions, () => ({ because: 'audited', agreeing: [receipts[0]!] }))
}

export const endComplete: Forge = (forger) => end(forger, 'complete')
export const endFailed: Forge = (forger) => end(forger, 'failed')
export const endCancelled: Forge = (forger) => end(forger, 'cancelled')

function end(forger: Forger, outcome: JobEnd['outcome']): boolean {
  const secret = forger.chance.happens(0.5) ? forger.job.drawSecret : drawSecretNamed('a lie')
  const reasons = {
    complete: 'every shard is verified',
    failed: '3 of 40 shards failed',
    cancelled: 'cancelled by its submitter',
  }
  forger.sign('end', { outcome, reason: reasons[outcome], secret })
  return true
}

/** Receipts of honest vehicles by the positions that they claim. */
function honestReceipts(forger: Forger): Map<number, RecordId[]> {
  const leases = new Map(forger.of('lease').map(({ record }) => [record.id, record.payload]))
  const found = new Map<number, RecordId[]>()
  for (const { record } of forger.of('receipt') as Checked<'receipt'>[]) {
    const lease = leases.get(record.payload.lease)
    if (lease === undefined || forger.liar.isAccomplice(lease.vehicle)) continue
    for (const place of record.payload.covers) {
      const position = lease.positions[place]!
      found.set(position, [...(found.get(position) ?? []), record.id])
    }
  }
  return found
}

function receiptsOfAccomplices(forger: Forger, positions: readonly number[]): RecordId[] {
  if (positions.length === 0) return []
  return forger.some(forger.accomplices(), 2).map((candidate) => {
    const lease = leaseTo(forger, candidate, positions)
    return forger.signReceipt(
      lease,
      positions.map((position) => forger.lie(position)),
    )
  })
}

function sign(
  forger: Forger,
  positions: readonly number[],
  said: (position: number) => Partial<ShardVerdict>,
): boolean {
  if (positions.length === 0) return false
  const shards = positions.map((position): ShardVerdict => {
    const result: Cid = forger.lie(position)
    return {
      position,
      shard: forger.job.shards[position]!.shard,
      outcome: 'accepted',
      status: 'final',
      result,
      because: 'unanimous',
      agreeing: [],
      contradicting: [],
      settles: [],
      ...said(position),
    }
  })
  forger.sign('verdict', { shards }, { epoch: forger.chance.happens(0.2) ? forger.chance.between(1, 3) : 0 })
  return true
}
