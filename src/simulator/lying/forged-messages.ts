/** Lies that no record stands behind: what a steward may say to vehicles and to its fellows. */
import type { RecordId } from '../../protocol/ids.ts'
import { totalsOf } from '../../protocol/ledger/statement.ts'
import { trieFanout } from '../../protocol/record/record-trie.ts'
import { bodyOf } from '../../protocol/records.ts'
import { cheapHash } from '../chance.ts'
import type { Forger } from './forger.ts'

type Forge = (forger: Forger) => boolean

/** Vehicles that believe it stop working for the job. */
export const saysEnded: Forge = (forger) => {
  const outcome = (['complete', 'failed', 'cancelled'] as const)[forger.chance.between(0, 2)]!
  const payload = { outcome, reason: 'because I say so', secret: forger.job.drawSecret }
  const serial = forger.liar.serialFor(forger.job, forger.self)
  const fields = { job: forger.job.manifest.id, steward: forger.self, signer: forger.self, serial }
  const body = bodyOf('end', { ...fields, expiresMs: Number.MAX_SAFE_INTEGER, payload })
  const end = { ...body, id: `${forger.self}/lie/${serial}` as RecordId }
  for (const { peer } of forger.some(forger.candidates(), 6))
    forger.liar.say(peer, { type: 'ended', end, cancellation: null })
  return true
}

/** Takes back leases that other stewards signed. */
export const withdrawsLeases: Forge = (forger) => {
  const leases = forger.some(forger.of('lease'), 12)
  for (const { record } of leases)
    forger.liar.say(record.payload.vehicle, {
      type: 'message',
      message: { type: 'withdraw', lease: record.id },
    })
  return leases.length > 0
}

/** Vehicles that believe it bring what they finish to the liar, and not to the steward that acts. */
export const adoptsVehicles: Forge = (forger) => {
  const handovers = forger.liar.handoversOf(forger.job)
  for (const { peer } of forger.candidates())
    forger.liar.say(peer, { type: 'adopt', job: forger.job, handovers })
  return true
}

/** Asks for the same records again and again. */
export const comparesWithoutEnd: Forge = (forger) => {
  const job = forger.job.manifest.id
  const hashes = Array.from({ length: trieFanout }, (_, i) =>
    cheapHash(new TextEncoder().encode(`${i} ${forger.chance.next()}`)).slice(0, 16),
  )
  for (const peer of forger.fellows) {
    forger.liar.say(peer, { type: 'message', message: { type: 'branches', job, hashes } })
    const leaf = forger.chance.between(0, trieFanout ** 2 - 1)
    forger.liar.say(peer, { type: 'message', message: { type: 'ids', job, leaf, ids: ['no such id'] } })
  }
  return true
}

/** Tells vehicles that nothing is owed for their work, and that nothing will follow. */
export const statementOfLies: Forge = (forger) => {
  const { payment } = forger.manifest
  if (payment === null) return false
  for (const { peer: vehicle, owner } of forger.some(forger.candidates(), 6)) {
    const totals = { ...totalsOf(cheapHash, []), paidMicros: 0 }
    const payload = { vehicle, owner, currency: payment.currency, closed: true, ...totals }
    const serial = forger.liar.serialFor(forger.job, forger.self)
    const fields = { job: forger.job.manifest.id, steward: forger.self, signer: forger.self, serial }
    const body = bodyOf('statement', { ...fields, expiresMs: Number.MAX_SAFE_INTEGER, payload })
    const statement = { ...body, id: `${forger.self}/lie/${serial}` as RecordId }
    forger.liar.say(vehicle, { type: 'statement', said: { statement, claims: [], next: null } })
  }
  return true
}
