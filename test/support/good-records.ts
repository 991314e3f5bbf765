/** A good record of each kind, for the tests that bend bytes. */

import { packDigest } from '../../src/protocol/cells/digest.ts'
import type { Opening } from '../../src/protocol/job/lease.ts'
import type { SignedRecord } from '../../src/protocol/record/record.ts'
import type { PayloadOf, RecordKind } from '../../src/protocol/records.ts'
import { digestOf } from './core-cells.ts'
import { bodyOf, cidNamed, manifestWith, ownerNamed, peerNamed, placeOf, sha256, sign } from './core-fakes.ts'
import { capacityOf } from './core-steward-stage.ts'
import { consentTo } from './handovers.ts'

export const bytes32 = sha256(new Uint8Array(0))
export const v1 = peerNamed('v1')
const hex = 'ab'.repeat(32)
const steward = peerNamed('steward')
const job = cidNamed('job') as never

const { peer: _, owner: __, serial: ___, expiresMs: ____, ...advertOf } = capacityOf('v1:o1:slots=2')
export const advert = advertOf
export const opening: Opening = { results: [cidNamed('r')], nonce: bytes32 }
/** A place that steward gave to v1, and that v1 consented to. */
const taker = placeOf('v1')
export const place = { job, epoch: 1, previous: job, lost: peerNamed('lost') } as const
const consent = consentTo(place, steward, taker)

function made<Kind extends RecordKind>(kind: Kind, payload: PayloadOf<Kind>, signer = steward): SignedRecord {
  return sign(bodyOf(kind, signer, payload))
}

const certificate = made('owner', { peer: v1 }, peerNamed('owner key'))

export const changedList = made('draw', {
  before: cidNamed('basis'),
  removed: [peerNamed('v2')],
  added: [{ peer: v1, owner: ownerNamed('o1') }],
  count: 1,
  root: bytes32,
})

export const goodRecords: { readonly [Kind in RecordKind]: SignedRecord } = {
  owner: certificate,
  charter: made('charter', {
    name: 'fleet',
    keys: [v1],
    registrars: ['/ip4/192.0.2.1/tcp/4001'],
    operatorPpm: 150_000,
    revoked: [{ id: hex, untilMs: 9 }],
    cleared: [{ owner: ownerNamed(hex), atMs: 7 }],
  } as never),
  credential: made('credential', { peer: v1, vehicle: 'car', owner: ownerNamed(hex) }),
  advert: sign(bodyOf('advert', v1, { ...advert, certificate }, { expiresMs: 100_000 })),
  digest: made(
    'digest',
    packDigest(digestOf('', { charter: { serial: 3, hash: bytes32.subarray(0, 16) } })),
    v1,
  ),
  access: made('access', { reader: v1 }),
  accounts: made('accounts', { reader: v1, of: 'owner' }),
  cancellation: made('cancellation', {}, v1),
  consent,
  statement: made('statement', {
    vehicle: v1,
    owner: ownerNamed(hex),
    currency: 'EUR',
    units: 3,
    micros: 19,
    receipts: 1,
    root: bytes32,
    closed: true,
    paidMicros: 0,
  }),
  manifest: made('manifest', manifestWith({ options: { language: 'de', width: 0.5, fast: true } }), v1),
  handover: sign(
    bodyOf(
      'handover',
      steward,
      { previous: place.previous, lost: place.lost, taker, consent },
      { job, epoch: 1, steward },
    ),
  ),
  draw: made('draw', { candidates: [{ peer: v1, owner: ownerNamed('o1') }] }),
  lease: made('lease', {
    vehicle: v1,
    owner: ownerNamed('o1'),
    shards: [cidNamed('s0'), cidNamed('s1')],
    positions: [0, 1],
    isa: null,
    costMs: 2_000,
    units: [1, 1],
    price: null,
    draw: { basis: cidNamed('basis'), eligible: Uint8Array.of(3), index: 0 },
  } as never),
  allowance: made('allowance', {
    writtenOff: [
      { lease: cidNamed('lease'), places: [0, 2] },
      { lease: cidNamed('counted'), places: [1], units: [7] },
    ],
    given: [{ to: v1, micros: 5 }],
  } as never),
  receipt: made(
    'receipt',
    { lease: cidNamed('lease'), covers: [0, 1], root: bytes32, cpuMs: 5, wallMs: 7, energy: null } as never,
    v1,
  ),
  window: made('window', {
    owner: ownerNamed('o1'),
    positions: [0, 3],
    receipts: [cidNamed('R1'), cidNamed('R2')],
  } as never),
  verdict: made('verdict', {
    shards: [
      {
        position: 0,
        shard: cidNamed('s0'),
        outcome: 'accepted',
        status: 'final',
        result: cidNamed('r'),
        because: 'unanimous',
        agreeing: [cidNamed('R1')],
        contradicting: [],
        settles: [],
      },
    ],
  } as never),
  holding: made('holding', { inputs: true, verdicts: [cidNamed('V1')] } as never),
  end: made('end', { outcome: 'complete', reason: 'done', secret: bytes32 }),
}
