/**
 * A vehicle with no manners, in the test's own process: a peer of real nodes that says what a test tells it to, and signs
 * it with a key of its own. It belongs to an open mesh, and
 * offers the engine of scripted executors.
 */
import { pino } from 'pino'
import type { Clock } from '../../src/host/clock.ts'
import { Network } from '../../src/host/network/network.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { readFile } from '../../src/host/store/files.ts'
import { SigningKey, verifyByPeerId } from '../../src/host/store/keys.ts'
import type { Cid, JobId, OwnerId, PeerId } from '../../src/protocol/ids.ts'
import {
  type Lease,
  type Opening,
  openLease,
  type Receipt,
  receiptRoot,
} from '../../src/protocol/job/lease.ts'
import {
  type FileReference,
  type Manifest,
  openManifest,
  resultEngine,
} from '../../src/protocol/job/manifest.ts'
import { encodeResult } from '../../src/protocol/job/result.ts'
import { advertTtlMs } from '../../src/protocol/limits.ts'
import type { Advert } from '../../src/protocol/membership/advert.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/message.ts'
import { cborCid, encodeCbor } from '../../src/protocol/record/block.ts'
import { encodeBody, recordId, type SignedRecord, type Verified } from '../../src/protocol/record/record.ts'
import type { RecordKind } from '../../src/protocol/records.ts'
import { manifestWith, placeOf } from './core-fakes.ts'
import { Inbox } from './network.ts'
import { scriptedEngine } from './scripted-executor.ts'

export interface Offer {
  readonly from: PeerId
  readonly manifest: Verified<Manifest>
  readonly lease: Verified<Lease>
}

/** A test, or all tests of a file: what is to be stopped when it is over. */
export type Ending = { readonly after: (stop: () => Promise<void>) => void }

export class HostileVehicle {
  readonly offers = new Inbox<Offer>()
  /** All that was said to it. */
  readonly heard = new Inbox<Message>()
  /** The blocks that others asked it for. */
  readonly asked = new Inbox<Cid>()
  readonly key: SigningKey
  readonly #network: Network
  readonly #clock: Clock
  readonly #blocks = new Map<Cid, Uint8Array>()
  #onMessage: (from: PeerId, message: Message) => void = () => {}
  #serial = 0

  /** Joins the mesh of this node, which knows it from then on. `advert`: what is else than usual in it. */
  static async start(
    t: Ending,
    clock: Clock,
    bootstrap: readonly string[],
    advert: Partial<Advert> = {},
  ): Promise<HostileVehicle> {
    const key = SigningKey.generate()
    const network = await Network.start({
      privateKey: key.toLibp2p(),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap,
      gossipScope: 'open',
      log: pino({ level: 'silent' }),
    })
    t.after(() => network.stop())
    const vehicle = new HostileVehicle(key, network, clock)
    const subscribers = new Inbox<PeerId>()
    network.onSubscriber((peer) => {
      subscribers.put(peer)
      void vehicle.advertise(advert)
    })
    await subscribers.until((peers) => peers.length > 0)
    return vehicle
  }

  private constructor(key: SigningKey, network: Network, clock: Clock) {
    this.key = key
    this.#clock = clock
    this.#network = network
    network.onGossip(() => 'accept')
    network.blocks.serve((cid) => {
      this.asked.put(cid)
      return this.#blocks.get(cid)
    })
    network.onMessage((from, bytes) => {
      const message = decodeMessage(bytes)
      this.heard.put(message)
      this.#onMessage(from, message)
      if (message.type !== 'offer') return
      const manifest = openManifest(message.manifest, sha256, verifyByPeerId)
      this.offers.put({ from, manifest, lease: openLease(message.lease, sha256, verifyByPeerId) })
    })
  }

  /** Called with all that is said to it from now on. */
  onMessage(hear: (from: PeerId, message: Message) => void): void {
    this.#onMessage = hear
  }

  get owner(): OwnerId {
    return ownerIdOf(sha256, this.key.peerId)
  }

  async advertise(changes: Partial<Advert> = {}): Promise<void> {
    const { runtime, engine, id, isa } = scriptedEngine
    const advert: Advert = {
      name: 'hostile',
      certificate: null,
      credential: null,
      slots: { total: 4, free: 4 },
      mode: 'run',
      reasons: [],
      availableUntilMs: null,
      engines: [{ ...{ runtime, engine, id, isa }, unitsPerHour: 1_000_000, ask: null }],
      addresses: this.#network.addresses(),
      software: 'carpool/0.0.0',
      ...changes,
    }
    await this.#network.publish(encodeCbor(this.sign('advert', null, advert)))
  }

  /** Dials a node, at an address that ends with its peer id. */
  async dial(address: string): Promise<void> {
    await this.#network.reach(address)
  }

  say(to: PeerId, message: Message): Promise<void> {
    return this.#network.send(to, encodeMessage(message))
  }

  /** Signs for this result of each of these places of a lease. */
  async receipt({ from, lease }: Offer, covers: readonly number[], results: readonly Cid[]): Promise<void> {
    const opening: Opening = { results, nonce: new Uint8Array(32) }
    const { shards } = lease.payload
    const work = { id: lease.id, job: lease.job!, worker: this.key.peerId, shards }
    const payload: Receipt = {
      lease: lease.id,
      covers,
      root: receiptRoot(sha256, work, covers, opening),
      cpuMs: 1,
      wallMs: 1,
      energy: null,
    }
    await this.say(from, {
      type: 'receipt',
      record: this.sign('receipt', lease.job, payload),
      opening,
      released: null,
    })
  }

  /** A result of one page that says this, which it serves to whoever asks. */
  result(manifest: Manifest, text: string): Cid {
    const output = Buffer.from(JSON.stringify({ text }))
    const bytes = encodeResult({ engine: resultEngine(manifest), records: [{ output, text, error: null }] })
    const cid = cborCid(sha256, bytes)
    this.#blocks.set(cid, bytes)
    return cid
  }

  /** A file of a job that it may read, from this node. */
  read(from: PeerId, reference: FileReference): Promise<Uint8Array> {
    const get = async (cid: Cid) => {
      for await (const block of this.#network.blocks.fetch(from, [cid])) return block.bytes
      throw new Error(`${from} does not serve ${cid}`)
    }
    return readFile(reference, get, reference.bytes)
  }

  /** It serves this block to whoever asks. */
  serve({ cid, bytes }: { readonly cid: Cid; readonly bytes: Uint8Array }): void {
    this.#blocks.set(cid, bytes)
  }

  /** A job of its own with no documents worth the name, and a lease of it for this vehicle. */
  lease(to: { readonly peer: PeerId; readonly owner: OwnerId }, changes: Partial<Manifest>) {
    const { runtime, engine, id } = scriptedEngine
    const manifest = manifestWith({
      runtime,
      engine: { name: engine, id },
      deadlineMs: this.#clock.now() + 3_600_000,
      stewards: [{ ...placeOf('hostile'), peer: this.key.peerId, owner: this.owner }],
      ...changes,
    })
    const record = this.sign('manifest', null, manifest)
    const job = recordId(sha256, record.body)
    const lease: Lease = {
      vehicle: to.peer,
      owner: to.owner,
      shards: [manifest.shards.file],
      positions: [0],
      isa: null,
      costMs: 1,
      units: [1],
      price: null,
      draw: { basis: job, eligible: Uint8Array.of(1), index: 0 },
    }
    const leased = this.sign('lease', job, lease, this.key.peerId)
    return { job, record, leased, id: recordId(sha256, leased.body) }
  }

  /** Offers such a lease, and answers with what the vehicle says to it. */
  async offer(to: { readonly peer: PeerId; readonly owner: OwnerId }, changes: Partial<Manifest>) {
    const { job, record, leased, id } = this.lease(to, changes)
    const keys = [new Uint8Array(32)]
    await this.say(to.peer, { type: 'offer', manifest: record, handovers: [], lease: leased, keys })
    const answer = await this.heard.find(
      (message) => message.type === 'decline' && message.job === job && message.lease === id,
    )
    return { job, reason: answer.type === 'decline' ? answer.reason : '' }
  }

  /** It delivers this result no more. */
  withhold(result: Cid): void {
    this.#blocks.delete(result)
  }

  sign(
    kind: RecordKind,
    job: JobId | null,
    payload: unknown,
    steward: PeerId | null = null,
    more: { readonly epoch?: number; readonly serial?: number } = {},
  ): SignedRecord {
    const body = encodeBody({
      domain: 'carpool',
      version: 1,
      kind,
      job,
      epoch: 0,
      steward,
      serial: this.#serial++ + this.#clock.now(),
      expiresMs: this.#clock.now() + advertTtlMs,
      signer: this.key.peerId,
      payload,
      ...more,
    })
    return { body, signature: this.key.sign(body) }
  }
}
