/**
 * A report, written record by record: a test writes an honest one and changes a single thing. Vehicles are v0, v1 and so
 * on, each of an owner of its own unless the test says otherwise.
 */
import { fromString } from 'uint8arrays'
import { type AuditOutcome, auditReport } from '../../src/protocol/audit/audit.ts'
import type { ReportedRecord } from '../../src/protocol/audit/report.ts'
import type { Cid, JobId, OwnerId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import { bitsOf, type DrawBasis } from '../../src/protocol/job/draw.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import type { ShardEntry } from '../../src/protocol/job/lists.ts'
import { type Manifest, resultEngine } from '../../src/protocol/job/manifest.ts'
import { encodeResult } from '../../src/protocol/job/result.ts'
import type { ShardVerdict, Verdict } from '../../src/protocol/job/verdict.ts'
import type { UnitCount } from '../../src/protocol/price.ts'
import { cborCid, encodeCbor } from '../../src/protocol/record/block.ts'
import { type RecordBody, recordId, type SignedRecord } from '../../src/protocol/record/record.ts'
import type { RecordKind } from '../../src/protocol/records.ts'
import { bodyOf, cidNamed, manifestWith, peerNamed, seed, sha256, sign, verify } from './core-fakes.ts'

export const steward = peerNamed('steward')
const vehiclesMax = 6

export function vehicle(index: number): PeerId {
  return peerNamed(`v${index}`)
}

/** Owners are named by 64 hexadecimal digits. */
export function owner(index: number): OwnerId {
  return `${index}`.repeat(64) as OwnerId
}

interface Written {
  readonly id: RecordId
  readonly lease: Lease
}

export class WrittenReport {
  readonly job: JobId
  readonly manifest: Manifest
  readonly shards: ShardEntry[]
  readonly records: ReportedRecord[] = []
  /** Of the report's root. */
  shardList: Cid
  results: Cid[] = []
  reportedJob: JobId
  readonly #blocks = new Map<Cid, Uint8Array>()
  readonly #drawn: RecordId
  #serial = 0
  readonly #draws = new Map<PeerId, number>()

  /** `owners`: of each vehicle. */
  constructor(
    shards: number,
    changes: Parameters<typeof manifestWith>[0] = {},
    owners: readonly OwnerId[] = Array.from({ length: vehiclesMax }, (_, i) => owner(i)),
  ) {
    this.manifest = manifestWith({
      shards: { file: cidNamed('list'), bytes: 1, count: shards, pages: shards },
      ...changes,
    })
    this.shardList = this.manifest.shards.file
    this.shards = Array.from({ length: shards }, (_, i) => ({
      shard: cidNamed(`shard ${i}`),
      pages: 1,
      bytes: 1,
      costMs: 1,
    }))
    this.job = this.add('manifest', steward, this.manifest, { job: null })
    this.reportedJob = this.job
    const candidates = owners.map((name, i) => ({ peer: vehicle(i), owner: name }))
    this.#drawn = this.add('draw', steward, { candidates } satisfies DrawBasis)
  }

  add(
    kind: RecordKind,
    signer: PeerId,
    payload: unknown,
    more: Partial<RecordBody> = {},
    opening: Uint8Array | null = null,
  ): RecordId {
    const record = sign(bodyOf(kind, signer, payload, { job: this.job, serial: this.#serial, ...more }))
    this.#serial += 1
    this.records.push({ kind, record, opening })
    return recordId(sha256, record.body)
  }

  lease(
    index: number,
    positions: readonly number[],
    changes: Partial<Lease> = {},
    more: Partial<RecordBody> = {},
  ): Written {
    const signer = more.signer ?? steward
    const next = this.#draws.get(signer) ?? 0
    const draw = { basis: this.#drawn, eligible: bitsOf(vehiclesMax, [index]), index: next }
    this.#draws.set(signer, next + 1)
    const lease: Lease = {
      vehicle: vehicle(index),
      owner: owner(index),
      shards: positions.map((position) => this.shards[position]?.shard ?? cidNamed('no shard')),
      positions,
      isa: null,
      costMs: 1,
      units: positions.map(() => 1),
      price: null,
      draw,
      ...changes,
    }
    return { id: this.add('lease', signer, lease, more), lease }
  }

  /** A result of one page with this text, in the report. Two results of one text differ by `output`. */
  result(
    text: string,
    output = JSON.stringify({ text }),
    engine = resultEngine(this.manifest),
    units?: UnitCount,
  ): Cid {
    const records = [{ output: fromString(output), text, error: null, ...(units && { units }) }]
    const bytes = encodeResult({ engine, records })
    return this.block(cborCid(sha256, bytes), bytes)
  }

  /** A result of one page that failed with this code, in the report. */
  failure(code: string, engine = resultEngine(this.manifest)): Cid {
    const records = [{ output: new Uint8Array(0), text: '', error: { code, message: 'why' } }]
    const bytes = encodeResult({ engine, records })
    return this.block(cborCid(sha256, bytes), bytes)
  }

  block(cid: Cid, bytes: Uint8Array): Cid {
    this.#blocks.set(cid, bytes)
    if (!this.results.includes(cid)) this.results.push(cid)
    return cid
  }

  /** A result whose bytes are not in the report. */
  forget(cid: Cid): void {
    this.#blocks.delete(cid)
  }

  receipt({ id, lease }: Written, results: readonly Cid[], changes: Partial<Receipt> = {}): RecordId {
    const covers = changes.covers ?? [...lease.positions.keys()]
    const opening: Opening = { results, nonce: sha256(fromString('nonce')) }
    const worker = { id, job: this.job, worker: lease.vehicle, shards: lease.shards }
    const root = receiptRoot(sha256, worker, covers, opening)
    const receipt: Receipt = { lease: id, covers, root, cpuMs: 1, wallMs: 1, energy: null, ...changes }
    return this.add('receipt', lease.vehicle, receipt, {}, encodeCbor(opening))
  }

  /** A lease of these positions that was returned with the same result for each. */
  work(index: number, positions: readonly number[], result: Cid, changes: Partial<Lease> = {}): RecordId {
    return this.receipt(
      this.lease(index, positions, changes),
      positions.map(() => result),
    )
  }

  verdict(
    position: number,
    result: Cid | null,
    agreeing: readonly RecordId[],
    changes: Partial<ShardVerdict> = {},
    more: Partial<RecordBody> = {},
  ): RecordId {
    const verdict: ShardVerdict = {
      position,
      shard: this.shards[position]?.shard ?? cidNamed('no shard'),
      outcome: 'accepted',
      status: 'final',
      result,
      because: 'unanimous',
      agreeing,
      contradicting: [],
      settles: [],
      ...changes,
    }
    return this.add('verdict', more.signer ?? steward, { shards: [verdict] } satisfies Verdict, more)
  }

  end(signer = steward, more: Partial<RecordBody> = {}): RecordId {
    return this.add(
      'end',
      signer,
      { outcome: 'complete', reason: 'every shard is verified', secret: seed },
      more,
    )
  }

  audit(): AuditOutcome {
    return this.auditWith([])
  }

  /** … with adverts that the auditor brings. */
  auditWith(witnesses: readonly SignedRecord[]): AuditOutcome {
    return auditReport({
      witnesses,
      report: {
        job: this.reportedJob,
        recordPages: [],
        shardList: [this.shardList],
        results: this.results,
      },
      records: this.records,
      shards: this.shards,
      block: (cid) => this.#blocks.get(cid),
      sha256,
      verify,
    })
  }

  get problems(): readonly string[] {
    return this.audit().problems
  }
}
