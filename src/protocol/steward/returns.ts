/**
 * Returns: results that receipts commit to, until somebody has looked at them.
 *
 * Equal results are fetched once, from the vehicle that claimed them first; when one claimant does not deliver, the
 * next is asked. A finding about a result holds for every vehicle that claims it: its name is the hash of its bytes.
 *
 * A vehicle whose connection was lost, perhaps in the very moment in which it handed its work in, has as long to come back
 * as for its leases: then it is asked again. Else all that it finished would be executed once more.
 */

import { BoundedMap } from '../../base/bounded-map.ts'
import type { Cid, PeerId, RecordId } from '../ids.ts'
import type { UnitCount } from '../price.ts'
import type { Finding } from '../verification/examination.ts'
import type { Wanted } from './contract.ts'
import type { LeaseState } from './lease-book.ts'
import type { ShardState } from './shard-state.ts'

/** A claim whose result nobody has looked at yet. */
export interface Return {
  readonly shard: ShardState
  readonly lease: LeaseState
  readonly receipt: RecordId
  readonly result: Cid
  /** The units that its receipt says it took, where units are counted. */
  readonly units: UnitCount | undefined
  /** Since when it waits. */
  sinceMs: number
}

interface Deferred {
  readonly want: Wanted
  untilMs: number
}

/** Those of the shards that are with other owners at the time, and of documents that are equal. A guess. */
const findingsKept = 1_024

export class Returns {
  /** Use: what was found in results that others may claim as well. A result that is claimed long after is examined again. */
  readonly #findings = new BoundedMap<string, Finding>(findingsKept)
  readonly #waiting = new Map<string, Return[]>()
  /** Use: results whose vehicle was away when it was asked, and until when it is waited for. */
  readonly #deferred = new Map<string, Deferred>()
  readonly #late = new WeakSet<Return>()

  /**
   * Returns the contents of the claimed result if they are known. Else the claim waits, and `wanted` gets what must
   * be fetched for it.
   */
  expect(claim: Return, wanted: Wanted[]): Finding | undefined {
    const want = wantOf(claim)
    const key = keyOf(want)
    const finding = this.#findings.get(key)
    if (finding !== undefined) return finding
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) waiting.push(claim)
    else {
      this.#waiting.set(key, [claim])
      wanted.push(want)
    }
    return undefined
  }

  /** The result came: the claims that waited for it. */
  found(want: Wanted, finding: Finding): Return[] {
    const key = keyOf(want)
    const waiting = this.#waiting.get(key) ?? []
    this.#waiting.delete(key)
    // A finding with all its content is not kept: if a vehicle claims the same later, the result is examined again.
    const isLight = finding.state === 'invalid' || finding.content === undefined
    if (waiting.length > 0 && isLight) this.#findings.set(key, finding)
    return waiting
  }

  /** The one who was asked is away: its claims wait for it. Returns whom to ask meanwhile, where another claims the same. */
  defer(want: Wanted, untilMs: number): Wanted | undefined {
    this.#deferred.set(`${keyOf(want)}/${want.from}`, { want, untilMs })
    const other = this.#waiting.get(keyOf(want))?.find((claim) => vehicleOf(claim) !== want.from)
    return other && wantOf(other)
  }

  /** This vehicle is back: returns what it is to be asked again. */
  returned(peer: PeerId): Wanted[] {
    const deferred = this.#takeDeferred(({ want }) => want.from === peer)
    return deferred.filter((want) => this.#waiting.has(keyOf(want)))
  }

  /** Returns what was waited for long enough: its vehicle stayed away. */
  overdue(nowMs: number): Wanted[] {
    return this.#takeDeferred(({ untilMs }) => untilMs <= nowMs)
  }

  /**
   * Returns the claims whose results have been waited for since before then, each once. They go on waiting: who brings a result a
   * byte at a time may bring it in the end, and holds nobody up until then.
   */
  *late(beforeMs: (claim: Return) => number): Generator<Return> {
    for (const claims of this.#waiting.values())
      for (const claim of claims)
        if (claim.sinceMs < beforeMs(claim) && !this.#late.has(claim)) {
          this.#late.add(claim)
          yield claim
        }
  }

  /** Claims that an earlier steward on this node has waited for: they have waited since then. */
  follow(before: Returns): void {
    const sinceMs = new Map<string, number>()
    for (const claims of before.#waiting.values())
      for (const claim of claims) sinceMs.set(`${claim.receipt}/${claim.shard.position}`, claim.sinceMs)
    for (const claims of this.#waiting.values())
      for (const claim of claims)
        claim.sinceMs = sinceMs.get(`${claim.receipt}/${claim.shard.position}`) ?? claim.sinceMs
  }

  /** The clock of this machine was set: forward by so much, or back when negative. */
  clockSet(byMs: number): void {
    for (const deferred of this.#deferred.values()) deferred.untilMs += byMs
    for (const claims of this.#waiting.values()) for (const claim of claims) claim.sinceMs += byMs
  }

  /** The one who was asked did not deliver: its claims are void, and the next claimant is to be asked. */
  missed(want: Wanted): { readonly lost: readonly Return[]; readonly next: Wanted | undefined } {
    const key = keyOf(want)
    const waiting = this.#waiting.get(key) ?? []
    const lost = waiting.filter((claim) => vehicleOf(claim) === want.from)
    const others = waiting.filter((claim) => vehicleOf(claim) !== want.from)
    if (others.length === 0) this.#waiting.delete(key)
    else this.#waiting.set(key, others)
    return { lost, next: lost.length > 0 && others.length > 0 ? wantOf(others[0]!) : undefined }
  }

  /**
   * Returns the results that shards without a verdict still wait for; claims that wait for nothing any more are let
   * go.
   */
  outstanding(): { readonly wanted: readonly Wanted[]; readonly settled: readonly Return[] } {
    const wanted: Wanted[] = []
    const settled: Return[] = []
    for (const [key, claims] of this.#waiting) {
      settled.push(...claims.filter((claim) => claim.shard.verdict !== undefined))
      const open = claims.filter((claim) => claim.shard.verdict === undefined)
      if (open.length === 0) this.#waiting.delete(key)
      else {
        this.#waiting.set(key, open)
        wanted.push(wantOf(open[0]!))
      }
    }
    return { wanted, settled }
  }

  #takeDeferred(isTaken: (deferred: Deferred) => boolean): Wanted[] {
    const taken = [...this.#deferred].filter(([, deferred]) => isTaken(deferred))
    for (const [key] of taken) this.#deferred.delete(key)
    return taken.map(([, { want }]) => want)
  }
}

function vehicleOf(claim: Return): Wanted['from'] {
  return claim.lease.lease.payload.vehicle
}

function wantOf(claim: Return): Wanted {
  return { result: claim.result, pages: claim.shard.entry.pages, from: vehicleOf(claim) }
}

function keyOf(want: { readonly result: Cid; readonly pages: number }): string {
  return `${want.result}/${want.pages}`
}
