/** A hostile steward that gives its job to others: it signs handovers, by the consents of nodes that it tricked and of accomplices. */
import assert from 'node:assert/strict'
import { sha256 } from '../../src/host/sha256.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { JobId, OwnerId, PeerId } from '../../src/protocol/ids.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import type { Message } from '../../src/protocol/message.ts'
import { encodeBody, type SignedRecord, type Verified } from '../../src/protocol/record/record.ts'
import { bodyOf, type RecordKind } from '../../src/protocol/records.ts'
import { HostileSteward } from './hostile-steward.ts'
import { type Ending, HostileVehicle } from './hostile-vehicle.ts'
import type { Mesh, MeshNode } from './mesh.ts'

/** A key that takes a place by its own word. */
interface Taker {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly nonce: Uint8Array
  readonly consent: SignedRecord
}

const advert = { name: 'hostile', slots: { total: 0, free: 0 } }

export class HostileStandby extends HostileSteward {
  manifest!: Verified<Manifest>
  #entrusted!: Extract<Message, { type: 'entrust' }>
  #serial = 0

  /** Resolves when all members of the mesh are connected to it. */
  static async join(t: Ending, mesh: Mesh): Promise<HostileStandby> {
    const vehicle = await HostileVehicle.start(t, mesh.clock, mesh.submitter.api.info().addresses, advert)
    await mesh.until('all are connected to the hostile standby', () =>
      mesh
        .running()
        .every(({ api }) => api.peers().some((row) => row.peer === vehicle.key.peerId && row.connected)),
    )
    return new HostileStandby(vehicle)
  }

  /** Resolves when this member, which came later, is connected to it. */
  async meet(mesh: Mesh, { api }: MeshNode): Promise<void> {
    const { peerId } = this.vehicle.key
    await this.vehicle.dial(api.info().addresses[0]!)
    await mesh.until('the newcomer is connected to the hostile standby', async () => {
      // Gossip keeps nothing for newcomers.
      await this.vehicle.advertise(advert)
      return api.peers().some((row) => row.peer === peerId && row.connected)
    })
  }

  /** Shows a vehicle an end of its own, which reveals the secret that it was told. */
  async sayEnded(to: PeerId): Promise<void> {
    const secret = this.#entrusted.drawSecret
    const end = this.sign('end', { outcome: 'complete', reason: 'because I say so', secret })
    await this.vehicle.say(to, { type: 'ended', job: this.job, end, cancellation: null })
  }

  get job(): JobId {
    return this.manifest.id
  }

  /** Resolves when it is entrusted with this job, which is its only one. */
  async standBy(job: string): Promise<void> {
    this.manifest = await this.entrusted(job)
    const entrusted = await this.vehicle.heard.find(({ type }) => type === 'entrust')
    assert(entrusted.type === 'entrust')
    this.#entrusted = entrusted
  }

  /** Signs a record of the job, under this serial or the next. */
  sign(kind: RecordKind, payload: unknown, { epoch = 0, serial = this.#serial } = {}): SignedRecord {
    this.#serial = Math.max(this.#serial, serial) + 1
    return this.vehicle.sign(kind, this.job, payload, this.vehicle.key.peerId, { epoch, serial })
  }

  /** What another key, of a node that it tricked or of an accomplice, signs for the job. */
  signAs(key: SigningKey, kind: RecordKind, payload: unknown, serial = 0): SignedRecord {
    const expiresMs = this.manifest.expiresMs
    const fields = { signer: key.peerId, steward: key.peerId, job: this.job, epoch: 1, serial, expiresMs }
    const body = encodeBody(bodyOf(kind, { ...fields, payload } as never))
    return { body, signature: key.sign(body) }
  }

  /** A handover by itself, right after the manifest. */
  handover(lost: PeerId, { consent, ...taker }: Taker, serial?: number): SignedRecord {
    const more = { epoch: 1, ...(serial === undefined ? {} : { serial }) }
    return this.sign('handover', { previous: this.job, lost, taker, consent }, more)
  }

  /** Sends a record of the job to one of its stewards. */
  show(to: PeerId, record: SignedRecord): Promise<void> {
    return this.vehicle.say(to, { type: 'record', job: this.job, record, opening: null })
  }

  /** Hands the job on to a node, with the handover that makes it a steward. */
  entrust(to: PeerId, handover: SignedRecord): Promise<void> {
    return this.vehicle.say(to, { ...this.#entrusted, handovers: [handover] })
  }

  /** Tells a vehicle that it looks after the job from now on. */
  adopt(vehicle: PeerId): Promise<void> {
    return this.vehicle.say(vehicle, { type: 'adopt', manifest: this.#entrusted.manifest, handovers: [] })
  }

  /** A key made up for this place. */
  accomplice(lost: PeerId, key = SigningKey.generate(), nonce = new Uint8Array(16)): Taker {
    const owner = ownerIdOf(sha256, key.peerId)
    const body = encodeBody(
      bodyOf('consent', {
        ...{ signer: key.peerId, job: this.job, epoch: 1, steward: this.vehicle.key.peerId },
        ...{ serial: 0, expiresMs: this.manifest.expiresMs },
        payload: { previous: this.job, lost, nonce, owner },
      }),
    )
    const consent = { body, signature: key.sign(body) }
    return { peer: key.peerId, owner, nonce, consent }
  }

  /** Asks a node to take the place of a steward, and answers with its word; undefined when it says no. */
  async invite(
    to: { readonly peer: PeerId; readonly owner: OwnerId },
    lost: PeerId,
  ): Promise<Taker | undefined> {
    const nonce = crypto.getRandomValues(new Uint8Array(16))
    const place = { job: this.job, epoch: 1, previous: this.job, lost }
    await this.vehicle.say(to.peer, { type: 'invite', nonce, bytes: 1, place })
    const answer = await this.vehicle.heard.find(
      (said) =>
        (said.type === 'willing' || said.type === 'unwilling') && Buffer.from(said.nonce).equals(nonce),
    )
    if (answer.type !== 'willing' || answer.consent === null) return undefined
    return { ...to, nonce, consent: answer.consent }
  }
}
