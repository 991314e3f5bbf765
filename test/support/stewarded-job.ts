/**
 * A job that one steward looks after from its beginning to the last verdict, with vehicles that take every lease and answer at once:
 * for what it takes in memory and time. Records of vehicles come as bytes, as from the network.
 */
import type { CouncilEffect, CouncilInput } from '../../src/protocol/council/contract.ts'
import { Council } from '../../src/protocol/council/council.ts'
import { type Lease, type Opening, receiptRoot } from '../../src/protocol/job/lease.ts'
import { decodeShardList, encodeList, type ShardEntry } from '../../src/protocol/job/lists.ts'
import type { Audits, Manifest } from '../../src/protocol/job/manifest.ts'
import { encodeResult } from '../../src/protocol/job/result.ts'
import { cborCid, encodeCbor, rawCid, reopenCbor } from '../../src/protocol/record/block.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { openRecordAs } from '../../src/protocol/records.ts'
import { examineResult, type Finding } from '../../src/protocol/verification/examination.ts'
import { bodyOf, cidNamed, drawSecret, manifestWith, peerNamed, sha256, sign, verify } from './core-fakes.ts'
import { rosterOf } from './core-steward-stage.ts'

const job = cidNamed('stewarded job')
const self = peerNamed('steward')
const nonce = new Uint8Array(32)

export interface StewardedJobOptions {
  readonly shards: number
  /** Each of an owner of its own. */
  readonly vehicles: number
  readonly audits?: Audits | null
  /** The cost of each shard: dear ones are leased alone. */
  readonly costMs?: number
}

export class StewardedJob {
  readonly council: Council
  /** Use: so that whoever measures measures it along. */
  readonly shards: readonly ShardEntry[]
  readonly #manifest: Manifest
  readonly #inputs: CouncilInput[] = []
  readonly #leases: Verified<Lease>[] = []
  #nowMs = 1_000
  #serial = 0
  records = 0

  constructor({ shards: count, vehicles, audits = null, costMs = 100 }: StewardedJobOptions) {
    const { shards } = manifestWith()
    this.#manifest = manifestWith({
      shards: { ...shards, count, pages: count },
      deadlineMs: 1e12,
      assurance: { audits },
    })
    this.shards = decodeShardList(encodeList(Array.from({ length: count }, (_, i) => entryOf(i, costMs))))
    this.council = new Council({ job, manifest: this.#manifest, self, drawSecret, sha256 })
    const names = Array.from({ length: vehicles }, (_, i) => `v${i}`)
    this.#carryOut(this.council.begin({ records: [], shards: this.shards, fresh: true }, this.#nowMs))
    this.handle({ type: 'inputs-held', shards: this.shards })
    for (const name of names) this.handle({ type: 'connected', peer: peerNamed(name) })
    const words = names.map((name, i) => `${name}:o${i}:slots=2`)
    this.handle({ type: 'roster', capacities: rosterOf(words, { verb: '', words, settings: new Map() }) })
  }

  /** Runs it until every shard has its verdict. */
  run(): void {
    while (!this.council.hasEnded) {
      const input = this.#inputs.shift()
      if (input !== undefined) this.handle(input)
      else {
        const lease = this.#leases.shift()
        this.#nowMs += lease === undefined ? 1_000 : 10
        this.handle(lease === undefined ? { type: 'wake' } : this.#receiptOf(lease))
      }
    }
  }

  /** A bench may measure what is done in it. */
  handle(input: CouncilInput): void {
    this.#carryOut(this.council.handle(input, this.#nowMs))
  }

  #carryOut(effects: readonly CouncilEffect[]): void {
    for (const effect of effects)
      switch (effect.type) {
        case 'issue':
          this.records += 1
          if (effect.issued.kind === 'lease') this.#leases.push(effect.issued.record)
          break
        case 'keep':
          this.records += 1
          break
        case 'offer':
          this.#inputs.push({ type: 'accepted', lease: effect.lease, from: effect.to })
          break
        case 'collect': {
          const results = effect.wanted.map((want) => ({ ...want, finding: findingOf(want.result) }))
          this.#inputs.push({ type: 'examined', results })
          break
        }
        case 'go-on':
          this.#inputs.push({ type: 'go-on' })
      }
  }

  #receiptOf({ id, payload: { vehicle, positions, shards } }: Verified<Lease>): CouncilInput {
    const covers = shards.map((_, place) => place)
    const results = positions.map((position) => cborCid(sha256, encodeCbor(['result', position])))
    const opening = reopenCbor<Opening>(encodeCbor({ results, nonce }))
    const root = receiptRoot(sha256, { id, job, worker: vehicle, shards }, covers, opening)
    const payload = { lease: id, covers, root, cpuMs: 1, wallMs: 1, energy: null }
    this.#serial += 1
    const record = sign(bodyOf('receipt', vehicle, payload, { job, steward: self, serial: this.#serial }))
    const receipt = openRecordAs('receipt', record, opening, sha256, verify)
    return { type: 'receipt', receipt, released: null }
  }
}

function entryOf(position: number, costMs: number): ShardEntry {
  return { shard: rawCid(sha256, encodeCbor(['shard', position])), pages: 1, bytes: 100, costMs }
}

/** By the code that a steward reads results with. */
function findingOf(result: string): Finding {
  const records = [{ output: new Uint8Array(0), text: result, error: null }]
  return examineResult(sha256, encodeResult({ engine: 'engine-1', records }), 1, 'engine-1', 'bytes')
}
