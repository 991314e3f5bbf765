/** Receipts: only what the lease allows, opened as it was committed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ProtocolError } from '../../src/protocol/errors.ts'
import {
  checkReceipt,
  type Lease,
  type Opening,
  type Receipt,
  receiptRoot,
} from '../../src/protocol/job/lease.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { bodyOf, cidNamed, ownerNamed, peerNamed, sha256 } from '../support/core-fakes.ts'

const [v1, job] = [peerNamed('v1'), cidNamed('job')]
const lease: Verified<Lease> = {
  ...bodyOf(
    'lease',
    peerNamed('steward'),
    {
      vehicle: v1,
      owner: ownerNamed('o1'),
      shards: [0, 1, 2, 3].map((i) => cidNamed(`s${i}`)),
      positions: [0, 1, 2, 3],
      isa: null,
      costMs: 1,
      units: [1, 1, 1, 1],
      price: null,
      draw: { basis: cidNamed('basis'), eligible: Uint8Array.of(1), index: 0 },
    },
    { job },
  ),
  id: cidNamed('lease'),
}

const opened = (covers: readonly number[], salt = 0): Opening => ({
  results: covers.map((place) => cidNamed(`r${place}`)),
  nonce: Uint8Array.of(salt),
})

function receiptFor(covers: readonly number[], opening: Opening, changes: object = {}): Verified<Receipt> {
  const worker = { id: lease.id, job, worker: v1, shards: lease.payload.shards }
  const inside = covers.every((place) => place < 4)
  const root = inside ? receiptRoot(sha256, worker, covers, opening) : new Uint8Array(32)
  const payload = { lease: lease.id, covers, root, cpuMs: 1, wallMs: 1, energy: null }
  return { ...bodyOf('receipt', v1, payload, { job, ...changes }), id: cidNamed('receipt') }
}

function verdictOn(receipt: Verified<Receipt>, opening: Opening): string {
  try {
    checkReceipt(sha256, lease, receipt, opening)
    return 'taken'
  } catch (error) {
    assert(error instanceof ProtocolError)
    return error.refusal.code
  }
}

test('a receipt is taken just when it covers rising places of its lease, once each', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 6 }), (covers) => {
      const rising = covers.every(
        (place, i) => place < 4 && covers.slice(0, i).every((before) => before < place),
      )
      const opening = opened(covers)
      assert.equal(verdictOn(receiptFor(covers, opening), opening), rising ? 'taken' : 'malformed')
    }),
  )
})

test('a receipt of another vehicle, job or lease is not its own', () => {
  const opening = opened([0])
  const other = receiptFor([0], opening)
  assert.equal(verdictOn({ ...other, signer: peerNamed('v2') }, opening), 'not-its-lease')
  assert.equal(verdictOn({ ...other, job: cidNamed('J2') }, opening), 'not-its-lease')
  const payload = { ...other.payload, lease: cidNamed('L2') }
  assert.equal(verdictOn({ ...other, payload }, opening), 'not-its-lease')
})

test('an opening with another result, nonce, order or length is not what was committed to', () => {
  const covers = [0, 1]
  const opening = opened(covers)
  const receipt = receiptFor(covers, opening)
  assert.equal(verdictOn(receipt, opening), 'taken')
  assert.equal(verdictOn(receipt, opened(covers, 1)), 'wrong-root')
  assert.equal(verdictOn(receipt, { ...opening, results: opening.results.toReversed() }), 'wrong-root')
  assert.equal(verdictOn(receipt, { ...opening, results: opening.results.slice(1) }), 'malformed')
  const shortRoot = { ...receipt.payload, root: receipt.payload.root.subarray(0, 31) }
  assert.equal(verdictOn({ ...receipt, payload: shortRoot }, opening), 'wrong-root')
})

test('the root hides a guessable result behind the nonce, and names worker and lease', () => {
  const worker = { id: lease.id, job, worker: v1, shards: lease.payload.shards }
  const roots = [
    receiptRoot(sha256, worker, [0], opened([0])),
    receiptRoot(sha256, worker, [0], opened([0], 1)),
    receiptRoot(sha256, { ...worker, worker: peerNamed('v2') }, [0], opened([0])),
    receiptRoot(sha256, { ...worker, id: cidNamed('L2') }, [0], opened([0])),
    receiptRoot(sha256, { ...worker, job: cidNamed('J2') }, [0], opened([0])),
  ]
  assert.equal(new Set(roots.map((root) => root.join())).size, roots.length)
})
