/**
 * Checks the lists from abroad that leases were drawn from: each is made once more from the job's secret and the adverts in its block.
 *
 * A list that leaves somebody out is as good as any to look at. So adverts from elsewhere are held against it: those of the report's
 * other lists, and those that the auditor brings. One that was in force at the time, and in the arc, should be in the list.
 */
import type { PeerId, RecordId } from '../ids.ts'
import {
  arcOfDraw,
  type DrawAbroad,
  decodeAdverts,
  type ForeignAdvert,
  faultOfCensus,
  omittedFrom,
  openForeign,
} from '../job/abroad.ts'
import { isAbroad } from '../job/draw.ts'
import type { Manifest } from '../job/manifest.ts'
import { fleetKeysOf } from './admissions.ts'
import type { Problems } from './problems.ts'
import type { AuditedRecords, AuditInput } from './records.ts'

interface Listed {
  readonly signer: PeerId
  readonly draw: DrawAbroad
  readonly adverts: readonly ForeignAdvert[]
}

export function checkAbroad(
  input: AuditInput,
  manifest: Manifest,
  submitter: PeerId,
  records: AuditedRecords,
  problems: Problems,
): void {
  const { sha256, verify, witnesses = [] } = input
  const secret = records.drawSecret
  if (secret === undefined) return // without an end no draw can be repeated, which is blamed already
  const keys = manifest.fleet === null ? null : fleetKeysOf(manifest.fleet, records)
  const isFleetKey = (signer: PeerId | null) =>
    keys === null ? signer === null : signer !== null && keys.has(signer)
  const lists = new Map<RecordId, Listed>()
  for (const basis of new Set([...records.leases.values()].map(({ payload }) => payload.draw.basis)))
    problems.attempt(`the candidates from abroad in ${basis}`, () => {
      const record = records.bases.record(basis)
      if (record === undefined || !isAbroad(record.payload)) return
      const draw = record.payload
      const block = input.block(draw.census.adverts)
      if (block === undefined) throw new Error('their adverts are not in the report')
      const signed = decodeAdverts(block)
      const adverts = signed.map((advert) => openForeign(advert, sha256, verify))
      const fault = faultOfCensus(sha256, secret, draw, signed, adverts, isFleetKey)
      if (fault !== undefined) throw new Error(fault)
      lists.set(basis, { signer: record.signer, draw, adverts })
    })
  const seen = [...lists.values()].flatMap(({ adverts }) => adverts)
  for (const witness of witnesses)
    problems.attempt('an advert that was brought', () => {
      const advert = openForeign(witness, sha256, verify)
      if (isFleetKey(advert.admittedBy)) seen.push(advert)
    })
  const offers = ({ engines }: ForeignAdvert) =>
    engines.some(({ runtime, id }) => runtime === manifest.runtime && id === manifest.engine.id)
  for (const [basis, { draw, adverts }] of lists) {
    const omitted = omittedFrom(arcOfDraw(sha256, secret, draw), draw, adverts, seen, offers)
    for (const peer of omitted)
      problems.blame(
        `the candidates from abroad in ${basis} leave out ${peer}, which was there and in their arc`,
      )
  }
  checkNumbers([...lists.values()], submitter, problems)
}

/** A skipped number may hide an arc that its drawer did not like. The submitter's node shows all that it used. */
function checkNumbers(lists: readonly Listed[], submitter: PeerId, problems: Problems): void {
  const used = new Set<number>()
  for (const { signer, draw } of lists)
    if (signer === submitter) {
      if (used.has(draw.census.index)) problems.blame(`${signer} drew from arc ${draw.census.index} twice`)
      used.add(draw.census.index)
    }
}
