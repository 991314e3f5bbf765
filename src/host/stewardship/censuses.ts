/** Looks at the lists from abroad that other stewards of a job drew from: fetches their adverts, and holds the lists against them. */
import { setImmediate } from 'node:timers/promises'
import type { CouncilEffect, CouncilInput } from '../../protocol/council/contract.ts'
import type { PeerId } from '../../protocol/ids.ts'
import {
  decodeAdverts,
  type ForeignAdvert,
  faultOfCensus,
  faultOfList,
  openForeign,
} from '../../protocol/job/abroad.ts'
import { openCharter, openCredential } from '../../protocol/membership/fleet.ts'
import { chartersSetting, parseCharter } from '../membership/certificates.ts'
import { sha256 } from '../sha256.ts'
import { verifyByPeerId } from '../store/keys.ts'
import type { Inputs } from './inputs.ts'
import type { CouncilDriverOptions } from './options.ts'

/** They take some 5 ms. */
const advertsAtOnce = 16

/** Undefined: the adverts did not come, or the list is not of its arc. Nothing counts here that was drawn from it. */
export async function checkCensus(
  { job, manifest, drawSecret, store, log }: CouncilDriverOptions,
  inputs: Inputs,
  { list, draw }: Extract<CouncilEffect, { type: 'check-census' }>,
): Promise<CouncilInput | undefined> {
  const block = await inputs.block(draw.census.adverts)
  if (block === undefined) {
    log.info(
      { job, list },
      'the adverts of a list from abroad did not come: nothing drawn from it counts here',
    )
    return undefined
  }
  try {
    const signed = decodeAdverts(block)
    const before = faultOfList(sha256, drawSecret, draw, signed)
    if (before !== undefined) throw new Error(before)
    const adverts: ForeignAdvert[] = []
    for (const advert of signed) {
      // Each has three signatures, and a list has hundreds: the node hears others in between.
      if (adverts.length % advertsAtOnce === 0) await setImmediate()
      adverts.push(openForeign(advert, sha256, verifyByPeerId))
    }
    const isKey = admitting(manifest.fleet, store)
    const fault = faultOfCensus(sha256, drawSecret, draw, signed, adverts, isKey)
    if (fault !== undefined) throw new Error(fault)
    if (manifest.fleet !== null) meet(adverts, store)
    return { type: 'census-checked', list }
  } catch (error) {
    log.warn({ job, list, error }, 'a list from abroad is not what the job’s secret draws')
    return undefined
  }
}

/** Tells whether a credential that this key signed admits a vehicle to the job. */
function admitting(
  fleet: PeerId | null,
  { journal }: Pick<CouncilDriverOptions['store'], 'journal'>,
): (signer: PeerId | null) => boolean {
  if (fleet === null) return (signer) => signer === null
  const keys = new Set<PeerId | null>([fleet])
  for (const text of JSON.parse(journal.getSetting(chartersSetting(fleet)) ?? '[]') as string[])
    for (const key of openCharter(parseCharter(text), sha256, verifyByPeerId).payload.keys) keys.add(key)
  return (signer) => keys.has(signer)
}

/** Keeps their credentials, so that leases to them count for their owners. */
export function meet(
  adverts: readonly ForeignAdvert[],
  { journal }: Pick<CouncilDriverOptions['store'], 'journal'>,
): void {
  for (const { peer, credential } of adverts) {
    if (credential === null) continue
    const { expiresMs } = openCredential(credential, sha256, verifyByPeerId)
    journal.members.putCredential(peer, credential, expiresMs)
  }
}
