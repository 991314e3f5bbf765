/** Every kind of record that stewards and vehicles exchange, with each field at its bound. */
import { registrarsHeardMax } from '../../src/protocol/fleet-limits.ts'
import type { Cid, OwnerId, PeerId } from '../../src/protocol/ids.ts'
import { openAccess } from '../../src/protocol/job/access.ts'
import { openAllowance } from '../../src/protocol/job/allowance.ts'
import { openCancellation } from '../../src/protocol/job/cancellation.ts'
import { openConsent } from '../../src/protocol/job/consent.ts'
import { openDrawBasis } from '../../src/protocol/job/draw.ts'
import { openHandover } from '../../src/protocol/job/handover.ts'
import { openHolding } from '../../src/protocol/job/holding.ts'
import { type Opening, openLease, openReceipt } from '../../src/protocol/job/lease.ts'
import { openManifest } from '../../src/protocol/job/manifest.ts'
import { openEnd, openVerdict } from '../../src/protocol/job/verdict.ts'
import { openWindow } from '../../src/protocol/job/window.ts'
import { openStatement } from '../../src/protocol/ledger/statement.ts'
import {
  blindCandidatesMax,
  blindKeysMax,
  clearedOwnersMax,
  documentListBytesMax,
  drawCandidatesMax,
  givenMax,
  holdingVerdictsMax,
  leaseShardsMax,
  revocationsMax,
  settledVerdictsMax,
  shardListBytesMax,
  shardsMax,
  shardUnitsMax,
  stewardsMax,
  unitMicrosMax,
  verdictReceiptsMax,
  windowShardsMax,
  wrappedKeyBytes,
  writtenOffMax,
} from '../../src/protocol/limits.ts'
import { accountsAccessType } from '../../src/protocol/membership/accounts-access.ts'
import { openCharter, openCredential } from '../../src/protocol/membership/fleet.ts'
import { openCertificate } from '../../src/protocol/membership/owner.ts'
import type { SignedRecord } from '../../src/protocol/record/record.ts'
import type { RecordKind } from '../../src/protocol/records.ts'
import { drawListedMax, nonceBytesMax } from '../../src/protocol/sizes.ts'
import { bodyOf, cidNamed, manifestWith, sha256, sign } from './core-fakes.ts'

export const most = Number.MAX_SAFE_INTEGER
const hash = new Uint8Array(32).fill(0xff)

export function times<Item>(count: number, make: (i: number) => Item): Item[] {
  return Array.from({ length: count }, (_, i) => make(i))
}

export function fullCid(name: string | number): Cid {
  return cidNamed(`full ${name}`)
}

/** 64 characters, as long as a peer id or an owner may be. */
function fullPeer(i: number): PeerId {
  return `${i}`.padEnd(64, 'p') as PeerId
}

function fullOwner(i: number): OwnerId {
  return `${i}`.padStart(64, '0') as OwnerId
}

/** The last positions of the largest job. */
const highPositions = (count: number) => times(count, (i) => shardsMax - count + i)
const cids = (count: number) => times(count, fullCid)

const stewardPlace = (i: number) => ({
  peer: fullPeer(i),
  owner: fullOwner(i),
  nonce: hash.subarray(16),
})

/** Of the taker of the fullest handover, and what it consents to. */
const taker = stewardPlace(1)
const place = { previous: fullCid('p'), lost: fullPeer(0) }
const consented = { ...place, nonce: taker.nonce, owner: taker.owner }

const shardVerdict = (position: number, agreeing: number, contradicting: number) => ({
  position,
  shard: fullCid(position),
  outcome: 'accepted',
  status: 'provisional',
  result: fullCid(position),
  because: 'too-many-losses',
  agreeing: cids(agreeing),
  contradicting: cids(contradicting),
  settles: cids(settledVerdictsMax),
})

export const fullOpening: Opening = { results: cids(leaseShardsMax), nonce: new Uint8Array(nonceBytesMax) }

/** Payloads under the name of what they are. */
const full = {
  manifest: [
    'manifest',
    openManifest,
    manifestWith({
      runtime: 'r'.repeat(32),
      engine: { name: 'n'.repeat(32), id: 'i'.repeat(64) },
      shards: { file: fullCid('s'), bytes: shardListBytesMax, count: shardsMax, pages: most },
      documents: { file: fullCid('d'), bytes: documentListBytesMax, count: most },
      blind: {
        key: hash,
        candidates: times(blindCandidatesMax, (i) => ({ peer: fullPeer(i), owner: fullOwner(i) })),
        keys: { file: fullCid('k'), bytes: blindKeysMax * wrappedKeyBytes },
      },
      stewards: times(stewardsMax, stewardPlace),
    }),
  ],
  charter: [
    'charter',
    openCharter,
    {
      name: 'n'.repeat(64),
      keys: [fullPeer(0), fullPeer(1)],
      registrars: times(4, () => 'r'.repeat(256)),
      operatorPpm: 1_000_000,
      revoked: times(revocationsMax, (i) => ({ id: fullOwner(i), untilMs: most })),
      cleared: times(clearedOwnersMax, (i) => ({ owner: fullOwner(i), atMs: most })),
      heard: times(registrarsHeardMax, (i) => ({ registrar: fullPeer(i), serial: most })),
    },
  ],
  credential: [
    'credential',
    openCredential,
    { peer: fullPeer(0), vehicle: 'v'.repeat(64), owner: fullOwner(0) },
  ],
  owner: ['owner', openCertificate, { peer: fullPeer(0) }],
  access: ['access', openAccess, { reader: fullPeer(0) }],
  accounts: ['accounts', accountsAccessType.open, { reader: fullPeer(0), of: 'operator' }],
  cancellation: ['cancellation', openCancellation, {}],
  draw: [
    'draw',
    openDrawBasis,
    { candidates: times(drawListedMax, (i) => ({ peer: fullPeer(i), owner: fullOwner(i) })) },
  ],
  'draw that changes a list': [
    'draw',
    openDrawBasis,
    {
      before: fullCid('b'),
      removed: [],
      added: times(drawListedMax, (i) => ({ peer: fullPeer(i), owner: fullOwner(i) })),
      count: most,
      root: new Uint8Array(32),
    },
  ],
  lease: [
    'lease',
    openLease,
    {
      vehicle: fullPeer(0),
      owner: fullOwner(0),
      shards: cids(leaseShardsMax),
      positions: times(leaseShardsMax, () => most),
      isa: 'x'.repeat(64),
      costMs: most,
      units: times(leaseShardsMax, () => most),
      price: { currency: 'EUR', unitMicros: unitMicrosMax, operatorPpm: 1_000_000 },
      draw: { basis: fullCid('b'), eligible: new Uint8Array(drawCandidatesMax / 8), index: most },
    },
  ],
  receipt: [
    'receipt',
    openReceipt,
    {
      lease: fullCid('l'),
      covers: times(leaseShardsMax, () => most),
      root: hash,
      cpuMs: most,
      wallMs: most,
      energy: { joules: most, basis: 'estimated' },
    },
  ],
  'verdict on many shards': [
    'verdict',
    openVerdict,
    {
      shards: highPositions(leaseShardsMax).map((position) =>
        shardVerdict(position, verdictReceiptsMax / leaseShardsMax, verdictReceiptsMax / leaseShardsMax),
      ),
    },
  ],
  'verdict on one shard': [
    'verdict',
    openVerdict,
    { shards: [shardVerdict(shardsMax - 1, verdictReceiptsMax, verdictReceiptsMax)] },
  ],
  window: [
    'window',
    openWindow,
    { owner: fullOwner(0), positions: highPositions(windowShardsMax), receipts: cids(windowShardsMax) },
  ],
  holding: ['holding', openHolding, { inputs: true, verdicts: cids(holdingVerdictsMax) }],
  handover: [
    'handover',
    openHandover,
    { ...place, taker, consent: signedBy(taker.peer, 'consent', consented) },
  ],
  consent: ['consent', openConsent, consented],
  end: ['end', openEnd, { outcome: 'cancelled', reason: 'r'.repeat(256), secret: hash }],
  statement: [
    'statement',
    openStatement,
    {
      vehicle: fullPeer(0),
      owner: fullOwner(0),
      currency: 'EUR',
      units: most,
      micros: most,
      receipts: most,
      root: hash,
      closed: false,
      paidMicros: most,
    },
  ],
  allowance: [
    'allowance',
    openAllowance,
    {
      writtenOff: times(writtenOffMax, (i) => ({
        lease: fullCid(i),
        places: times(leaseShardsMax, (p) => p),
        units: times(leaseShardsMax, () => shardUnitsMax),
      })),
      given: times(givenMax, (i) => ({ to: fullPeer(i), micros: most })),
    },
  ],
} as const satisfies Record<string, readonly [FullKind, (...args: never[]) => unknown, unknown]>

/** The accounts of a vehicle are opened by a record of no job. */
type FullKind = RecordKind | 'accounts'

export type FullRecord = keyof typeof full
export const fullRecords = Object.keys(full) as FullRecord[]

export function fullRecord(name: FullRecord): SignedRecord {
  const [kind, , payload] = full[name]
  return signedBy(fullPeer(2), kind, payload)
}

function signedBy(signer: PeerId, kind: FullKind, payload: unknown): SignedRecord {
  const body = {
    job: fullCid('job') as never,
    epoch: most,
    steward: fullPeer(2),
    serial: most,
    expiresMs: most,
  }
  return sign(bodyOf(kind, signer, payload, body))
}

/** Throws ProtocolError. */
export function openFullRecord(name: FullRecord, record: SignedRecord, verify = () => true): unknown {
  return full[name][1](record, sha256, verify)
}
