/**
 * Fills a stopped node's journal with what its job would leave there: the protocol's own steward leases every shard to
 * vehicles that answer at once, and all that it and they sign is written. One shard stays open, so that the job goes on.
 */
import { sha256 } from '../src/host/sha256.ts'
import { readFile } from '../src/host/store/files.ts'
import type { JournalRecord } from '../src/host/store/journal.ts'
import { drawSeed, loadKey, SigningKey, verifyByPeerId } from '../src/host/store/keys.ts'
import { openStore } from '../src/host/store.ts'
import type { Cid, JobId, PeerId } from '../src/protocol/ids.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../src/protocol/job/lease.ts'
import { decodeShardList } from '../src/protocol/job/lists.ts'
import { type Manifest, openManifest } from '../src/protocol/job/manifest.ts'
import type { Capacity } from '../src/protocol/membership/advert.ts'
import { ownerIdOf } from '../src/protocol/membership/owner.ts'
import { encodeCbor, rawCid } from '../src/protocol/record/block.ts'
import { encodeBody, type RecordBody, recordId, type Verified } from '../src/protocol/record/record.ts'
import type { StewardEffect, StewardInput } from '../src/protocol/steward/contract.ts'
import { Steward } from '../src/protocol/steward/steward.ts'

const vehicles = 20

export async function fillJournal(
  dataDir: string,
  job: string,
): Promise<{ readonly receipts: number; readonly records: number }> {
  const store = openStore(dataDir)
  try {
    const key = loadKey(store.directory.keyPath('node'))
    const manifest = openManifest(store.journal.get(job as JobId)!, sha256, verifyByPeerId)
    const { file, bytes } = manifest.payload.shards
    const shards = decodeShardList(await readFile(file, (cid) => store.blocks.get(cid), bytes))
    const [place] = manifest.payload.stewards
    const keys = new Map<PeerId, SigningKey>()
    for (let i = 0; i < vehicles; i += 1) {
      const vehicle = SigningKey.generate()
      keys.set(vehicle.peerId, vehicle)
    }
    const steward = new Steward({
      job: manifest.id,
      manifest: manifest.payload,
      shards,
      self: key.peerId,
      seed: drawSeed(key, place!.nonce),
      sha256,
    })
    const rows: JournalRecord[] = []
    let receipts = 0
    const leases = new Map<string, Verified<Lease>>()
    const inputs: StewardInput[] = [
      { type: 'roster', capacities: [...keys.keys()].map((peer) => capacityOf(peer, manifest.payload)) },
    ]
    const sign = (signer: SigningKey, body: RecordBody, extra: Opening | null) => {
      const encoded = encodeBody(body)
      const id = recordId(sha256, encoded)
      const opening = extra === null ? null : encodeCbor(extra)
      rows.push({
        id,
        job: manifest.id,
        kind: body.kind,
        body: encoded,
        signature: signer.sign(encoded),
        extra: opening,
      })
      return id
    }
    const answer = (lease: Verified<Lease>) => {
      const signer = keys.get(lease.payload.vehicle)!
      for (const [place, position] of lease.payload.positions.entries()) {
        if (position === shards.length - 1) return
        const result = rawCid(sha256, new TextEncoder().encode(`result ${position}`)) as Cid
        const opening: Opening = { results: [result], nonce: sha256(new Uint8Array([place])).slice(0, 16) }
        const of = { id: lease.id, job: manifest.id, worker: signer.peerId, shards: lease.payload.shards }
        const body: RecordBody<Receipt> = {
          domain: 'carpool',
          version: 1,
          kind: 'receipt',
          job: manifest.id,
          epoch: 0,
          steward: key.peerId,
          serial: receipts,
          expiresMs: manifest.expiresMs,
          signer: signer.peerId,
          payload: {
            lease: lease.id,
            covers: [place],
            root: receiptRoot(sha256, of, [place], opening),
            cpuMs: 1,
            wallMs: 1,
            energy: null,
          },
        }
        const id = sign(signer, body, opening)
        receipts += 1
        inputs.push({ type: 'receipt', receipt: { ...body, id }, opening, released: null })
      }
    }
    const carryOut = (effect: StewardEffect) => {
      if (effect.type === 'issue') {
        sign(key, effect.body, null)
        if (effect.body.kind === 'lease')
          leases.set(effect.id, { ...effect.body, id: effect.id } as Verified<Lease>)
      } else if (effect.type === 'offer') answer(leases.get(effect.lease)!)
      else if (effect.type === 'collect')
        inputs.push({
          type: 'examined',
          results: effect.wanted.map((want) => ({
            ...want,
            finding: { state: 'good', text: '', exhausted: false },
          })),
        })
    }
    for (let input = inputs.shift(); input !== undefined; input = inputs.shift())
      for (const effect of steward.handle(input, Date.now())) carryOut(effect)
    store.journal.append(rows)
    return { receipts, records: rows.length }
  } finally {
    store.close()
  }
}

function capacityOf(peer: PeerId, { runtime, engine }: Manifest): Capacity {
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
    engines: [{ runtime, engine: engine.name, id: engine.id, isa: null, unitsPerHour: 0, ask: null }],
    addresses: [],
    software: 'bench',
  }
}
