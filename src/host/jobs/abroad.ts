/**
 * Vehicles of other cells for the jobs for which this node acts: where its own cell has too few, a census draws some from elsewhere, and its
 * list goes on record (src/protocol/steward/abroad.ts).
 */
import type { Logger } from 'pino'
import { compareText } from '../../base/bytes.ts'
import { censusMax } from '../../protocol/cell-limits.ts'
import { wantsAbroad } from '../../protocol/cells/abroad-need.ts'
import { engineTag } from '../../protocol/cells/digest.ts'
import { distance, holds } from '../../protocol/cells/key.ts'
import type { PeerId } from '../../protocol/ids.ts'
import {
  advertsRoot,
  type CensusMark,
  encodeAdverts,
  type ForeignAdvert,
  openForeign,
} from '../../protocol/job/abroad.ts'
import { isAbroad, openDrawBasis } from '../../protocol/job/draw.ts'
import { blockBytesMax } from '../../protocol/limits.ts'
import type { ForeignCapacity } from '../../protocol/membership/advert.ts'
import { rawCid } from '../../protocol/record/block.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { CensusDesk, Counted } from '../cells/census-desk.ts'
import type { Clock } from '../clock.ts'
import type { Membership } from '../membership/membership.ts'
import { sha256 } from '../sha256.ts'
import { meet } from '../stewardship/censuses.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import type { SigningKey } from '../store/keys.ts'
import { verifyByPeerId } from '../store/keys.ts'
import type { Store } from '../store.ts'

export type Censuses = Pick<CensusDesk, 'take' | 'isParted' | 'point'>

export interface AbroadOptions {
  readonly key: SigningKey
  readonly censuses: Censuses
  readonly running: () => Iterable<CouncilDriver>
  readonly membership: Pick<Membership, 'capacities'>
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
}

/** How often jobs are looked at. */
const lookMs = 2_000
/** So long after a census the next one is taken, if the job still wants vehicles: those of the last one have left by and by. A guess. */
const againMs = 600_000
/** Censuses of one job: each is a record of up to 400 candidates. A guess. */
const censusesMax = 64
/** Bytes around a body and a signature in the block of adverts, and more than that. */
const fieldsBytes = 64

export class Abroad {
  readonly #options: AbroadOptions
  /** When the last census of a job was taken, by the monotonic clock; forgotten once the next may be. */
  readonly #takenMs = new Map<string, number>()
  #callOff = () => {}

  constructor(options: AbroadOptions) {
    this.#options = options
  }

  start(): void {
    this.#callOff = this.#options.clock.after(lookMs, () => {
      this.#look()
      this.start()
    })
  }

  stop(): void {
    this.#callOff()
  }

  #look(): void {
    const { running, censuses, clock, log } = this.#options
    if (!censuses.isParted()) return
    const nowMs = clock.monotonicMs()
    for (const [job, takenMs] of this.#takenMs) if (nowMs - takenMs >= againMs) this.#takenMs.delete(job)
    for (const stewardship of running()) {
      const { job } = stewardship
      if (this.#takenMs.has(job) || !this.#isWanted(stewardship)) continue
      this.#takenMs.set(job, nowMs)
      this.#draw(stewardship).catch((error) =>
        log.warn({ job, error }, 'no vehicles of other cells were found'),
      )
    }
  }

  /** A blind job's keys were wrapped for its candidates when it was submitted. */
  #isWanted(stewardship: CouncilDriver): boolean {
    if (!stewardship.acting || stewardship.hasEnded || stewardship.manifest.blind !== null) return false
    const { manifest } = stewardship
    const stewards = new Set(manifest.stewards.map(({ owner }) => owner))
    const able = this.#options.membership
      .capacities()
      .filter(
        ({ owner, engines, slots }) =>
          !stewards.has(owner) && slots.total > 0 && engines.some(({ id }) => id === manifest.engine.id),
      )
    const { shards } = stewardship.view()
    return wantsAbroad({
      open: shards.total - shards.verified - shards.failed,
      replicas: manifest.assurance.replicas,
      owners: new Set(able.map(({ owner }) => owner)).size,
      slots: able.reduce((sum, { slots }) => sum + slots.total, 0),
    })
  }

  async #draw(stewardship: CouncilDriver): Promise<void> {
    const { censuses, store, log } = this.#options
    const { job, manifest, drawSecret } = stewardship
    const index = this.#used(stewardship)
    if (index >= censusesMax) return
    const engine = engineTag(sha256, manifest.runtime, manifest.engine.id)
    const counted = await censuses.take({ drawSecret, index, engine })
    if (counted === undefined || stewardship.hasEnded || !stewardship.acting) return
    const list = listOf(counted)
    if (list.members.length === 0) {
      log.info({ job, cells: counted.result.cells }, 'no other cell has vehicles for a job')
      return
    }
    const bytes = encodeAdverts(list.signed)
    const adverts = rawCid(sha256, bytes)
    await store.blocks.of(job).put(adverts, bytes, 'result')
    meet(list.opened, store)
    for (const { peer, addresses } of list.members) censuses.point(peer, addresses)
    const { expected, doubted } = counted.result
    const census: CensusMark = {
      ...{ index, length: list.length, expected, doubted: doubted.slice(0, 64), adverts },
      root: advertsRoot(sha256, list.signed),
    }
    stewardship.handle({ type: 'census', census, members: list.members })
    const cells = counted.result.cells.length
    log.info(
      { job, cells, vehicles: list.members.length, doubted },
      `a job draws from ${list.members.length} vehicles of ${cells} cells`,
    )
  }

  /** The censuses that this node has on record for a job: each has the next number. */
  #used({ job }: CouncilDriver): number {
    const { store, key } = this.#options
    let used = 0
    for (const { body, signature } of store.journal.ofKind(job, 'draw')) {
      const { payload, signer } = openDrawBasis({ body, signature }, sha256, () => true)
      if (signer === key.peerId && isAbroad(payload)) used += 1
    }
    return used
  }
}

interface List {
  readonly members: readonly ForeignCapacity[]
  readonly opened: readonly ForeignAdvert[]
  /** The adverts, in the order of peer ids. */
  readonly signed: readonly SignedRecord[]
  readonly length: number
}

/** The list of a census: as many as it and its block have room for, from the beginning of the arc on, each with its advert. */
function listOf({ result, adverts }: Counted): List {
  const { arc, members, cells } = result
  let { length } = arc
  let bytes = 0
  const rows: {
    readonly record: SignedRecord
    readonly advert: ForeignAdvert
    readonly member: ForeignCapacity
  }[] = []
  for (const [i, { peer, key }] of members.entries()) {
    const record = adverts.get(peer as PeerId)
    if (record !== undefined) bytes += record.body.byteLength + record.signature.byteLength + fieldsBytes
    if (i === censusMax || bytes > blockBytesMax) {
      length = distance(arc.from, key)
      break
    }
    if (record === undefined) continue
    const advert = openForeign(record, sha256, verifyByPeerId)
    const cell = cells.find((name) => holds(name, advert.key))
    if (cell !== undefined) rows.push({ record, advert, member: { ...advert, cell } })
  }
  rows.sort((a, b) => compareText(a.member.peer, b.member.peer))
  return {
    members: rows.map(({ member }) => member),
    opened: rows.map(({ advert }) => advert),
    signed: rows.map(({ record }) => record),
    length,
  }
}
