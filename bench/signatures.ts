/**
 * What it costs to believe a receipt: decoding it strictly, its signature and its Merkle root, beside the signature
 * alone. One receipt covers eight shards, as a lease of small shards does.
 */
import { randomBytes } from 'node:crypto'
import { sha256 } from '../src/host/sha256.ts'
import { SigningKey, verifyByPeerId } from '../src/host/store/keys.ts'
import type { Cid } from '../src/protocol/ids.ts'
import {
  checkReceipt,
  type Lease,
  type Opening,
  openReceipt,
  receiptRoot,
} from '../src/protocol/job/lease.ts'
import { ownerIdOf } from '../src/protocol/membership/owner.ts'
import { rawCid } from '../src/protocol/record/block.ts'
import { encodeBody, type RecordBody, recordId, type Verified } from '../src/protocol/record/record.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'

const shards = 8
/** Of a core, while 1,000 shards a second are claimed twice. */
const claimsPerSecond = 2_000

export async function signatures({ quick, note }: BenchOptions): Promise<Figure[]> {
  const { lease, record, opening } = signedReceipt()
  const rounds = quick ? 3 : 9
  const whole = () => {
    const receipt = openReceipt(record, sha256, verifyByPeerId)
    checkReceipt(sha256, lease, receipt, opening)
  }
  const alone = () => {
    if (!verifyByPeerId(lease.payload.vehicle, record.body, record.signature))
      throw new Error('it does not verify')
  }
  const [ours, baseline]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round += 1) {
    baseline.push(rateOf(alone))
    ours.push(rateOf(whole))
  }
  note(`${median(ours).toFixed(0)} receipts/s, ${median(baseline).toFixed(0)} bare signatures/s`)
  return [
    {
      name: 'receipts believed, one core',
      unit: 'receipts/s',
      ours: median(ours),
      baseline: median(baseline),
      of: 'bare signatures',
      goal: { value: 'ours', least: claimsPerSecond / shards },
    },
    {
      name: `share of a core at 1,000 shards/s, m = 2, ${shards} shards a receipt`,
      unit: '%',
      ours: (100 * claimsPerSecond) / shards / median(ours),
      baseline: (100 * claimsPerSecond) / shards / median(baseline),
      of: 'bare signatures',
      goal: { value: 'ours', most: 20 },
    },
  ]
}

function rateOf(once: () => void): number {
  const startedMs = performance.now()
  let count = 0
  for (; performance.now() - startedMs < 300; count += 1) once()
  return count / ((performance.now() - startedMs) / 1000)
}

function signedReceipt() {
  const vehicle = SigningKey.generate()
  const cids = Array.from({ length: shards }, () => rawCid(sha256, new Uint8Array(randomBytes(32))) as Cid)
  const envelope = {
    domain: 'carpool',
    version: 1,
    job: cids[0]!,
    epoch: 0,
    steward: null,
    serial: 0,
    expiresMs: Date.now() + 60_000,
  } as const
  const payload: Lease = {
    vehicle: vehicle.peerId,
    owner: ownerIdOf(sha256, vehicle.peerId),
    shards: cids,
    positions: cids.map((_, i) => i),
    isa: null,
    costMs: 1,
    units: cids.map(() => 1),
    price: null,
    draw: { basis: cids[0]!, eligible: new Uint8Array(1), index: 0 },
  }
  const leaseBody: RecordBody<Lease> = {
    ...envelope,
    kind: 'lease',
    signer: SigningKey.generate().peerId,
    payload,
  }
  const id = recordId(sha256, encodeBody(leaseBody))
  const lease: Verified<Lease> = { ...leaseBody, id }
  const covers = cids.map((_, i) => i)
  const opening: Opening = { results: cids, nonce: new Uint8Array(randomBytes(16)) }
  const of = { id, job: cids[0]!, worker: vehicle.peerId, shards: cids }
  const root = receiptRoot(sha256, of, covers, opening)
  const body = encodeBody({
    ...envelope,
    kind: 'receipt',
    signer: vehicle.peerId,
    payload: { lease: id, covers, root, cpuMs: 1, wallMs: 1, energy: null },
  })
  return { lease, record: { body, signature: vehicle.sign(body) }, opening }
}
