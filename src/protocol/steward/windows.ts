/**
 * The windows of a job under audits: which claims wait for checks, which checks are under way, which have passed.
 *
 * It knows nothing of tallies: the steward tells it of claims, and asks the board how a check went.
 */
import type { Sha256 } from '../../base/prng.ts'
import type { OwnerId, RecordId } from '../ids.ts'
import type { Assurance, Audits } from '../job/manifest.ts'
import { checkOrder, isSampled, type Window } from '../job/window.ts'

export interface ClosedWindow {
  readonly owner: OwnerId
  readonly positions: readonly number[]
  /** All of its shards get unanimous replicas, when it is too small to be sampled, or the drawn checks cannot be made any more. */
  isSampled: boolean
  /** The order in which its positions are checked. */
  readonly order: readonly number[]
  passed: boolean
}

/**
 * How a check stands: `void` when there is nothing of this owner's to check there, nor will be, and the next one is checked in
 * its place; `never` when the shard was decided without it.
 */
export type Check = 'passed' | 'pending' | 'void' | 'never'

interface Pending {
  readonly window: ClosedWindow
  /** The positions that its outcome hangs on now. */
  readonly checks: readonly number[]
}

interface OpenWindow {
  readonly claims: Map<number, RecordId>
  lastMs: number
}

export class Windows {
  readonly #audits: Audits
  readonly #unanimous: number
  readonly #sha256: Sha256
  readonly #seed: Uint8Array
  readonly #open = new Map<OwnerId, OpenWindow>()
  readonly #closed = new Set<ClosedWindow>()
  /** By owner and position. */
  readonly #windowOf = new Map<string, ClosedWindow>()

  constructor(audits: Audits, { replicas }: Assurance, sha256: Sha256, seed: Uint8Array) {
    this.#audits = audits
    this.#unanimous = replicas
    this.#sha256 = sha256
    this.#seed = seed
  }

  /** Adds a claim that its shard rests on. A claim that is in a window already stays there. */
  add(owner: OwnerId, position: number, receipt: RecordId, nowMs: number): void {
    if (this.#windowOf.has(`${owner}/${position}`)) return
    const open = this.#open.get(owner)
    if (open === undefined) this.#open.set(owner, { claims: new Map([[position, receipt]]), lastMs: nowMs })
    else if (!open.claims.has(position)) {
      open.claims.set(position, receipt)
      open.lastMs = nowMs
    }
  }

  /** The shard has its verdict, and needs no window. */
  settle(position: number): void {
    for (const [owner, { claims }] of this.#open)
      if (claims.delete(position) && claims.size === 0) this.#open.delete(owner)
  }

  /** Returns the contents of the records for windows that `isDue` says are to be closed. */
  takeDue(isDue: (owner: OwnerId, idleSinceMs: number) => boolean): Window[] {
    const due: Window[] = []
    for (const [owner, { claims, lastMs }] of this.#open) {
      if (claims.size < this.#audits.windowShards && !isDue(owner, lastMs)) continue
      this.#open.delete(owner)
      const rows = [...claims].slice(0, this.#audits.windowShards)
      const rest = [...claims].slice(this.#audits.windowShards)
      if (rest.length > 0) this.#open.set(owner, { claims: new Map(rest), lastMs })
      rows.sort(([a], [b]) => a - b)
      due.push({
        owner,
        positions: rows.map(([position]) => position),
        receipts: [...new Set(rows.map(([, receipt]) => receipt))],
      })
    }
    return due
  }

  /** A window of this steward is signed, now or before a restart. */
  close(id: RecordId, { owner, positions }: Window): ClosedWindow {
    const window: ClosedWindow = {
      owner,
      positions,
      isSampled: isSampled(positions.length, this.#audits, this.#unanimous),
      order: checkOrder(this.#sha256, this.#seed, id, positions),
      passed: false,
    }
    this.#closed.add(window)
    for (const position of positions) this.#windowOf.set(`${owner}/${position}`, window)
    return window
  }

  /** The shards that each window's outcome hangs on now. Windows that pass are marked, and no longer among them. */
  *pending(checkOf: (owner: OwnerId, position: number) => Check): Generator<Pending> {
    for (const window of this.#closed) {
      const { owner, order } = window
      window.isSampled &&= this.#canPass(window, checkOf)
      const drawn = order.filter((position) => checkOf(owner, position) !== 'void')
      const wanted = window.isSampled ? drawn.slice(0, this.#audits.checks) : drawn
      const checks = wanted.filter((position) => checkOf(owner, position) === 'pending')
      window.passed = window.isSampled && checks.length === 0
      if (checks.length === 0) this.#closed.delete(window)
      yield { window, checks }
    }
  }

  /** Enough of the owner's claims are left to check, and none that was drawn was decided without a check. */
  #canPass({ owner, order }: ClosedWindow, checkOf: (owner: OwnerId, position: number) => Check): boolean {
    let counted = 0
    for (const position of order) {
      if (counted === this.#audits.checks) break
      const check = checkOf(owner, position)
      if (check === 'never') return false
      if (check !== 'void') counted += 1
    }
    return counted === this.#audits.checks
  }

  hasPassed(owner: OwnerId, position: number): boolean {
    return this.#windowOf.get(`${owner}/${position}`)?.passed === true
  }

  clockSet(byMs: number): void {
    for (const open of this.#open.values()) open.lastMs += byMs
  }

  /** The owner lied: nothing that it claims counts, in no window. */
  drop(owner: OwnerId): void {
    this.#open.delete(owner)
    for (const window of [...this.#closed]) if (window.owner === owner) this.#closed.delete(window)
    for (const [key, window] of this.#windowOf) if (window.owner === owner) this.#windowOf.delete(key)
  }
}
