/**
 * A liar's view of one job at one moment: what it knows of it, the records that it can sign, in its own name and in
 * its accomplices', and the stewards that it tells of them.
 */
import type { Cid, LeaseId, PeerId, RecordId } from '../../protocol/ids.ts'
import type { Handover } from '../../protocol/job/handover.ts'
import { type Lease, type Opening, receiptRoot } from '../../protocol/job/lease.ts'
import type { StewardPlace } from '../../protocol/job/manifest.ts'
import { jobRetentionMs } from '../../protocol/limits.ts'
import { encodeBody, recordId, type Verified } from '../../protocol/record/record.ts'
import {
  bodyOf,
  type Checked,
  checked,
  type JobRecord,
  type JobRecordKind,
  type PayloadOf,
} from '../../protocol/records.ts'
import { type Candidate, candidatesFor } from '../../protocol/steward/candidate.ts'
import { type Chance, cheapHash } from '../chance.ts'
import type { SimJob } from '../sim-job.ts'
import type { Parcel, SimNode, SimWorld } from '../sim-world.ts'
import { count, type Lies, type Way } from './ways.ts'

/** The services that a liar asks of its node. */
export interface Liar extends SimNode {
  readonly world: SimWorld
  readonly lies: Lies
  stewardsOf(job: SimJob): readonly StewardPlace[]
  /** The records of the job that are here. */
  storyOf(job: SimJob): readonly JobRecord[]
  handoversOf(job: SimJob): readonly Verified<Handover>[]
  hasEnded(job: SimJob): boolean
  /** True when this vehicle's owner lies with it. */
  isAccomplice(peer: PeerId): boolean
  /** The serial of its next forged record in this signer's name. */
  serialFor(job: SimJob, signer: PeerId): number
  hold(result: Cid): void
  /** Sends it whatever mood the liar is in. */
  say(to: PeerId, parcel: Parcel): void
  /** The liar takes its own forgery for true. */
  believe(entry: JobRecord): void
}

interface Signing {
  readonly signer?: PeerId
  readonly serial?: number
  readonly epoch?: number
  readonly opening?: Opening
}

/** How long a record is kept back that is told later. */
const laterMsMax = 60_000

export class Forger {
  readonly job: SimJob
  readonly liar: Liar
  readonly chance: Chance
  readonly records: readonly JobRecord[]
  /** All that this lie signs, in the order in which it is told. */
  readonly #forged: JobRecord[] = []

  constructor(job: SimJob, liar: Liar, chance: Chance) {
    this.job = job
    this.liar = liar
    this.chance = chance
    this.records = liar.storyOf(job)
  }

  get manifest() {
    return this.job.manifest.payload
  }

  get self(): PeerId {
    return this.liar.peer
  }

  get fellows(): PeerId[] {
    return this.liar
      .stewardsOf(this.job)
      .map(({ peer }) => peer)
      .filter((peer) => peer !== this.self)
  }

  of<Kind extends JobRecordKind>(kind: Kind): Checked<Kind>[] {
    return [...this.records, ...this.#forged].filter((entry) => entry.kind === kind) as Checked<Kind>[]
  }

  /** Vehicles that the job's leases may go to, as the roster has them, in the order of peers. */
  candidates(): Candidate[] {
    const found = candidatesFor(this.manifest, this.liar.stewardsOf(this.job), this.liar.world.capacities())
    return found.sort((a, b) => (a.peer < b.peer ? -1 : 1))
  }

  accomplices(): Candidate[] {
    return this.candidates().filter(({ peer }) => this.liar.isAccomplice(peer))
  }

  /** A forged result of a shard: all who lie together have the same. */
  lie(position: number): Cid {
    const result = this.job.lie(position)
    this.liar.hold(result)
    return result
  }

  /** So many positions: mostly such as are not decided yet. */
  positions(count: number): number[] {
    const decided = new Set(
      this.of('verdict').flatMap(({ record }) => record.payload.shards.map(({ position }) => position)),
    )
    const all = this.job.shards.map((_, position) => position)
    const open = all.filter((position) => !decided.has(position))
    const from = open.length > 0 && this.chance.happens(0.7) ? open : all
    return this.some(from, count).sort((a, b) => a - b)
  }

  /** So many of them by chance, or all. */
  some<T>(from: readonly T[], count: number): T[] {
    const left = [...from]
    const chosen: T[] = []
    while (left.length > 0 && chosen.length < count)
      chosen.push(...left.splice(this.chance.between(0, left.length - 1), 1))
    return chosen
  }

  one<T>(from: readonly T[]): T | undefined {
    return from[this.chance.between(0, Math.max(0, from.length - 1))]
  }

  randomCid(): Cid {
    return recordId(cheapHash, new TextEncoder().encode(`${this.chance.next()}`))
  }

  /** Signs a record, which is told with the others of this lie. */
  sign<Kind extends JobRecordKind>(
    kind: Kind,
    payload: PayloadOf<Kind>,
    { signer = this.self, serial, epoch = 0, opening }: Signing = {},
  ): Verified<PayloadOf<Kind>> {
    const entry = this.make(kind, payload, { signer, serial, epoch, opening })
    this.#forged.push(entry)
    return entry.record as Verified<PayloadOf<Kind>>
  }

  /** Signs a record that is not told with the others. */
  make<Kind extends JobRecordKind>(
    kind: Kind,
    payload: PayloadOf<Kind>,
    {
      signer = this.self,
      serial,
      epoch = 0,
      opening,
    }: { [K in keyof Signing]?: Signing[K] | undefined } = {},
  ): JobRecord {
    const { id: job, payload: manifest } = this.job.manifest
    const body = bodyOf(kind, {
      signer,
      serial: serial ?? this.liar.serialFor(this.job, signer),
      expiresMs: manifest.deadlineMs + jobRetentionMs,
      payload,
      job,
      epoch,
      steward: this.self,
    })
    const record = { ...body, id: recordId(cheapHash, encodeBody(body)) }
    this.liar.world.forged(record, opening ?? null)
    return checked(kind, record as Verified, opening ?? null) as JobRecord
  }

  /** An accomplice signs for all places of a lease. */
  signReceipt(lease: Verified<Lease>, results: readonly Cid[]): RecordId {
    const { vehicle: worker, shards } = lease.payload
    const { id } = lease
    const opening: Opening = { results, nonce: cheapHash(new TextEncoder().encode(`nonce of ${id}`)) }
    const covers = results.map((_, place) => place)
    const root = receiptRoot(cheapHash, { id, job: this.job.manifest.id, worker, shards }, covers, opening)
    count(this.liar.lies, 'forged-result')
    const payload = { lease: id as LeaseId, covers, root, cpuMs: 1, wallMs: 1, energy: null }
    return this.sign('receipt', payload, { signer: worker, opening }).id
  }

  /** Tells the stewards of all that was signed: all of them or some, now or later, in any order, once or twice. */
  tell(): void {
    const { chance, fellows } = this
    let to = fellows
    if (fellows.length > 1 && this.#happens('told-to-some', 0.4))
      to = this.some(fellows, chance.between(1, fellows.length - 1))
    const isBackwards = this.#forged.length > 1 && this.#happens('told-backwards', 0.2)
    const told = isBackwards ? this.#forged.toReversed() : this.#forged
    const say = () => {
      for (const entry of told) {
        this.liar.believe(entry)
        for (const peer of to) this.liar.say(peer, { type: 'record', entry })
      }
    }
    const sayLater = () => this.liar.world.later(this.liar, chance.between(5_000, laterMsMax), say)
    if (this.#happens('told-later', 0.15)) sayLater()
    else say()
    if (this.#happens('told-again', 0.1)) sayLater()
  }

  #happens(way: Way, probability: number): boolean {
    const happens = this.chance.happens(probability)
    if (happens) count(this.liar.lies, way)
    return happens
  }
}
