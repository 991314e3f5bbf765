/** A node that is asked to stand by for a job, says yes, and then signs whatever a test tells it to. */
import type { Clock } from '../../src/host/clock.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { verifyByPeerId } from '../../src/host/store/keys.ts'
import type { Cid, JobId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import { type Manifest, openManifest } from '../../src/protocol/job/manifest.ts'
import type { JobEnd, ShardVerdict } from '../../src/protocol/job/verdict.ts'
import type { Message } from '../../src/protocol/message.ts'
import { recordId, type Verified } from '../../src/protocol/record/record.ts'
import { trieFanout } from '../../src/protocol/record/record-trie.ts'
import { type Opened, openRecord, type RecordKind } from '../../src/protocol/records.ts'
import { type Ending, HostileVehicle } from './hostile-vehicle.ts'
import { Inbox } from './network.ts'

export class HostileSteward {
  readonly vehicle: HostileVehicle
  /** It answers each beat that it acts. */
  pretends = false
  /** The records of the job that it was told of. */
  readonly records = new Inbox<Opened<RecordKind>>()
  readonly #manifests = new Inbox<Verified<Manifest>>()
  #drawSecret = new Uint8Array(32)

  /** Joins the mesh of this node as one without slots, which are asked first. */
  static async start(t: Ending, clock: Clock, bootstrap: readonly string[]): Promise<HostileSteward> {
    const advert = { slots: { total: 0, free: 0 } }
    return new HostileSteward(await HostileVehicle.start(t, clock, bootstrap, advert))
  }

  protected constructor(vehicle: HostileVehicle) {
    this.vehicle = vehicle
    vehicle.onMessage((from, message) => this.#hear(from, message))
  }

  get peer(): PeerId {
    return this.vehicle.key.peerId
  }

  /** Resolves when it was entrusted with this job. */
  entrusted(job: string): Promise<Verified<Manifest>> {
    return this.#manifests.find(({ id }) => id === job)
  }

  /** The records of a job that it was told of. */
  of(job: string): Opened<RecordKind>[] {
    return this.records.items.filter(({ record }) => record.job === job)
  }

  /** Asks a steward for all records of the job, as if it had none. */
  async catchUp(from: PeerId, job: JobId): Promise<void> {
    for (let leaf = 0; leaf < trieFanout ** 2; leaf += 1)
      await this.vehicle.say(from, { type: 'ids', job, leaf, ids: [] })
  }

  /** The shards of the job, by position, as far as leases name them, once these are so many. */
  async shards(from: PeerId, job: JobId, count: number): Promise<ReadonlyMap<number, Cid>> {
    await this.catchUp(from, job)
    const known = new Map<number, Cid>()
    await this.records.until(() => {
      for (const { kind, record } of this.of(job))
        if (kind === 'lease')
          record.payload.positions.forEach((position, place) => {
            known.set(position, record.payload.shards[place]!)
          })
      return known.size >= count
    })
    return known
  }

  /** Signs a verdict that these results are right, and tells a steward of it. */
  async decide(to: PeerId, job: JobId, shards: readonly ShardVerdict[]): Promise<RecordId> {
    return this.tell(to, 'verdict', job, { shards })
  }

  async end(to: PeerId, job: JobId, outcome: JobEnd['outcome']): Promise<RecordId> {
    return this.tell(to, 'end', job, { outcome, reason: 'because I say so', secret: this.#drawSecret })
  }

  async tell(to: PeerId, kind: RecordKind, job: JobId, payload: unknown): Promise<RecordId> {
    const record = this.vehicle.sign(kind, job, payload, this.peer)
    await this.vehicle.say(to, { type: 'record', job, record, opening: null })
    return recordId(sha256, record.body)
  }

  #hear(from: PeerId, message: Message): void {
    switch (message.type) {
      case 'invite':
        void this.vehicle.say(from, { type: 'willing', nonce: message.nonce, consent: null })
        break
      case 'entrust':
        this.#drawSecret = new Uint8Array(message.drawSecret)
        this.#manifests.put(openManifest(message.manifest, sha256, verifyByPeerId))
        break
      case 'beat':
        if (this.pretends) void this.vehicle.say(from, { ...message, acting: true, asks: false })
        break
      case 'record':
        this.records.put(openRecord(message.record, message.opening, sha256, verifyByPeerId))
        break
      default: // it holds nothing, compares nothing, and answers nobody
    }
  }
}
