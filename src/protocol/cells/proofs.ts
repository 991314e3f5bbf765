/**
 * The proofs of lies that a node knows of, by owner and by name: 100 bytes each, where the proof itself takes 5 KB.
 *
 * Two nodes find out what each lacks by a trie (../record/record-trie.ts), as stewards of one job do with their records. So a ban
 * crosses the mesh in as many steps as the tree of regions has levels, and nobody is told ten thousand proofs because it connects.
 * A name is an accusation, no proof. A speaker fetches the proof and checks it before it tells anybody of it, so that a false one ends at the
 * first honest speaker. Other members take the word of their cell's speakers for what to look at: they fetch the proof, and ban, when that
 * owner might get work from them.
 */
import { equals } from 'uint8arrays'
import { listedProofsMax, proofsMax } from '../cell-limits.ts'
import type { OwnerId, RecordId } from '../ids.ts'
import type { Sha256 } from '../record/block.ts'
import { RecordTrie, trieFanout } from '../record/record-trie.ts'

/** A lie of this owner, of which this is the proof's name. */
export interface ProofName {
  readonly owner: OwnerId
  readonly proof: RecordId
}

/** Branches that one answer goes into: the others follow the next time. */
const branchesAtOnce = 8

export class Proofs {
  readonly #sha256: Sha256
  #trie: RecordTrie
  readonly #owners = new Map<RecordId, OwnerId>()

  constructor(sha256: Sha256) {
    this.#sha256 = sha256
    this.#trie = new RecordTrie(sha256)
  }

  get size(): number {
    return this.#owners.size
  }

  has(proof: RecordId): boolean {
    return this.#owners.has(proof)
  }

  /** False: it is known, or there is no room. */
  add({ owner, proof }: ProofName): boolean {
    if (this.#owners.has(proof) || this.#owners.size >= proofsMax) return false
    this.#owners.set(proof, owner)
    this.#trie.add(proof)
    return true
  }

  /** Forgets what a charter says of by itself, or what turned out to prove nothing. */
  drop(isGone: (name: ProofName) => boolean): void {
    const gone = [...this.#owners].filter(([proof, owner]) => isGone({ owner, proof }))
    if (gone.length === 0) return
    for (const [proof] of gone) this.#owners.delete(proof)
    this.#trie = new RecordTrie(this.#sha256)
    for (const proof of this.#owners.keys()) this.#trie.add(proof)
  }

  /** 32 bytes. */
  root(): Uint8Array {
    return this.#trie.root()
  }

  branches(): Uint8Array[] {
    return this.#trie.branches()
  }

  leaves(branch: number): Uint8Array[] {
    return this.#trie.leaves(branch)
  }

  /** The branches that differ from these. */
  unlikeBranches(hashes: readonly Uint8Array[]): number[] {
    return unlike(this.branches(), hashes).slice(0, branchesAtOnce)
  }

  /** The leaves of a branch that differ from these, by their place among all. */
  unlikeLeaves(branch: number, hashes: readonly Uint8Array[]): number[] {
    return unlike(this.leaves(branch), hashes).map((leaf) => branch * trieFanout + leaf)
  }

  names(leaf: number): ProofName[] {
    return this.#trie
      .ids(leaf)
      .slice(0, listedProofsMax)
      .map((proof) => ({ owner: this.#owners.get(proof)!, proof }))
  }
}

function unlike(ours: readonly Uint8Array[], theirs: readonly Uint8Array[]): number[] {
  return ours.flatMap((hash, i) => (theirs[i] !== undefined && equals(hash, theirs[i]) ? [] : [i]))
}
