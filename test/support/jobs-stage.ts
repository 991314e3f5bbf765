/**
 * The jobs of one node, on its own disk and without a mesh: who is connected, and who offers slots, is what a test says;
 * what is said to others is kept for it. Jobs are planted as a submission leaves them, with no documents behind their
 * shards.
 */
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import type { Executor } from '../../src/host/executor/contract.ts'
import { Jobs, type JobsOptions } from '../../src/host/jobs/jobs.ts'
import { drawCommitment, drawSecretOf, jobSecret, sealCommitment } from '../../src/host/sealing/sealing.ts'
import { sha256 } from '../../src/host/sha256.ts'
import type { Mesh } from '../../src/host/stewardship/mesh.ts'
import type { Block } from '../../src/host/store/blocks.ts'
import { writeFile } from '../../src/host/store/files.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { openStore, type Store } from '../../src/host/store.ts'
import type { Cid, JobId, PeerId } from '../../src/protocol/ids.ts'
import { type Lease, openLease } from '../../src/protocol/job/lease.ts'
import { encodeList, type ShardEntry } from '../../src/protocol/job/lists.ts'
import type { Manifest, StewardPlace } from '../../src/protocol/job/manifest.ts'
import type { Capacity } from '../../src/protocol/membership/advert.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { decodeMessage, type Message } from '../../src/protocol/message.ts'
import { cborCid } from '../../src/protocol/record/block.ts'
import { encodeBody, recordId, type SignedRecord, type Verified } from '../../src/protocol/record/record.ts'
import type { RecordKind } from '../../src/protocol/records.ts'
import { manifestWith } from './core-fakes.ts'
import { MeshClock } from './mesh-clock.ts'

export interface Said {
  readonly to: PeerId
  readonly message: Message
}

export interface PlantedJob {
  readonly job: JobId
  readonly record: SignedRecord
}

export class JobsStage {
  readonly key: SigningKey
  readonly submitter: SigningKey
  readonly said: Said[] = []
  readonly connected = new Set<PeerId>()
  readonly clock = new MeshClock()
  readonly #folder: string
  readonly #log: Logger
  readonly #recordBytesMax: number | undefined
  readonly #endedShardsMax: number | undefined
  /** It says so from its next start on. */
  standsBy = true
  /** The blocks that other nodes have. */
  readonly elsewhere = new Map<Cid, Uint8Array>()
  readonly #spoken = new EventEmitter()
  #capacities: readonly Capacity[] = []
  #store: Store
  #jobs: Jobs

  constructor({
    key = SigningKey.generate(),
    submitter = SigningKey.generate(),
    log = pino({ level: 'silent' }),
    recordBytesMax = undefined as number | undefined,
    endedShardsMax = undefined as number | undefined,
  } = {}) {
    this.key = key
    this.submitter = submitter
    this.#folder = mkdtempSync(join(tmpdir(), 'carpool-jobs-'))
    this.#log = log
    this.#recordBytesMax = recordBytesMax
    this.#endedShardsMax = endedShardsMax
    this.#store = openStore(join(this.#folder, 'data'))
    this.#jobs = new Jobs(this.options())
  }

  get jobs(): Jobs {
    return this.#jobs
  }

  get store(): Store {
    return this.#store
  }

  /** These vehicles offer slots from now on. */
  roster(capacities: readonly Capacity[]): void {
    this.#capacities = capacities
    this.#jobs.rosterChanged()
  }

  /** This node's place among a job's stewards. */
  place(): StewardPlace {
    const nonce = new Uint8Array(16)
    return { peer: this.key.peerId, owner: ownerIdOf(sha256, this.key.peerId), nonce }
  }

  /** A job of so many shards of a page, submitted here a moment ago: it runs once `jobs.resume` was called. */
  async plant(name: string, count: number, changes: Partial<Manifest> = {}): Promise<PlantedJob> {
    const shards = shardsOf(name, count)
    const list = encodeList(shards)
    const blocks: Block[] = []
    const { root: file } = await writeFile(list, async (block) => {
      blocks.push(block)
    })
    const nonce = sha256(Buffer.from(name)).slice(0, 16)
    const manifest = manifestWith({
      runtime: 'wasm',
      engine: { name: 'exact', id: 'engine' },
      shards: { file, bytes: list.byteLength, count, pages: count },
      documents: { file, bytes: list.byteLength, count },
      seal: { nonce, commitment: sealCommitment(jobSecret(this.submitter, nonce)) },
      drawCommitment: drawCommitment(drawSecretOf(jobSecret(this.submitter, nonce))),
      deadlineMs: this.clock.now() + 3_600_000,
      stewards: [this.place()],
      assurance: { replicas: 1 } as Manifest['assurance'],
      ...changes,
    })
    const record = this.sign(this.submitter, 'manifest', null, manifest)
    const job = recordId(sha256, record.body)
    await this.#store.blocks.of(job).putMany(blocks, 'input')
    this.#store.journal.append([{ id: job, job, kind: 'manifest', ...record, extra: null }])
    const state = { requestDigest: name }
    this.#store.journal.putJob({
      job,
      role: 'steward',
      state,
      createdAtMs: this.clock.now(),
      endedAtMs: null,
    })
    return { job, record }
  }

  /** The first lease of the job for this vehicle, once there is one. */
  async leaseFor(job: JobId, vehicle: PeerId): Promise<Verified<Lease>> {
    for (;;) {
      for (const row of this.#store.journal.ofJob(job)) {
        if (row.kind !== 'lease') continue
        const lease = openLease(row, sha256, () => true)
        if (lease.payload.vehicle === vehicle) return lease
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** The first of all that was, or will be, said, that fits. */
  async untilSaid(fits: (said: Said) => boolean): Promise<Said> {
    for (;;) {
      const found = this.said.find(fits)
      if (found !== undefined) return found
      await once(this.#spoken, 'said')
    }
  }

  sign(
    key: SigningKey,
    kind: RecordKind,
    job: JobId | null,
    payload: unknown,
    serial = 0,
    steward: PeerId | null = null,
  ): SignedRecord {
    const body = encodeBody({
      domain: 'carpool',
      version: 1,
      kind,
      job,
      epoch: 0,
      steward,
      serial,
      expiresMs: this.clock.now() + 3_600_000,
      signer: key.peerId,
      payload,
    })
    return { body, signature: key.sign(body) }
  }

  /** Lets this much time pass, and has what is due then be done and written. */
  async pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      this.clock.skip(Math.min(stepMs, leftMs))
      for (let turn = 0; turn < turnsPerStep; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Stops the node's jobs and begins anew with what is on the disk; `meanwhile` something happens to that. */
  async restart(meanwhile = () => {}): Promise<void> {
    await this.#jobs.stop()
    meanwhile()
    this.#store.close()
    this.#store = openStore(join(this.#folder, 'data'))
    this.#jobs = new Jobs(this.options())
    this.#jobs.resume()
  }

  async close(): Promise<void> {
    await this.#jobs.stop()
    this.#store.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** The engines for which it called vehicles, each time that these changed. */
  readonly calls: (readonly string[])[] = []

  /** What the node's jobs are made of. */
  options(): JobsOptions {
    const log = this.#log
    const network: Mesh = {
      reachability: undefined,
      isRelayed: () => false,
      connectedPeers: () => [...this.connected],
      send: async (to, bytes) => {
        const said = { to, message: decodeMessage(bytes) }
        this.said.push(said)
        this.#spoken.emit('said', said)
      },
      blocks: {
        fetch: (_peer, cids) => served(this.elsewhere, cids),
        have: async (_peer, cids) => new Set(cids.filter((cid) => this.elsewhere.has(cid))),
        giveBack: () => {},
      },
    }
    return {
      key: this.key,
      submitter: this.submitter,
      network,
      store: this.#store,
      executor: idle,
      engines: [],
      membership: {
        settled: async () => {},
        capacities: () => [...this.#capacities],
        get: (peer) => this.#capacities.find((capacity) => capacity.peer === peer),
      },
      bans: { caught: () => {}, has: () => false },
      owner: ownerIdOf(sha256, this.key.peerId),
      fleet: null,
      operatorPpm: () => 0,
      onCalls: (engines) => this.calls.push(engines),
      standsBy: this.standsBy,
      ...(this.#endedShardsMax !== undefined && { endedShardsMax: this.#endedShardsMax }),
      ...(this.#recordBytesMax !== undefined && { recordBytesMax: this.#recordBytesMax }),
      clock: this.clock,
      log,
    }
  }
}

async function* served(blocks: ReadonlyMap<Cid, Uint8Array>, cids: readonly Cid[]) {
  for (const cid of cids) yield { cid, bytes: blocks.get(cid) }
}

/** Fine enough for what looks every second; turns enough for a write, and what waits for it. */
const stepMs = 500
const turnsPerStep = 4

/** It runs and reads nothing. */
const idle: Executor = {
  describeEngines: async () => [],
  openSlot: () => {
    throw new Error('nothing is run here')
  },
  inspect: () => Promise.reject(new Error('nothing is read here')),
  observe: () => {},
  halt: () => {},
  proceed: () => {},
  close: async () => {},
}

function shardsOf(name: string, count: number): ShardEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    shard: cborCid(sha256, new TextEncoder().encode(`${name} ${i}`)),
    pages: 1,
    bytes: 1_024,
    costMs: 100,
  }))
}

/** A vehicle that offers so many slots for the planted jobs. */
export function vehicleOf(peer: PeerId, slots = 1): Capacity {
  return {
    peer,
    owner: ownerIdOf(sha256, peer),
    serial: 0,
    expiresMs: Number.MAX_SAFE_INTEGER,
    name: '',
    certificate: null,
    credential: null,
    slots: { total: slots, free: slots },
    mode: 'run',
    reasons: [],
    availableUntilMs: null,
    engines: [{ runtime: 'wasm', engine: 'exact', id: 'engine', isa: null, unitsPerHour: 0, ask: null }],
    addresses: [],
    software: '0',
  }
}
