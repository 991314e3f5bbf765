/**
 * Short names and cheap stand-ins for what the core takes from its shell: a real sha256, ids that read as
 * 'v1' or 'a' in a trace, and signatures that anybody can make but that still bind signer and body.
 */
import { createHash } from 'node:crypto'
import { concat, equals, fromString } from 'uint8arrays'
import type { Cid, OwnerId, PeerId } from '../../src/protocol/ids.ts'
import type { Manifest, StewardPlace } from '../../src/protocol/job/manifest.ts'
import { rawCid } from '../../src/protocol/record/block.ts'
import {
  encodeBody,
  type RecordBody,
  type SignedRecord,
  type Verify,
} from '../../src/protocol/record/record.ts'
import type { Checked, Opened, RecordKind } from '../../src/protocol/records.ts'

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest())
}

/** Peer ids have at least 40 characters; nobody wants to read them. */
export function peerNamed(name: string): PeerId {
  return name.padEnd(40, '.') as PeerId
}

export function nameOfPeer(peer: PeerId): string {
  return peer.replace(/\.+$/, '')
}

export function ownerNamed(name: string): OwnerId {
  return name as OwnerId
}

const cidNames = new Map<Cid, string>()
const cids = new Map<string, Cid>()

export function cidNamed(name: string): Cid {
  const known = cids.get(name)
  if (known !== undefined) return known
  const cid = rawCid(sha256, fromString(name))
  cids.set(name, cid)
  cidNames.set(cid, name)
  return cid
}

export function nameOfCid(cid: Cid): string {
  return cidNames.get(cid) ?? cid
}

export function bodyOf<Payload>(
  kind: RecordKind,
  signer: PeerId,
  payload: Payload,
  more: Partial<RecordBody> = {},
): RecordBody<Payload> {
  return {
    domain: 'carpool',
    version: 1,
    kind,
    job: null,
    epoch: 0,
    steward: null,
    serial: 0,
    expiresMs: 10_000_000,
    signer,
    ...more,
    payload,
  }
}

export function sign(body: RecordBody): SignedRecord {
  const bytes = encodeBody(body)
  return { body: bytes, signature: signatureOf(body.signer, bytes) }
}

/** A record that nobody signed, for a core whose shell has believed it. */
export function believed<Kind extends RecordKind>(record: Checked<Kind>): Opened<Kind> {
  const unsigned = { body: new Uint8Array(0), signature: new Uint8Array(0) }
  return { ...record, signed: unsigned } as Opened<Kind>
}

/** Signs the bytes of a body that the core made. */
export function signBytes({ signer }: { readonly signer: PeerId }, body: Uint8Array): SignedRecord {
  return { body, signature: signatureOf(signer, body) }
}

export const verify: Verify = (signer, bytes, signature) => equals(signatureOf(signer, bytes), signature)

function signatureOf(signer: PeerId, bytes: Uint8Array): Uint8Array {
  const half = sha256(concat([fromString(signer), bytes]))
  return concat([half, half])
}

export const seed = sha256(fromString('the seed of every test that does not say otherwise'))
/** From which the draws of a test's job come. */
export const drawSecret = seed.slice()

/** A steward's place; its owner is named like it. */
export function placeOf(name: string): StewardPlace {
  return {
    peer: peerNamed(name),
    owner: ownerNamed(name),
    nonce: sha256(fromString(name)).slice(0, 16),
  }
}

export function manifestWith(
  changes: Partial<Omit<Manifest, 'assurance'>> & { assurance?: Partial<Manifest['assurance']> } = {},
): Manifest {
  const { assurance, ...rest } = changes
  return {
    runtime: 'ocr',
    engine: { name: 'wasm', id: 'engine-1' },
    options: {},
    weights: [],
    shards: { file: cidNamed('shard list'), bytes: 1, count: 1, pages: 1 },
    documents: { file: cidNamed('document list'), bytes: 1, count: 1 },
    agreement: 'bytes',
    fleet: null,
    seal: { nonce: new Uint8Array(16), commitment: new Uint8Array(32) },
    drawCommitment: sha256(drawSecret),
    shortage: 'wait',
    deadlineMs: 3_600_000,
    category: 'documents',
    payment: null,
    blind: null,
    stewards: [placeOf('steward')],
    ...rest,
    assurance: {
      replicas: 2,
      audits: null,
      lead: 3,
      errorBoundPpb: 100_000,
      colludingSharePpm: 10_000,
      arbiter: 'owners',
      ...assurance,
    },
  }
}
