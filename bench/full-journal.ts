/**
 * Fills a stopped node's journal with what its job would leave there: the protocol's own steward leases every shard to
 * vehicles that answer at once, and all that it and they sign is written. One shard stays open, so that the job goes on.
 */

import { drawSecretOf, jobSecret } from '../src/host/sealing/sealing.ts'
import { sha256 } from '../src/host/sha256.ts'
import { readFile } from '../src/host/store/files.ts'
import type { JournalRecord } from '../src/host/store/journal.ts'
import { loadKey, SigningKey, verifyByPeerId } from '../src/host/store/keys.ts'
import { openStore } from '../src/host/store.ts'
import type { Cid, JobId, PeerId } from '../src/protocol/ids.ts'
import { type Issued, Issuer } from '../src/protocol/issuer.ts'
import { type Lease, type Opening, receiptRoot } from '../src/protocol/job/lease.ts'
import { decodeShardList } from '../src/protocol/job/lists.ts'
import { type Manifest, openManifest } from '../src/protocol/job/manifest.ts'
import { shardListBytesMax } from '../src/protocol/limits.ts'
import type { Capacity } from '../src/protocol/membership/advert.ts'
import { ownerIdOf } from '../src/protocol/membership/owner.ts'
import { encodeCbor, rawCid } from '../src/protocol/record/block.ts'
import type { Verified } from '../src/protocol/record/record.ts'
import type { RecordKind } from '../src/protocol/records.ts'
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
    const { shards: list } = manifest.payload
    const shards = decodeShardList(await readFile(list, (cid) => store.blocks.get(cid), shardListBytesMax))
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
      drawSecret: drawSecretOf(
        jobSecret(loadKey(store.directory.keyPath('submitter')), manifest.payload.seal.nonce),
      ),
      sha256,
    })
    const rows: JournalRecord[] = []
    let receipts = 0
    const leases = new Map<string, Verified<Lease>>()
    const inputs: StewardInput[] = [
      { type: 'roster', capacities: [...keys.keys()].map((peer) => capacityOf(peer, manifest.payload)) },
    ]
    const keep = (signer: SigningKey, { issued, body }: Issued<RecordKind>) => {
      const { kind, record, opening } = issued
      const signed = { body, signature: signer.sign(body) }
      const extra = opening === null ? null : encodeCbor(opening)
      rows.push({ id: record.id, job: manifest.id, kind, ...signed, extra })
      return signed
    }
    const issuers = new Map([...keys.keys()].map((peer) => [peer, new Issuer(peer, sha256)]))
    const answer = (lease: Verified<Lease>) => {
      const signer = keys.get(lease.payload.vehicle)!
      for (const [place, position] of lease.payload.positions.entries()) {
        if (position === shards.length - 1) return
        const result = rawCid(sha256, new TextEncoder().encode(`result ${position}`)) as Cid
        const opening: Opening = { results: [result], nonce: sha256(new Uint8Array([place])).slice(0, 16) }
        const of = { id: lease.id, job: manifest.id, worker: signer.peerId, shards: lease.payload.shards }
        const fields = {
          job: manifest.id,
          epoch: 0,
          steward: key.peerId,
          expiresMs: manifest.expiresMs,
          payload: {
            lease: lease.id,
            covers: [place],
            root: receiptRoot(sha256, of, [place], opening),
            cpuMs: 1,
            wallMs: 1,
            energy: null,
          },
        }
        const made = issuers.get(signer.peerId)!.issue('receipt', fields, opening)
        receipts += 1
        inputs.push({
          type: 'receipt',
          receipt: { ...made.issued, signed: keep(signer, made) },
          released: null,
        })
      }
    }
    const carryOut = (effect: StewardEffect) => {
      if (effect.type === 'issue') {
        const { kind, record } = effect.issued
        keep(key, effect)
        if (kind === 'lease') leases.set(record.id, record)
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
