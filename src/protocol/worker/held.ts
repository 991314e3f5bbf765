/** A lease that a vehicle has accepted and not handed in yet. */
import type { Lease } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import type { Verified } from '../record/record.ts'
import type { Done } from './contract.ts'

export interface Held {
  readonly lease: Verified<Lease>
  readonly manifest: Verified<Manifest>
  /**
   * A lease that a restart brought back is `restored` until a steward that looks after it is there to give out blocks that may be
   * missing.
   */
  state: 'restored' | 'preparing' | 'ready' | 'running' | 'draining'
  slot: number | undefined
  /** Finished and not yet in a receipt. */
  done: Done[]
  /** By its place in the lease, in a receipt or not. */
  readonly finished: Set<number>
  lastReceiptMs: number
  /** When it got its slot. */
  begunMs: number
  /** It drains because others wait for its slot, and goes on later. */
  isTurnOver: boolean
  receipts: number
}

export function newlyHeld({ lease, manifest }: Pick<Held, 'lease' | 'manifest'>, nowMs: number): Held {
  return {
    lease,
    manifest,
    state: 'preparing',
    slot: undefined,
    done: [],
    finished: new Set(),
    lastReceiptMs: nowMs,
    begunMs: nowMs,
    isTurnOver: false,
    receipts: 0,
  }
}

export function isComplete({ lease, finished }: Held): boolean {
  return finished.size === lease.payload.shards.length
}
