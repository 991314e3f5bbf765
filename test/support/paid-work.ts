/** Leases with prices, receipts, verdicts and ends of one job, short to write. */
import type { Cid, PeerId, RecordId } from '../../src/protocol/ids.ts'
import { bitsOf } from '../../src/protocol/job/draw.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import type { JobEnd, ShardVerdict, Verdict } from '../../src/protocol/job/verdict.ts'
import type { PaidJob } from '../../src/protocol/ledger/claims.ts'
import { encodeBody, type RecordBody, recordId, type Verified } from '../../src/protocol/record/record.ts'
import type { RecordKind } from '../../src/protocol/records.ts'
import { bodyOf, cidNamed, ownerNamed, peerNamed, seed, sha256 } from './core-fakes.ts'

/** For claims under leases that all count, and of which nothing was written off. */
export const allCounts = { counts: () => true, isOpen: () => true }

export const paidJob: PaidJob = {
  job: cidNamed('paid job'),
  submitter: peerNamed('submitter'),
  fleet: peerNamed('fleet'),
  currency: 'EUR',
}

/** 7 micros a unit, of which the operator gets a tenth. */
export const price = { currency: 'EUR', unitMicros: 7, operatorPpm: 100_000 }

export function recordOf<Payload>(
  kind: RecordKind,
  signer: PeerId,
  serial: number,
  payload: Payload,
  epoch = 0,
): { readonly body: RecordBody<Payload>; readonly record: Verified<Payload> } {
  const body = bodyOf(kind, signer, payload, { job: paidJob.job, serial, epoch })
  return { body, record: { ...body, id: recordId(sha256, encodeBody(body)) } }
}

/** The candidates from which all of these leases were drawn, each as the only one that could be. */
export const basis = recordOf('draw', peerNamed('steward'), 1_000, {
  candidates: ['v1', 'v2', 'v3'].map((name) => ({
    peer: peerNamed(name),
    owner: ownerNamed(`owner of ${name}`),
  })),
}).record

export function leaseOf(
  vehicle: string,
  positions: readonly number[],
  { serial = 0, owner = `owner of ${vehicle}`, steward = 'steward', units = 3, ...more }: LeaseChanges = {},
): Verified<Lease> {
  return recordOf('lease', peerNamed(steward), serial, {
    vehicle: peerNamed(vehicle),
    owner: ownerNamed(owner),
    shards: positions.map((position) => cidNamed(`shard ${position}`)),
    positions,
    isa: null,
    costMs: 1,
    units: positions.map(() => units),
    price: more.price === undefined ? price : more.price,
    draw: {
      basis: more.basis ?? basis.id,
      eligible: bitsOf(
        8,
        basis.payload.candidates.flatMap(({ peer }, i) => (peer === peerNamed(vehicle) ? [i] : [])),
      ),
      index: serial,
    },
  }).record
}

interface LeaseChanges {
  readonly serial?: number
  readonly owner?: string
  readonly steward?: string
  readonly units?: number
  readonly price?: Lease['price']
  readonly basis?: RecordId
}

/** For these places of the lease. */
export function receiptOf(
  lease: Verified<Lease>,
  covers: readonly number[],
  serial = 0,
  opening: Opening = { results: covers.map(() => cidNamed('result')), nonce: new Uint8Array(32) },
): Verified<Receipt> {
  const of = {
    id: lease.id,
    job: paidJob.job,
    worker: lease.payload.vehicle,
    shards: lease.payload.shards,
  }
  return recordOf('receipt', lease.payload.vehicle, serial, {
    lease: lease.id,
    covers,
    root: receiptRoot(sha256, of, covers, opening),
    cpuMs: 1,
    wallMs: 1,
    energy: null,
  }).record
}

export function verdictOf(
  position: number,
  agreeing: readonly Verified<Receipt>[],
  {
    result = 'result',
    // A steward's serials rise over all kinds.
    serial = 500 + position,
    steward = 'steward',
    settles = [],
    outcome = 'accepted',
    because = outcome === 'accepted' ? 'unanimous' : 'too-many-losses',
    epoch = 0,
  }: {
    readonly result?: string
    readonly serial?: number
    readonly steward?: string
    readonly settles?: readonly RecordId[]
    readonly outcome?: 'accepted' | 'failed'
    readonly because?: ShardVerdict['because']
    readonly epoch?: number
  } = {},
): Verified<Verdict> {
  const shard: ShardVerdict = {
    position,
    shard: cidNamed(`shard ${position}`),
    outcome,
    status: 'final',
    result: outcome === 'accepted' ? (cidNamed(result) as Cid) : null,
    because,
    agreeing: agreeing.map(({ id }) => id),
    contradicting: [],
    settles,
  }
  return recordOf('verdict', peerNamed(steward), serial, { shards: [shard] }, epoch).record
}

export function endOf(outcome: JobEnd['outcome'] = 'complete', steward = 'steward'): Verified<JobEnd> {
  return recordOf('end', peerNamed(steward), 1_000, { outcome, reason: 'over', secret: seed }).record
}
