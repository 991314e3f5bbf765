/**
 * A vehicle and its journal, with a network and slots that only remember, and a job's steward that signs what a test asks for.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Logger, pino } from 'pino'
import { type Clock, systemClock } from '../../src/host/clock.ts'
import type { Executor } from '../../src/host/executor/contract.ts'
import { History } from '../../src/host/history/history.ts'
import type { Network } from '../../src/host/network/network.ts'
import { documentKeys, seal, shardKey, wrapKey } from '../../src/host/sealing/sealing.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { loadOrCreateKey, type SigningKey } from '../../src/host/store/keys.ts'
import { openStore, type Store } from '../../src/host/store.ts'
import { WorkerDriver } from '../../src/host/vehicle/worker-driver.ts'
import type { Cid, JobId, OwnerId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import type { MessageToVehicle } from '../../src/protocol/inbox.ts'
import { openLease } from '../../src/protocol/job/lease.ts'
import { encodeShard } from '../../src/protocol/job/shard.ts'
import { type EndCode, endFor } from '../../src/protocol/job/verdict.ts'
import { decodeMessage, type Message } from '../../src/protocol/message.ts'
import { encodeBody, recordId, type SignedRecord } from '../../src/protocol/record/record.ts'
import type { RecordKind } from '../../src/protocol/records.ts'
import { bodyOf, drawSecret, manifestWith, placeOf } from './core-fakes.ts'
import { Inbox } from './network.ts'
import { temporaryDirectory } from './store.ts'

const hour = 3_600_000

/** One life of a vehicle: what it said, and which documents it worked on. */
export class Life {
  readonly said = new Inbox<{ readonly to: PeerId; readonly message: Message }>()
  readonly executed: string[] = []
  readonly store: Store
  readonly history: History
  readonly vehicle: WorkerDriver

  /** Documents of which `hangs` holds are never finished. */
  constructor(world: World, path: string, hangs: (text: string) => boolean) {
    const store = openStore(path)
    this.store = store // left open: these vehicles are killed, not stopped
    this.history = new History({
      self: world.key.peerId,
      database: store.database,
      books: store.books,
      timeZone: 'UTC',
      clock: world.clock,
      log: world.log,
    })
    const network = {
      connectedPeers: () => [],
      send: async (to: PeerId, bytes: Uint8Array) => {
        const message = decodeMessage(bytes)
        if (message.type === 'accept') assert(store.journal.has(message.lease), 'durable before it is said')
        this.said.put({ to, message })
      },
      blocks: {
        fetch: async function* (_: PeerId, cids: readonly Cid[], signal: AbortSignal) {
          world.fetches.put(signal)
          world.fetched.push(...cids)
          if (world.isSlow) await once(signal, 'abort')
          signal.throwIfAborted()
          for (const cid of cids) yield { cid, bytes: world.blocks.get(cid) }
        },
      },
    }
    const slot = {
      prepare: async () => {},
      run: async (bytes: Uint8Array) => {
        const text = new TextDecoder().decode(bytes)
        this.executed.push(text)
        if (hangs(text)) await new Promise(() => {})
        return { output: bytes, text, error: null, cpuMs: 1, wallMs: 1 }
      },
      freeze: () => {},
      kill: async () => {},
      resume: () => {},
    }
    this.vehicle = new WorkerDriver({
      key: world.key,
      network: network as unknown as Network,
      store,
      executor: { openSlot: () => slot } as unknown as Executor,
      engines: [{ runtime: 'ocr', engine: 'wasm', id: 'engine-1', isa: null, ask: null }] as never,
      categories: null,
      slots: 1,
      clock: world.clock,
      news: this.history,
      log: world.log,
      onChange: () => {},
    })
    this.vehicle.restore()
  }

  async hears<Type extends Message['type']>(type: Type): Promise<Extract<Message, { type: Type }>> {
    const found = await this.said.find(({ message }) => message.type === type)
    return found.message as Extract<Message, { type: Type }>
  }

  types(): string[] {
    return this.said.items.map(({ message }) => message.type)
  }
}

export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

const secret = new Uint8Array(32).fill(7)

/** A steward, a standby, and a job of one document a shard. */
export class World {
  readonly blocks = new Map<Cid, Uint8Array>()
  /** What ends each fetch; while the world is slow, nothing else does. */
  readonly fetches = new Inbox<AbortSignal>()
  isSlow = false
  /** All that was asked for, in order. */
  readonly fetched: Cid[] = []
  readonly clock: Clock
  readonly log: Logger
  readonly key: SigningKey
  readonly steward: SigningKey
  readonly standby: SigningKey
  readonly manifest: SignedRecord
  readonly job: JobId
  readonly #folder: string
  #serial = 0
  readonly #pays: boolean

  /** `weights`: the bytes of a file of weights, if the job has any. `pays`: it promises a micro for each unit. */
  constructor(
    t: TestContext,
    {
      clock = systemClock,
      weights,
      pays = false,
      log = pino({ level: 'silent' }),
    }: { clock?: Clock; weights?: Uint8Array; pays?: boolean; log?: Logger } = {},
  ) {
    this.clock = clock
    this.#pays = pays
    this.log = log
    this.#folder = temporaryDirectory(t)
    const key = (name: string) => loadOrCreateKey(join(this.#folder, `${name}.key`), 'node')
    this.key = key('vehicle')
    this.steward = key('steward')
    this.standby = key('standby')
    const stewards = [this.steward, this.standby].map(({ peerId }) => ({ ...placeOf('s'), peer: peerId }))
    const files =
      weights === undefined
        ? []
        : [{ name: 'model', file: this.#put('raw', weights), bytes: weights.byteLength }]
    const payment = pays
      ? { unit: 'page' as const, currency: 'EUR', unitMicrosMax: 1, budgetMicros: 1_000 }
      : null
    const payload = manifestWith({ stewards, deadlineMs: Date.now() + hour, weights: files, payment })
    this.manifest = this.#sign(this.steward, 'manifest', payload, null)
    this.job = recordId(sha256, this.manifest.body)
  }

  lease(
    texts: readonly string[],
    units = texts.map(() => 1),
  ): { readonly id: RecordId; readonly record: SignedRecord } {
    const keyOf = documentKeys(this.steward)
    const shards = texts.map((text, position) => {
      const key = keyOf(new TextEncoder().encode(text))
      const bytes = seal(key, new TextEncoder().encode(text))
      const page = { bytes: bytes.byteLength, page: 0, key: wrapKey(shardKey(secret, position), key) }
      return this.#put('dag-cbor', encodeShard({ pages: [{ document: this.#put('raw', bytes), ...page }] }))
    })
    const payload = {
      vehicle: this.key.peerId,
      owner: '' as OwnerId,
      shards,
      positions: shards.map((_, i) => i),
      isa: null,
      costMs: 1_000,
      units,
      price: this.#pays ? { currency: 'EUR', unitMicros: 1, operatorPpm: 0 } : null,
      draw: { basis: this.job, eligible: new Uint8Array(1), index: 0 },
    }
    const record = this.#sign(this.steward, 'lease', payload, this.job)
    return { id: recordId(sha256, record.body), record }
  }

  offer(lease: SignedRecord): MessageToVehicle {
    const { positions } = openLease(lease, sha256, () => true).payload
    const keys = positions.map((position) => shardKey(secret, position))
    return { type: 'offer', manifest: this.manifest, handovers: [], lease, keys }
  }

  /** Shows that the job has ended, by this code, with the signature of its steward or of another. */
  ended(code: EndCode = 'verified', by = this.steward): MessageToVehicle {
    const end = this.#sign(by, 'end', endFor(code, 'done', drawSecret), this.job)
    return { type: 'ended', job: this.job, end, cancellation: null }
  }

  live(name: string, hangs: (text: string) => boolean = () => false): Life {
    return new Life(this, join(this.#folder, name), hangs)
  }

  /** What a kill at this moment would leave on the disk. */
  copy(from: string, to: string): void {
    cpSync(join(this.#folder, from), join(this.#folder, to), { recursive: true })
  }

  pathOf(name: string): string {
    return join(this.#folder, name)
  }

  #put(codec: 'raw' | 'dag-cbor', bytes: Uint8Array): Cid {
    const cid = cidOf(codec, bytes)
    this.blocks.set(cid, bytes)
    return cid
  }

  #sign(key: SigningKey, kind: RecordKind, payload: unknown, job: JobId | null): SignedRecord {
    const steward = job === null ? null : key.peerId
    const body = encodeBody(
      bodyOf(kind, key.peerId, payload, {
        job,
        steward,
        serial: this.#serial++,
        expiresMs: Date.now() + hour,
      }),
    )
    return { body, signature: key.sign(body) }
  }
}
