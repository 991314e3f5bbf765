/**
 * The ledger: how many transfers a second are on the disk for good, and how long `carpool audit` takes for a report of
 * 100,000 receipts, money included.
 *
 * The baseline of the transfers is the same number of bare rows in the same commits of the same database. The report is of a job
 * that the protocol's own steward leases to vehicles that answer at once, with a real signature on everything.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditFile } from '../src/host/jobs/audit.ts'
import { writeReport } from '../src/host/jobs/report.ts'
import { sha256 } from '../src/host/sha256.ts'
import { writeFile } from '../src/host/store/files.ts'
import type { JournalRecord } from '../src/host/store/journal.ts'
import { SigningKey, verifyByPeerId } from '../src/host/store/keys.ts'
import { openStore, type Store } from '../src/host/store.ts'
import { carryOut, type Hands } from '../src/protocol/driver.ts'
import type { Cid, PeerId } from '../src/protocol/ids.ts'
import { type Issued, Issuer } from '../src/protocol/issuer.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../src/protocol/job/lease.ts'
import { encodeList, type ShardEntry } from '../src/protocol/job/lists.ts'
import { type Manifest, resultEngine } from '../src/protocol/job/manifest.ts'
import { encodeResult } from '../src/protocol/job/result.ts'
import type { LedgerInput } from '../src/protocol/ledger/ledger.ts'
import type { Capacity } from '../src/protocol/membership/advert.ts'
import { ownerIdOf } from '../src/protocol/membership/owner.ts'
import { cborCid, encodeCbor } from '../src/protocol/record/block.ts'
import type { SignedRecord, Verified } from '../src/protocol/record/record.ts'
import type { RecordKind } from '../src/protocol/records.ts'
import type { StewardEffect, StewardInput } from '../src/protocol/steward/contract.ts'
import { Steward } from '../src/protocol/steward/steward.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'

const vehicles = 20
/** Claims that one verdict of 64 shards decides, as a busy steward's turn brings them. */
const claimsPerCommit = 128
const price = { currency: 'EUR', unitMicros: 200 }

export async function ledger(options: BenchOptions): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  try {
    return [...(await transfers(join(folder, 'transfers'), options)), await audit(folder, options)]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function transfers(dataDir: string, { quick, note }: BenchOptions): Promise<Figure[]> {
  const store = openStore(dataDir)
  try {
    store.database.run(
      'CREATE TABLE bare (serial INTEGER PRIMARY KEY, body BLOB NOT NULL, about TEXT NOT NULL) STRICT',
    )
    store.database.run('CREATE INDEX bare_about ON bare (about)')
    const rounds = quick ? 10 : 60
    const [ours, bare]: [number[], number[]] = [[], []]
    let count = 0
    for (let round = 0; round < rounds; round += 1) {
      const claims = Array.from({ length: claimsPerCommit }, () => claimNumber(count++))
      // Each is set aside in one commit and posted in a later one: two transfers, to the owner and to the operator each.
      let startedMs = performance.now()
      await store.books.handleSoon(
        claims.map((claim) => ({ ...claim, outcome: 'pending' })),
        round,
      )
      await store.books.handleSoon(claims, round)
      ours.push((4 * claimsPerCommit) / ((performance.now() - startedMs) / 1000))
      startedMs = performance.now()
      for (let commit = 0; commit < 2; commit += 1)
        store.database.transaction(() => {
          for (let i = 0; i < 2 * claimsPerCommit; i += 1)
            store.database.run(
              'INSERT INTO bare (body, about) VALUES (?, ?)',
              new Uint8Array(150),
              `${count}/${i}`,
            )
        })
      bare.push((4 * claimsPerCommit) / ((performance.now() - startedMs) / 1000))
    }
    const startedMs = performance.now()
    const broken = await store.books.check()
    const entries = store.books.last()!.serial
    const checkMs = performance.now() - startedMs
    if (broken !== null) throw new Error(`entry ${broken} is broken`)
    note(`${entries} entries, checked at ${Math.round(entries / (checkMs / 1000))}/s`)
    return [
      {
        name: `ledger transfers, durable, ${claimsPerCommit} claims a commit`,
        unit: 'transfers/s',
        ours: median(ours),
        baseline: median(bare),
        of: 'bare rows',
        goal: { value: 'ours', least: 1_000 },
      },
    ]
  } finally {
    store.close()
  }
}

function claimNumber(i: number): Extract<LedgerInput, { type: 'claim' }> {
  const id = (name: string) => cborCid(sha256, new TextEncoder().encode(name))
  const vehicle = `12D3KooW${`${i % vehicles}`.padStart(44, 'v')}` as PeerId
  return {
    type: 'claim',
    outcome: 'paid',
    claim: {
      job: id('job'),
      submitter: '12D3KooWsubmitter' as PeerId,
      fleet: '12D3KooWfleet' as PeerId,
      lease: id('lease'),
      receipt: id(`receipt ${i}`),
      place: 0,
      position: i,
      vehicle,
      owner: ownerIdOf(sha256, vehicle),
      units: 3,
      currency: price.currency,
      ownerMicros: 540,
      operatorMicros: 60,
    },
  }
}

async function audit(folder: string, { quick, note }: BenchOptions): Promise<Figure> {
  const receipts = quick ? 10_000 : 100_000
  const store = openStore(join(folder, 'steward'))
  const path = join(folder, 'report.car')
  let signed: number
  try {
    const { job, manifest, records } = await paidJob(store, receipts / 2)
    signed = records.filter(({ kind }) => kind === 'receipt').length
    store.journal.append(records)
    const all = new Map(records.map(({ id }) => [id, null]))
    const { bytes } = await writeReport(path, job, manifest, store, all)
    note(`${signed} receipts, ${records.length} records, ${Math.round(bytes / 2 ** 20)} MiB`)
  } finally {
    store.close()
  }
  const startedMs = performance.now()
  const before = process.cpuUsage()
  const { problems, summary } = await auditFile(path)
  const seconds = (performance.now() - startedMs) / 1000
  const { user, system } = process.cpuUsage(before)
  note(`${seconds.toFixed(1)} s, of which ${((user + system) / 1e6).toFixed(1)} s of CPU`)
  if (problems.length > 0) throw new Error(`the report does not hold: ${problems.slice(0, 3).join('; ')}`)
  for (const line of summary) note(line)
  return {
    name: `carpool audit of ${signed} receipts`,
    unit: 's',
    ours: seconds,
    baseline: signed * signatureSeconds(),
    of: 'the signatures of the receipts alone',
    goal: { value: 'ours', most: quick ? 3 : 30 },
  }
}

/** One Ed25519 verification here and now. */
function signatureSeconds(): number {
  const key = SigningKey.generate()
  const body = new Uint8Array(600)
  const signature = key.sign(body)
  const startedMs = performance.now()
  const rounds = 2_000
  for (let i = 0; i < rounds; i += 1)
    if (!verifyByPeerId(key.peerId, body, signature)) throw new Error('it does not verify')
  return (performance.now() - startedMs) / 1000 / rounds
}

/** A complete job of so many shards, each a page, executed twice, with a receipt for each execution. */
async function paidJob(
  store: Store,
  count: number,
): Promise<{ readonly job: Cid; readonly manifest: Manifest; readonly records: readonly JournalRecord[] }> {
  const steward = SigningKey.generate()
  const submitter = SigningKey.generate()
  const cars = new Map(
    Array.from({ length: vehicles }, () => SigningKey.generate()).map((key) => [key.peerId, key]),
  )
  const shards: ShardEntry[] = Array.from({ length: count }, (_, i) => ({
    shard: cborCid(sha256, new TextEncoder().encode(`shard ${i}`)),
    pages: 1,
    bytes: 1_024,
    costMs: 100,
  }))
  const list = encodeList(shards)
  const file = await writeFile(list, () => {})
  const nonce = new Uint8Array(16)
  const drawSecret = new Uint8Array(32)
  const manifest: Manifest = {
    runtime: 'wasm',
    engine: { name: 'exact', id: 'engine' },
    options: {},
    weights: [],
    shards: { file: file.root, bytes: list.byteLength, count, pages: count },
    documents: { file: file.root, bytes: list.byteLength, count },
    agreement: 'bytes',
    assurance: {
      replicas: 2,
      audits: null,
      lead: 3,
      errorBoundPpb: null,
      colludingSharePpm: 10_000,
      arbiter: 'owners',
    },
    fleet: null,
    seal: { nonce, commitment: new Uint8Array(32) },
    drawCommitment: sha256(drawSecret),
    shortage: 'wait',
    deadlineMs: Date.now() + 3_600_000,
    category: 'documents',
    payment: { currency: 'EUR', unit: 'page', unitMicrosMax: price.unitMicros, budgetMicros: 2 ** 40 },
    blind: null,
    stewards: [
      {
        peer: steward.peerId,
        owner: ownerIdOf(sha256, steward.peerId),
        nonce,
      },
    ],
  }
  const records: JournalRecord[] = []
  const keep = (key: SigningKey, { issued, body }: Issued<RecordKind>): SignedRecord => {
    const { kind, record, opening } = issued
    const signed = { body, signature: key.sign(body) }
    const extra = opening === null ? null : encodeCbor(opening)
    records.push({ id: record.id, job: record.job ?? record.id, kind, ...signed, extra })
    return signed
  }
  const fieldsOf = <Payload>(job: Cid | null, payload: Payload) => {
    return { job, epoch: 0, steward: null, expiresMs: manifest.deadlineMs, payload }
  }
  const issuers = new Map([...cars.keys()].map((peer) => [peer, new Issuer(peer, sha256)]))
  const manifestMade = new Issuer(submitter.peerId, sha256).issue('manifest', fieldsOf(null, manifest))
  keep(submitter, manifestMade)
  const job = manifestMade.issued.record.id
  const result = encodeResult({
    engine: resultEngine(manifest),
    records: [{ output: new Uint8Array(2), text: 'read', error: null }],
  })
  const resultCid = cborCid(sha256, result)
  const mine = store.blocks.of(job)
  await writeFile(list, ({ cid, bytes }) => mine.put(cid, bytes, 'input'))
  await mine.put(resultCid, result, 'result')

  const machine = new Steward({ job, manifest, shards, self: steward.peerId, drawSecret, sha256 })
  const leases = new Map<string, Verified<Lease>>()
  const inputs: StewardInput[] = [
    { type: 'roster', capacities: [...cars.keys()].map(capacityOf), operatorPpm: 100_000 },
  ]
  const answer = ({ id, payload }: Verified<Lease>) => {
    const key = cars.get(payload.vehicle)!
    for (const place of payload.positions.keys()) {
      const opening: Opening = { results: [resultCid], nonce: sha256(new Uint8Array([place])) }
      const of = { id, job, worker: key.peerId, shards: payload.shards }
      const root = receiptRoot(sha256, of, [place], opening)
      const work: Receipt = { lease: id, covers: [place], root, cpuMs: 1, wallMs: 1, energy: null }
      const made = issuers.get(key.peerId)!.issue('receipt', fieldsOf(job, work), opening)
      inputs.push({ type: 'receipt', receipt: { ...made.issued, signed: keep(key, made) }, released: null })
    }
  }
  const hands: Hands<StewardEffect> = {
    issue: (effect) => {
      const { kind, record } = effect.issued
      keep(steward, effect)
      if (kind === 'lease') leases.set(record.id, record)
    },
    offer: ({ lease }) => answer(leases.get(lease)!),
    collect: ({ wanted }) =>
      inputs.push({
        type: 'examined',
        results: wanted.map((want) => ({
          ...want,
          finding: { state: 'good', text: 'read', exhausted: false },
        })),
      }),
    'go-on': () => inputs.push({ type: 'go-on' }),
    // Vehicles answer at once and honestly, and nobody waits for anything.
    ...{ keep: ignore, send: ignore, revoke: ignore, recompute: ignore, lied: ignore },
    ...{ decided: ignore, ended: ignore, wake: ignore, 'tell-end': ignore },
  }
  let next = 0
  while (next < inputs.length) carryOut(machine.handle(inputs[next++]!, Date.now()), hands, (say) => say())
  return { job, manifest, records }
}

function ignore(): void {}

function capacityOf(peer: PeerId): Capacity {
  return {
    peer,
    owner: ownerIdOf(sha256, peer),
    serial: 0,
    expiresMs: Number.MAX_SAFE_INTEGER,
    name: '',
    certificate: null,
    credential: null,
    slots: { total: 1, free: 1 },
    mode: 'run',
    reasons: [],
    availableUntilMs: null,
    engines: [{ runtime: 'wasm', engine: 'exact', id: 'engine', isa: null, unitsPerHour: 0, ask: price }],
    addresses: [],
    software: 'bench',
  }
}
