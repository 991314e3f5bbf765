/**
 * Spreading: what holds for the whole fleet crosses all cells. A digest names the newest charter and the root over the proofs of lies that its
 * speaker knows; whoever knows less asks that speaker.
 */

import { equals } from 'uint8arrays'
import { impossible } from '../../base/assert.ts'
import { digestSpacingMs, proofsOfOneMax, proofsPerMinuteMax } from '../cell-limits.ts'
import type { OwnerId, PeerId, RecordId } from '../ids.ts'
import type { HeardDigest } from './digest.ts'
import type { Contact } from './member.ts'
import type { CellMessage } from './message.ts'
import type { ProofName } from './proofs.ts'
import type { Station } from './station.ts'

type ProofMessage = Extract<CellMessage, { type: 'proof-branches' | 'proof-leaves' | 'proofs' }>

export class Spreading {
  readonly #station: Station
  #pulledAtMs = Number.NEGATIVE_INFINITY
  #comparedAtMs = Number.NEGATIVE_INFINITY
  /** Use: by accuser, proofs that were asked for, and when: one that does not come may be asked for again. Invariant: none is empty. */
  readonly #fetched = new Map<PeerId, Map<RecordId, number>>()

  constructor(station: Station) {
    this.#station = station
  }

  heard({ charter, proofs, speaker }: HeardDigest, nowMs: number): void {
    const { charter: ours, effects, proofs: known } = this.#station
    if (
      ours !== null &&
      charter !== null &&
      charter.serial > ours.serial &&
      nowMs - this.#pulledAtMs >= digestSpacingMs
    ) {
      this.#pulledAtMs = nowMs
      effects.push({ type: 'pull-charter', from: speaker })
    }
    const isOwn = speaker.peer === this.#station.own.peer
    if (isOwn || equals(proofs, known.root()) || nowMs - this.#comparedAtMs < digestSpacingMs) return
    this.#comparedAtMs = nowMs
    effects.push({ type: 'ask', to: speaker, message: { type: 'proof-branches', hashes: known.branches() } })
  }

  message(from: Contact, message: ProofMessage, nowMs: number): void {
    const { proofs } = this.#station
    switch (message.type) {
      case 'proof-branches':
        for (const branch of proofs.unlikeBranches(message.hashes))
          this.#tell(from, { type: 'proof-leaves', branch, hashes: proofs.leaves(branch) })
        return
      case 'proof-leaves':
        for (const leaf of proofs.unlikeLeaves(message.branch, message.hashes))
          this.#tell(from, { type: 'proofs', leaf, names: proofs.names(leaf), asks: true })
        return
      case 'proofs':
        this.#forget(nowMs)
        for (const name of message.names) this.#accused(name, from, nowMs)
        if (message.asks)
          this.#tell(from, {
            type: 'proofs',
            leaf: message.leaf,
            names: proofs.names(message.leaf),
            asks: false,
          })
        return
      default:
        impossible(message)
    }
  }

  /** A proof was checked here. */
  proven(owner: OwnerId, proof: RecordId, isTrue: boolean): void {
    const { proofs } = this.#station
    if (isTrue) proofs.add({ owner, proof })
    else proofs.drop((name) => name.proof === proof)
  }

  /** An owner that a charter revokes needs no proof. */
  revoked(): void {
    const { proofs, revoked } = this.#station
    proofs.drop(({ owner }) => revoked.has(owner))
  }

  clockSet(byMs: number): void {
    this.#pulledAtMs += byMs
    this.#comparedAtMs += byMs
    for (const asked of this.#fetched.values())
      for (const [proof, atMs] of asked) asked.set(proof, atMs + byMs)
  }

  #accused(name: ProofName, from: Contact, nowMs: number): void {
    const { proofs, revoked, effects } = this.#station
    if (revoked.has(name.owner)) return
    if (this.#station.speaks(nowMs)) {
      if (proofs.has(name.proof) || !this.#mayFetch(name.proof, from.peer, nowMs)) return
      effects.push({ type: 'accused', ...name, from, isUrgent: true })
      return
    }
    // It takes its speakers' word for what to look at, and nobody else's; each of them may have the proof that another only names.
    if (!this.#station.speakers(nowMs).includes(from.peer)) return
    const isNew = proofs.add(name)
    if (!this.#mayFetch(name.proof, from.peer, nowMs) && !isNew) return
    const isUrgent = this.#station.here().some(({ owner }) => owner === name.owner)
    effects.push({ type: 'accused', ...name, from, isUrgent })
  }

  /** Each accuser has a part of its own: nobody keeps a proof from being fetched by naming it first, or by naming many that there are not. */
  #mayFetch(proof: RecordId, from: PeerId, nowMs: number): boolean {
    const own = this.#fetched.get(from) ?? new Map<RecordId, number>()
    if (own.has(proof) || own.size >= proofsOfOneMax) return false
    let total = 0
    for (const { size } of this.#fetched.values()) total += size
    if (total >= proofsPerMinuteMax) return false
    this.#fetched.set(from, own.set(proof, nowMs))
    return true
  }

  /** Drops what was asked for a minute ago. Once a message: it walks over all. */
  #forget(nowMs: number): void {
    for (const [accuser, asked] of this.#fetched) {
      for (const [name, atMs] of asked) if (nowMs - atMs >= 60_000) asked.delete(name)
      if (asked.size === 0) this.#fetched.delete(accuser)
    }
  }

  #tell(to: Contact, message: ProofMessage): void {
    this.#station.effects.push({ type: 'ask', to, message })
  }
}
