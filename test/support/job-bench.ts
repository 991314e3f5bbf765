/** A job's records made one by one, and the state that one node folds them into. */
import { fromString } from 'uint8arrays'
import type { Cid, LeaseId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import { cancellationOf } from '../../src/protocol/job/cancellation.ts'
import { bitsOf } from '../../src/protocol/job/draw.ts'
import { type Lease, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import type { ShardEntry } from '../../src/protocol/job/lists.ts'
import type { Assurance, Manifest } from '../../src/protocol/job/manifest.ts'
import type { JobEnd, ShardVerdict } from '../../src/protocol/job/verdict.ts'
import { type UnitCount, unitsOf } from '../../src/protocol/price.ts'
import type { RecordBody, Verified } from '../../src/protocol/record/record.ts'
import { type Checked, type JobRecord, type JobRecordKind, openRecordAs } from '../../src/protocol/records.ts'
import { JobState } from '../../src/protocol/state/job-state.ts'
import {
  bodyOf,
  cidNamed,
  drawSecret,
  manifestWith,
  nameOfCid,
  ownerNamed,
  peerNamed,
  placeOf,
  sha256,
  sign,
  verify,
} from './core-fakes.ts'

const nonce = sha256(fromString('nonce'))

export class JobBench {
  readonly job = cidNamed('job')
  readonly manifest: Manifest
  readonly shards: readonly ShardEntry[]
  readonly state: JobState
  readonly records: JobRecord[] = []
  /** By steward, the number of its next draw: another makes it skip some. */
  readonly draws = new Map<string, number>()
  #serial = 0

  /** Stewards a (the submitter's), b and c; `self` folds; serials rise from `serial`. Vehicle v1 belongs to owner o1, v1x as well. */
  constructor({
    self = 'a',
    shards = 1,
    assurance = {} as Partial<Assurance>,
    serial = 0,
    payment = null as Manifest['payment'],
    units = undefined as UnitCount | undefined,
    owners = undefined as Manifest['owners'] | undefined,
    agreement = undefined as Manifest['agreement'] | undefined,
  } = {}) {
    this.#serial = serial
    this.manifest = manifestWith({
      stewards: [placeOf('a'), placeOf('b'), placeOf('c')],
      shards: { file: cidNamed('shard list'), bytes: 1, count: shards, pages: shards },
      assurance,
      payment,
      ...(owners && { owners }),
      ...(agreement && { agreement }),
    })
    this.shards = Array.from({ length: shards }, (_, i) => ({
      ...{ shard: cidNamed(`shard ${i}`), pages: 1, bytes: 1, costMs: 1 },
      ...(units && { units }),
    }))
    this.state = this.newState(self)
  }

  newState(self: string): JobState {
    const submitter = peerNamed('submitter')
    const state = new JobState(this.job, this.manifest, sha256, {
      self: peerNamed(self),
      submitter,
      drawSecret,
    })
    state.knowShards(this.shards)
    return state
  }

  /** Signs and admits a record. */
  sign<Kind extends JobRecordKind>(kind: Kind, by: PeerId, payload: unknown, opening = null as unknown) {
    this.#serial += 1
    const body = bodyOf(kind, by, payload, { job: this.job, serial: this.#serial })
    const entry = openRecordAs(kind, sign(body), opening as never, sha256, verify)
    this.records.push(entry as JobRecord)
    this.state.admit(entry as JobRecord)
    return entry.record as Verified
  }

  /** A steward leases shards to a vehicle, which claims this result for all of them: returns the receipt's id. */
  claim(
    by: string,
    vehicle: string,
    result: string,
    positions: readonly number[] = [0],
    changes: Partial<Lease> = {},
    /** Those of each of its shards. */
    units?: UnitCount,
  ): RecordId {
    const worker = { peer: peerNamed(vehicle), owner: ownerNamed(vehicle.slice(1, 2).repeat(64)) }
    const { id: basis } = this.sign('draw', peerNamed(by), { candidates: [worker] })
    const lease: Lease = {
      vehicle: worker.peer,
      owner: worker.owner,
      shards: positions.map((position) => this.shards[position]!.shard),
      positions,
      isa: null,
      costMs: 1,
      units: positions.map((position) => unitsOf(this.shards[position]!, 'page')),
      price: null,
      draw: { basis, eligible: bitsOf(1, [0]), index: this.draws.get(by) ?? 0 },
      ...changes,
    }
    this.draws.set(by, lease.draw.index + 1)
    const { id } = this.sign('lease', peerNamed(by), lease)
    return this.#receipt(id as LeaseId, lease, result, units)
  }

  /** The vehicle that worked under the newest lease says something else of all its shards. */
  contradict(result: string): RecordId {
    const { record } = this.records.findLast(({ kind }) => kind === 'lease') as Checked<'lease'>
    return this.#receipt(record.id as LeaseId, record.payload, result)
  }

  #receipt(id: LeaseId, { vehicle, shards, positions }: Lease, result: string, units?: UnitCount): RecordId {
    const leased = { id, job: this.job, worker: vehicle, shards }
    const covers = positions.map((_, place) => place)
    const opening = { results: positions.map(() => cidNamed(result)), nonce }
    const root = receiptRoot(sha256, leased, covers, opening)
    const counted = units && { units: covers.map(() => units) }
    const receipt: Receipt = { lease: id, covers, root, ...counted, cpuMs: 1, wallMs: 1, energy: null }
    return this.sign('receipt', vehicle, receipt, opening).id
  }

  /** `more`: what it says of other shards. */
  verdict(
    by: string,
    result: string,
    agreeing: readonly RecordId[],
    changes: Partial<ShardVerdict> = {},
    more: readonly Partial<ShardVerdict>[] = [],
  ) {
    const position = changes.position ?? 0
    const verdict: ShardVerdict = {
      ...{ position, shard: this.shards[position]!.shard, outcome: 'accepted', status: 'final' },
      ...{ result: cidNamed(result), because: 'unanimous', agreeing, contradicting: [], settles: [] },
      ...changes,
    }
    const others = more.map((shard) => ({ ...verdict, shard: this.shards[shard.position!]!.shard, ...shard }))
    return this.sign('verdict', peerNamed(by), { shards: [verdict, ...others] })
  }

  end(by: string, outcome: JobEnd['outcome'], secret: Uint8Array = drawSecret): Verified {
    return this.sign('end', peerNamed(by), { outcome, reason: 'over', secret } satisfies JobEnd)
  }

  /** `changes`: to the body of the job's one cancellation. */
  cancellation(changes: Partial<RecordBody> = {}): JobRecord {
    const body = { ...cancellationOf(this.job, this.manifest, peerNamed('submitter')), ...changes }
    const entry = openRecordAs('cancellation', sign(body), null, sha256, verify)
    this.records.push(entry)
    this.state.admit(entry)
    return entry
  }

  window(by: string, vehicle: string, positions: readonly number[], receipts: readonly RecordId[]): Verified {
    const owner = ownerNamed(vehicle.slice(1, 2).repeat(64))
    return this.sign('window', peerNamed(by), { owner, positions, receipts })
  }

  /** Looks at all results that are wanted: each says what its name is, but for those that nobody delivers. */
  look({
    state = this.state,
    missing = [] as readonly string[],
    invalid = [] as readonly string[],
    units = undefined as UnitCount | undefined,
  } = {}): string[] {
    const names: string[] = []
    for (let wanted = state.decisions.takeWanted(); wanted.length > 0; wanted = state.decisions.takeWanted())
      state.decisions.examined(
        wanted.map(({ result, pages }) => {
          const name = nameOfCid(result)
          names.push(name)
          if (missing.includes(name)) return { result, pages, finding: { state: 'missing' } }
          if (invalid.includes(name)) return { result, pages, finding: { state: 'invalid' } }
          const counted = units && { units }
          const content = [{ error: null, text: name, output: undefined }]
          return {
            ...{ result, pages },
            finding: { state: 'good', text: name, exhausted: false, content, ...counted },
          }
        }),
      )
    state.decisions.review(0)
    return names.sort()
  }

  /** The result that stands, or how the shard stands without one. */
  stands(position = 0, state = this.state): string {
    const standing = state.standing(position)
    if (standing.state !== 'stands') return standing.state
    const { result, outcome } = standing.verdict
    return result === null ? outcome : nameOfCid(result as Cid)
  }
}
