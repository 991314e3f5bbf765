/**
 * A Merkle trie of fixed shape over record ids, by which two stewards find out in two round trips what each lacks:
 * 64 branches of 64 leaves; a leaf's hash covers its ids in order, a branch's its leaves, the root its branches.
 *
 * With 100,000 records a leaf has 24 ids, and ten differences on either side cost some 30 KB beside the records.
 * Hashes below the root are cut to 16 bytes, and ids to their last characters: a steward that forges a collision only
 * hides a record of its own. Range-based reconciliation (negentropy) needs 27 round trips for a thousand differences
 * in random order, where this needs two (notes on reliability, §4). XOR fingerprints would be cheaper to keep up to
 * date, but linear algebra forges them.
 */
import { concat, fromString } from 'uint8arrays'
import { compareText } from '../../base/bytes.ts'
import type { RecordId } from '../ids.ts'
import type { Sha256 } from './block.ts'

/** Bytes of the hashes of branches and leaves. */
const hashBytes = 16
/** The characters, of an id's 59, that tell it from others of its leaf: 58 random bits beside the leaf's. */
const shortIdLength = 16

/** Children of the root, and of each branch. */
export const trieFanout = 64

/** Most leaves have few ids, also of a large job: a Set for each would take more than they do. Whoever grinds ids into one leaf makes it one. */
type Leaf = readonly RecordId[] | Set<RecordId>

const listedMax = 64

function isIn(leaf: Leaf = [], id: RecordId): boolean {
  return leaf instanceof Set ? leaf.has(id) : leaf.includes(id)
}

function withOne(leaf: Leaf = [], id: RecordId): Leaf {
  if (leaf instanceof Set) return leaf.add(id)
  return leaf.length < listedMax ? [...leaf, id] : new Set([...leaf, id])
}

/** Only what holds a record takes memory: most jobs are small, and a node keeps many. */
export class RecordTrie {
  readonly #sha256: Sha256
  readonly #leaves = new Map<number, Leaf>()
  /** By branch, its leaves that have a record, in order: a small job has few of either. */
  readonly #occupied = new Map<number, number[]>()
  readonly #leafHashes = new Map<number, Uint8Array>()
  readonly #branchHashes = new Map<number, Uint8Array>()
  /** The hash of a branch without records; computed when it is first asked for. */
  #emptyBranchHash: Uint8Array | undefined
  #root: Uint8Array | undefined

  constructor(sha256: Sha256) {
    this.#sha256 = sha256
  }

  add(id: RecordId): void {
    const leaf = leafOf(id)
    const branch = Math.floor(leaf / trieFanout)
    const ids = this.#leaves.get(leaf)
    if (isIn(ids, id)) return
    this.#leaves.set(leaf, withOne(ids, id))
    if (ids === undefined)
      this.#occupied.set(branch, [...(this.#occupied.get(branch) ?? []), leaf].sort(ascending))
    this.#leafHashes.delete(leaf)
    this.#branchHashes.delete(branch)
    this.#root = undefined
  }

  /** 32 bytes. */
  root(): Uint8Array {
    this.#root ??= this.#sha256(concat(this.branches()))
    return this.#root
  }

  branches(): Uint8Array[] {
    return Array.from({ length: trieFanout }, (_, branch) => this.#branchHash(branch))
  }

  /** An empty leaf has no bytes for a hash, so that a small job's branches stay small on the wire. */
  leaves(branch: number): Uint8Array[] {
    const hashes = new Array<Uint8Array>(trieFanout).fill(nothing)
    for (const leaf of this.#occupied.get(branch) ?? []) hashes[leaf % trieFanout] = this.#leafHash(leaf)
    return hashes
  }

  /** In order. */
  ids(leaf: number): RecordId[] {
    return [...(this.#leaves.get(leaf) ?? [])].sort(compareText)
  }

  /** Those of a leaf that these short ids name; and of the short ids, those that name none. */
  resolve(
    leaf: number,
    shortIds: readonly string[],
  ): { readonly known: readonly RecordId[]; readonly unknown: readonly string[] } {
    const byShort = new Map(this.ids(leaf).map((id) => [shortIdOf(id), id]))
    return {
      known: shortIds.flatMap((shortId) => byShort.get(shortId) ?? []),
      unknown: shortIds.filter((shortId) => !byShort.has(shortId)),
    }
  }

  has(id: RecordId): boolean {
    return isIn(this.#leaves.get(leafOf(id)), id)
  }

  #branchHash(branch: number): Uint8Array {
    const leaves = this.#occupied.get(branch)
    if (leaves === undefined) {
      this.#emptyBranchHash ??= this.#hashOf(nothing)
      return this.#emptyBranchHash
    }
    const known = this.#branchHashes.get(branch)
    if (known !== undefined) return known
    const fresh = this.#hashOf(concat(leaves.map((leaf) => this.#leafHash(leaf))))
    this.#branchHashes.set(branch, fresh)
    return fresh
  }

  #leafHash(leaf: number): Uint8Array {
    const known = this.#leafHashes.get(leaf)
    if (known !== undefined) return known
    const fresh = this.#hashOf(fromString(this.ids(leaf).join('')))
    this.#leafHashes.set(leaf, fresh)
    return fresh
  }

  #hashOf(bytes: Uint8Array): Uint8Array {
    return this.#sha256(bytes).subarray(0, hashBytes)
  }
}

export function shortIdOf(id: RecordId): string {
  return id.slice(-shortIdLength)
}

const nothing = new Uint8Array(0)

function ascending(a: number, b: number): number {
  return a - b
}

/** By the id's last characters but one: the first are the same in every CID, and the last holds only three bits. */
function leafOf(id: RecordId): number {
  return (
    digit(id.charCodeAt(id.length - 2)) * 128 +
    digit(id.charCodeAt(id.length - 3)) * 4 +
    (digit(id.charCodeAt(id.length - 4)) >> 3)
  )
}

/** Base32 as CIDs use it: 'a' is 0, '2' is 26. Any other character counts as something below 32. */
function digit(code: number): number {
  return (code >= 97 ? code - 97 : code - 24) & 31
}
