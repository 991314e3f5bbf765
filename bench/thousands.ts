/**
 * Thousands in one mesh: how long one turn takes of a steward whose job has 100,000 shards, or of a node that knows 10,000
 * vehicles, and how much memory a job of a million shards takes.
 *
 * A turn that takes long holds up everything else that the node does, its connections included. So the longest turn counts, from
 * the first sight of all vehicles until each of them has its leases. The baseline is what a turn cannot do without: one hash for
 * each owner in a draw, or the checks of one advert.
 */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Membership } from '../src/host/membership/membership.ts'
import { sha256 } from '../src/host/sha256.ts'
import { SigningKey, verifyByPeerId } from '../src/host/store/keys.ts'
import { Council } from '../src/protocol/council/council.ts'
import type { JobId, OwnerId, PeerId } from '../src/protocol/ids.ts'
import { candidatesRoot, changedBy, type DrawBasis, type DrawRecord } from '../src/protocol/job/draw.ts'
import { decodeShardList, encodeList, type ShardEntry } from '../src/protocol/job/lists.ts'
import type { Manifest } from '../src/protocol/job/manifest.ts'
import { advertTtlMs } from '../src/protocol/limits.ts'
import { type Advert, type Capacity, openAdvert } from '../src/protocol/membership/advert.ts'
import { Roster } from '../src/protocol/membership/roster.ts'
import { encodeCbor, rawCid } from '../src/protocol/record/block.ts'
import { encodeBody, type SignedRecord } from '../src/protocol/record/record.ts'
import { bodyOf } from '../src/protocol/records.ts'
import { Bases } from '../src/protocol/state/bases.ts'
import { Steward } from '../src/protocol/steward/steward.ts'
import { StewardedJob } from '../test/support/stewarded-job.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'

const drawSecret = new Uint8Array(32).fill(7)
const steward = SigningKey.generate().peerId
const place = { peer: steward, owner: 'steward' as OwnerId, nonce: new Uint8Array(16) }
const engine = { runtime: 'wasm', engine: 'exact', id: 'engine', isa: null, unitsPerHour: 0, ask: null }

export async function thousands(options: BenchOptions): Promise<Figure[]> {
  const shards = options.quick ? 10_000 : 100_000
  longestTurn(2_000, 100, 100, options) // a node that has just started compiles its code
  return [
    longestTurn(shards, 500, 500, options),
    longestTurn(shards, 100, 1, options),
    longestTurn(shards, options.quick ? 2_000 : 4_000, options.quick ? 2_000 : 4_000, options),
    ...newcomer(options),
    ...looks(shards, options.quick ? 1_000 : 10_000, options),
    await renewedAdvert(options.quick ? 1_000 : 10_000, 10, options),
    await bytesOfShards(options.quick ? 100_000 : 1_000_000, options),
    await bytesOfDecided(options.quick ? 10_000 : 100_000, options),
  ]
}

/** Thousands of vehicles take thousands of turns until all have work, at first of one lease each. */
const turnsMost = 500

/** The longest turn of a steward that meets so many vehicles at once, until it has no more to lease to them. */
function longestTurn(shards: number, vehicles: number, owners: number, { note }: BenchOptions): Figure {
  const roster = Array.from({ length: vehicles }, (_, i) => capacityOf(`vehicle-${i}`, `owner-${i % owners}`))
  const machine = stewardOf(entriesOf(shards))
  collectGarbage() // of what comes before
  const turns: number[] = []
  let leases = 0
  /** Tells whether there is more to lease. */
  const turn = (input: Parameters<Steward['handle']>[0]) => {
    const startedMs = busyMs()
    const effects = machine.handle(input, 1_000 + turns.length)
    turns.push(busyMs() - startedMs)
    leases += effects.filter(({ type }) => type === 'offer').length
    return effects.some(({ type }) => type === 'go-on')
  }
  for (let goesOn = turn({ type: 'roster', capacities: roster }); goesOn && turns.length < turnsMost; )
    goesOn = turn({ type: 'go-on' })
  note(
    `${vehicles} vehicles of ${owners} owners: ${leases} leases in ${turns.length} turns of ${median(turns).toFixed(1)} ms, the longest ${turns.indexOf(Math.max(...turns))}`,
  )
  return {
    name: `longest turn of a steward, ${shards} shards, ${vehicles} vehicles of ${owners} owners`,
    unit: 'ms',
    ours: Math.max(...turns),
    baseline: hashesMs(owners),
    of: 'the hashes of one draw',
    goal: { value: 'ours', most: 20 },
  }
}

/** The look once a second of a steward that acts, and of one that stands by, in a mesh of so many vehicles. */
function looks(shards: number, vehicles: number, options: BenchOptions): Figure[] {
  const entries = entriesOf(shards)
  return [true, false].map((acts) => ({
    name: `a look of a steward that ${acts ? 'acts' : 'stands by'}, ${shards} shards, ${vehicles} vehicles known`,
    unit: 'ms',
    ours: lookMs(entries, vehicles, acts, options),
    baseline: lookMs(entries, 100, acts, options),
    of: 'the same with 100 vehicles',
    goal: { value: 'ours', most: 5 },
  }))
}

const looksAtOnce = 200

/** The first 500 of all vehicles have room for leases, and the others are done for today. */
function lookMs(
  entries: readonly ShardEntry[],
  vehicles: number,
  acts: boolean,
  { note }: BenchOptions,
): number {
  const capacities = Array.from({ length: vehicles }, (_, i) => ({
    ...capacityOf(`vehicle-${i}`, `owner-${i}`),
    mode: i < 500 ? ('run' as const) : ('drain' as const),
  }))
  const fellow = { peer: 'fellow' as PeerId, owner: 'fellow' as OwnerId, nonce: new Uint8Array(16) }
  const manifest = manifestOf(entries.length, acts ? [place, fellow] : [fellow, place])
  const council = new Council({ job: 'job' as JobId, manifest, self: steward, drawSecret, sha256 })
  let nowMs = 1_000
  const beat = () => {
    const said = {
      type: 'beat',
      job: 'job' as JobId,
      acting: !acts,
      asks: false,
      count: nowMs,
      heard: null,
    } as const
    council.handle({ type: 'fellow', from: fellow.peer, message: { ...said, root: council.root } }, nowMs)
  }
  council.begin({ records: [], shards: entries, fresh: acts }, nowMs)
  council.handle({ type: 'inputs-held', shards: entries }, nowMs)
  council.handle({ type: 'connected', peer: fellow.peer }, nowMs)
  beat()
  council.handle({ type: 'roster', capacities, operatorPpm: 0 }, nowMs)
  for (let goesOn = true; goesOn; )
    goesOn = council.handle({ type: 'go-on' }, nowMs).some(({ type }) => type === 'go-on')
  council.handle({ type: 'wake' }, nowMs)
  const times = Array.from({ length: 11 }, () => {
    const startedMs = busyMs()
    for (let i = 0; i < looksAtOnce; i += 1) {
      nowMs += 10
      beat()
      council.handle({ type: 'wake' }, nowMs)
    }
    return (busyMs() - startedMs) / looksAtOnce
  })
  note(`${acts ? 'acting' : 'standing by'}, ${vehicles} vehicles: ${council.recordCount} records`)
  return median(times)
}

/** A vehicle comes to a job that draws from 4,000: the record that says so, and the time in which others make the list again. */
function newcomer({ note }: BenchOptions): Figure[] {
  const candidates = Array.from({ length: 4_000 }, (_, i) => ({
    peer: SigningKey.generate().peerId,
    owner: `${i}`.padStart(64, '0') as OwnerId,
  })).sort((a, b) => (a.peer < b.peer ? -1 : 1))
  const record = (serial: number, payload: DrawRecord) => {
    const body = encodeBody(bodyOf('draw', { signer: steward, serial, expiresMs: 0, payload }))
    return { id: rawCid(sha256, body), bytes: body.byteLength, payload, signer: steward }
  }
  const parts = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => candidates.slice(i * 500, (i + 1) * 500))
  const chain = [record(0, { candidates: parts[0]! })]
  let list: DrawBasis = { candidates: parts[0]! }
  const change = (added: DrawBasis['candidates']) => {
    list = changedBy(list, [{ removed: [], added }])!
    const said = { removed: [], added, count: list.candidates.length, root: candidatesRoot(sha256, list) }
    chain.push(record(chain.length, { before: chain.at(-1)!.id, ...said }))
  }
  for (const added of parts.slice(1)) change(added)
  const whole = chain.reduce((sum, { bytes }) => sum + bytes, 0)
  for (let i = 0; i < 41; i += 1)
    change([{ peer: SigningKey.generate().peerId, owner: `new ${i}` as OwnerId }])
  const bases = new Bases(sha256)
  const times = chain.map((one) => {
    const startedMs = performance.now()
    bases.add(one as never)
    if (bases.of(one.id) === undefined) throw new Error('a list does not give its root')
    return performance.now() - startedMs
  })
  note(`a list of 4000 candidates takes ${whole} bytes in ${parts.length} records`)
  return [
    {
      name: 'record of a newcomer to a list of 4000 candidates',
      unit: 'bytes',
      ours: chain.at(-1)!.bytes,
      baseline: whole,
      of: 'the whole list',
      goal: { value: 'ours', most: 1_000 },
    },
    {
      name: 'to make the list of 4000 again after a newcomer, and its root',
      unit: 'ms',
      ours: median(times.slice(-41)),
      baseline: hashesMs(4_000),
      of: 'the hashes of one draw',
      goal: { value: 'ours', most: 20 },
    },
  ]
}

function hashesMs(count: number): number {
  const times = Array.from({ length: 21 }, (_, round) => {
    const bytes = new Uint8Array(100).fill(round)
    const startedMs = performance.now()
    for (let i = 0; i < count; i += 1) sha256(bytes)
    return performance.now() - startedMs
  })
  return median(times)
}

/** An advert that says nothing new but until when it holds, from gossip to all jobs that run, in a mesh that is known. */
async function renewedAdvert(vehicles: number, jobs: number, { note }: BenchOptions): Promise<Figure> {
  let hear = (_message: Uint8Array, _from: PeerId): unknown => undefined
  const own = SigningKey.generate()
  const membership = new Membership({
    key: own,
    network: {
      onGossip: (hearer: typeof hear) => {
        hear = hearer
      },
      onSubscriber: () => {},
      onReachability: () => {},
      connectedPeers: () => [],
      learn: () => {},
      lapse: () => {},
    } as never,
    roster: new Roster(),
    nextSerial: () => 0,
    describe: () => ({}) as never,
    isBanned: () => false,
    clocks: { heard: () => {} },
    fleet: null,
    clock: { now: () => Date.now(), monotonicMs: () => performance.now(), after: () => () => {} },
    notices: { tell: () => {}, drop: () => {} } as never,
    log: { debug: () => {}, warn: () => {}, info: () => {} } as never,
  })
  const machines = Array.from({ length: jobs }, () => stewardOf(entriesOf(1_000)))
  membership.onChange((change) => {
    for (const machine of machines) machine.handle({ type: 'adverts', ...change }, 1_000)
  })
  const keys = Array.from({ length: vehicles }, () => SigningKey.generate())
  const adverts = keys.map((key) => encodeCbor(advertBy(key, 1)))
  const startedMs = performance.now()
  for (const [i, advert] of adverts.entries()) hear(advert, keys[i]!.peerId)
  const known = membership.everybody().length
  note(`${known} of ${vehicles} vehicles are known after ${Math.round(performance.now() - startedMs)} ms`)
  const times: number[] = []
  const checks: number[] = []
  for (let round = 0; round < 40; round += 1) {
    const key = keys[round]!
    const record = advertBy(key, 2)
    const message = encodeCbor(record)
    const checkedMs = performance.now()
    openAdvert(record, sha256, verifyByPeerId, Date.now())
    const heardMs = performance.now()
    hear(message, key.peerId)
    times.push(performance.now() - heardMs)
    checks.push(heardMs - checkedMs)
  }
  return {
    name: `one renewed advert, ${known} of ${vehicles} vehicles known, ${jobs} jobs`,
    unit: 'ms',
    ours: median(times),
    baseline: median(checks),
    of: 'its checks alone',
    goal: { value: 'ours', most: 1 },
  }
}

async function bytesOfShards(shards: number, { note }: BenchOptions): Promise<Figure> {
  const before = await settledMemory()
  const entries = entriesOf(shards)
  const listed = await settledMemory()
  const machine = stewardOf(entries)
  const held = await settledMemory()
  const bytes = (held - before) / machine.view().shards.total
  note(`${shards} shards: ${Math.round((held - listed) / shards)} bytes each beside the list of shards`)
  return {
    name: `memory of a steward for each of ${shards} shards`,
    unit: 'bytes',
    ours: bytes,
    baseline: (listed - before) / shards,
    of: 'the list of shards',
    goal: { value: 'ours', most: 400 },
  }
}

/** The same once every shard has its verdict, by two vehicles each. */
async function bytesOfDecided(shards: number, { note }: BenchOptions): Promise<Figure> {
  const before = await settledMemory()
  const job = new StewardedJob({ shards, vehicles: 16 })
  const begun = await settledMemory()
  const startedMs = busyMs()
  job.run()
  const tookMs = busyMs() - startedMs
  const ended = await settledMemory()
  note(
    `${shards} shards: ${job.records} records, ${((tookMs * 1_000) / shards).toFixed(0)} µs a shard with its vehicles’ part`,
  )
  return {
    name: `memory of a steward for each of ${shards} decided shards`,
    unit: 'bytes',
    ours: (ended - before) / job.shards.length,
    baseline: (begun - before) / shards,
    of: 'before work began',
    goal: { value: 'ours', most: 400 },
  }
}

async function settledMemory(): Promise<number> {
  collectGarbage()
  await setImmediate()
  collectGarbage()
  return memoryOf()
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
}

/** The time of this thread alone: not that of all else the machine does. */
function busyMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

function memoryOf(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function advertBy(key: SigningKey, serial: number): SignedRecord {
  const {
    peer: signer,
    owner: _owner,
    serial: _serial,
    expiresMs: _expires,
    ...payload
  } = capacityOf(key.peerId, '')
  const expiresMs = Date.now() + advertTtlMs
  const body = encodeBody(bodyOf('advert', { signer, serial, expiresMs, payload: payload as Advert }))
  return { body, signature: key.sign(body) }
}

function capacityOf(peer: string, owner: string): Capacity {
  return {
    name: '',
    certificate: null,
    credential: null,
    slots: { total: 2, free: 2 },
    mode: 'run',
    reasons: [],
    availableUntilMs: null,
    engines: [engine],
    addresses: ['/ip4/192.0.2.1/tcp/4001'],
    software: '0',
    peer: peer as PeerId,
    owner: owner as OwnerId,
    serial: 0,
    expiresMs: Number.MAX_SAFE_INTEGER,
  }
}

/** As a steward reads them from the list of shards. */
function entriesOf(count: number): ShardEntry[] {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  const entries = Array.from({ length: count }, (_, i) => {
    view.setUint32(0, i)
    return { shard: rawCid(sha256, bytes), pages: 1, bytes: 100, costMs: 100 }
  })
  return decodeShardList(encodeList(entries))
}

function stewardOf(shards: readonly ShardEntry[]): Steward {
  const manifest = manifestOf(shards.length)
  return new Steward({ job: 'job' as JobId, manifest, shards, self: steward, drawSecret, sha256 })
}

function manifestOf(shards: number, stewards = [place]): Manifest {
  return {
    runtime: 'wasm',
    engine: { name: 'exact', id: engine.id },
    shards: { count: shards, pages: shards },
    agreement: 'bytes',
    assurance: { replicas: 2, audits: null, errorBound: 1e-4, colludingShare: 0.01, arbiter: 'owners' },
    fleet: null,
    drawCommitment: sha256(drawSecret),
    blind: null,
    payment: null,
    shortage: 'wait',
    deadlineMs: 1e13,
    stewards,
  } as unknown as Manifest
}
