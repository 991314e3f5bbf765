/**
 * In a fleet the owner under which a vehicle counted must be the one that the fleet admitted it for: with some key
 * that the chain of its charters has led to. Only the stewards can say whether that key was in force at the time.
 */
import type { OwnerId, PeerId } from '../ids.ts'
import type { Problems } from './problems.ts'
import type { AuditedRecords } from './records.ts'

/** Returns the vehicles that counted without a credential in the report. */
export function checkAdmissions(
  fleet: PeerId | null,
  records: AuditedRecords,
  problems: Problems,
): Set<PeerId> {
  const unvouched = new Set<PeerId>()
  if (fleet === null) return unvouched
  const keys = fleetKeysOf(fleet, records)
  const admitted = new Map<PeerId, OwnerId>()
  for (const { signer, payload } of records.credentials)
    if (keys.has(signer)) admitted.set(payload.peer, payload.owner)
    else problems.blame(`the credential of ${payload.peer} is not signed by a key of the fleet`)
  for (const { vehicle, owner } of records.claims.values()) {
    const truly = admitted.get(vehicle)
    if (truly === undefined) unvouched.add(vehicle)
    else if (truly !== owner)
      problems.blame(`${vehicle} counted for owner ${owner}, and the fleet admitted it for ${truly}`)
  }
  return unvouched
}

/** All keys that the chain of the fleet's charters has led to. */
export function fleetKeysOf(fleet: PeerId, { charters }: Pick<AuditedRecords, 'charters'>): Set<PeerId> {
  const keys = new Set<PeerId>([fleet])
  for (const { signer, payload } of charters.toSorted((a, b) => a.serial - b.serial))
    if (keys.has(signer)) for (const key of payload.keys) keys.add(key)
  return keys
}
