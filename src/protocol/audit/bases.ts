/**
 * The lists of candidates in a report: each is made from its records once more, one change after another, and checked against the
 * number and the root that its own record names.
 */
import { equals } from 'uint8arrays'
import type { PeerId, RecordId } from '../ids.ts'
import { candidatesRoot, type DrawBasis, type DrawCandidate, type DrawRecord } from '../job/draw.ts'
import { drawCandidatesMax } from '../limits.ts'
import type { Sha256 } from '../record/block.ts'
import type { Verified } from '../record/record.ts'

/** 'missing': a record that it rests on is not in the report. 'wrong': its records do not give the list that it says. */
export type AuditedBasis = DrawBasis | 'missing' | 'wrong'

export class AuditedBases {
  readonly #sha256: Sha256
  readonly #records = new Map<RecordId, Verified<DrawRecord>>()
  /** The last list that was made: leases come in the order in which they were drawn. */
  #last: { readonly id: RecordId; readonly peers: ReadonlyMap<PeerId, DrawCandidate> } | undefined
  #found: { readonly id: RecordId; readonly basis: AuditedBasis } | undefined

  constructor(sha256: Sha256) {
    this.#sha256 = sha256
  }

  add(record: Verified<DrawRecord>): void {
    this.#records.set(record.id, record)
    this.#found = undefined
  }

  record(id: RecordId): Verified<DrawRecord> | undefined {
    return this.#records.get(id)
  }

  /** Tells whether all records are here from which a list would be made. */
  has(id: RecordId): boolean {
    return this.of(id) !== 'missing'
  }

  of(id: RecordId): AuditedBasis {
    if (this.#found?.id !== id) this.#found = { id, basis: this.#find(id) }
    return this.#found.basis
  }

  #find(id: RecordId): AuditedBasis {
    const record = this.#records.get(id)
    if (record === undefined) return 'missing'
    const { payload } = record
    if ('candidates' in payload) return payload
    const peers = this.#peersOf(record)
    if (typeof peers === 'string') return peers
    this.#last = { id, peers }
    const names = [...peers.keys()].sort()
    const list = { candidates: names.map((peer) => peers.get(peer)!) }
    const isAsSaid =
      names.length === payload.count && equals(candidatesRoot(this.#sha256, list), payload.root)
    return isAsSaid ? list : 'wrong'
  }

  #peersOf(tip: Verified<DrawRecord>): ReadonlyMap<PeerId, DrawCandidate> | 'missing' | 'wrong' {
    const path: Verified<DrawRecord>[] = []
    let start: ReadonlyMap<PeerId, DrawCandidate> | undefined
    for (let at = tip; start === undefined; ) {
      if (at.signer !== tip.signer) return 'wrong'
      path.unshift(at)
      const { payload } = at
      if ('candidates' in payload) start = new Map()
      else {
        const before = this.#records.get(payload.before)
        if (before === undefined) return 'missing'
        if (this.#last?.id === before.id && before.signer === tip.signer) start = this.#last.peers
        at = before
      }
    }
    const peers = new Map(start)
    for (const { payload } of path) {
      const { added, removed } =
        'candidates' in payload ? { added: payload.candidates, removed: [] } : payload
      for (const peer of removed) if (!peers.delete(peer)) return 'wrong'
      for (const candidate of added) {
        if (peers.has(candidate.peer)) return 'wrong'
        peers.set(candidate.peer, candidate)
      }
      if (peers.size > drawCandidatesMax) return 'wrong'
    }
    return peers
  }
}
