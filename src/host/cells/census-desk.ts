/** Censuses that stewards of this node ask for: who of other cells is in an arc that the job's secret draws, with their signed adverts. */
import { BoundedMap } from '../../base/bounded-map.ts'
import { censusMax, censusTtlMs } from '../../protocol/cell-limits.ts'
import type { CensusResult } from '../../protocol/cells/census.ts'
import type { CellsInput } from '../../protocol/cells/contract.ts'
import type { PeerId } from '../../protocol/ids.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { Clock } from '../clock.ts'

/** Signed adverts that are kept for the censuses under way: four of the longest. */
const keptMax = 4 * censusMax

export interface Counted {
  readonly result: CensusResult
  /** Adverts of its members, but for those that were pushed out meanwhile. */
  readonly adverts: ReadonlyMap<PeerId, SignedRecord>
}

type Order = Omit<Extract<CellsInput, { type: 'take-census' }>, 'type' | 'name'>

export interface CensusDeskOptions {
  readonly tell: (input: CellsInput) => void
  /** The signed advert of a member of this node's own cell. */
  readonly own: (peer: PeerId) => SignedRecord | undefined
  readonly clock: Clock
  readonly isParted: () => boolean
  readonly point: (peer: PeerId, addresses: readonly string[]) => void
}

export class CensusDesk {
  readonly #options: CensusDeskOptions
  readonly #adverts = new BoundedMap<PeerId, { readonly serial: number; readonly record: SignedRecord }>(
    keptMax,
  )
  readonly #underWay = new Map<string, (counted: Counted | undefined) => void>()
  #count = 0

  constructor(options: CensusDeskOptions) {
    this.#options = options
  }

  /** False: all of the mesh is one cell, and nobody is elsewhere. */
  isParted(): boolean {
    return this.#options.isParted()
  }

  /** Remembers where a vehicle of another cell is. */
  point(peer: PeerId, addresses: readonly string[]): void {
    this.#options.point(peer, addresses)
  }

  /** An advert came as part of an answer, and was checked. */
  put(peer: PeerId, serial: number, record: SignedRecord): void {
    if ((this.#adverts.peek(peer)?.serial ?? -1) < serial) this.#adverts.set(peer, { serial, record })
  }

  /** Undefined: the node stopped, or nobody answered in time. */
  take(order: Order): Promise<Counted | undefined> {
    this.#count += 1
    const name = `${this.#count}`
    const { promise, resolve } = Promise.withResolvers<Counted | undefined>()
    this.#underWay.set(name, resolve)
    this.#options.clock.after(2 * censusTtlMs, () => this.#end(name, undefined))
    this.#options.tell({ type: 'take-census', name, ...order })
    return promise
  }

  counted(name: string, result: CensusResult): void {
    const adverts = new Map<PeerId, SignedRecord>()
    for (const { peer } of result.members) {
      const record = this.#adverts.peek(peer)?.record ?? this.#options.own(peer)
      if (record !== undefined) adverts.set(peer, record)
    }
    this.#end(name, { result, adverts })
  }

  stop(): void {
    for (const name of [...this.#underWay.keys()]) this.#end(name, undefined)
  }

  #end(name: string, counted: Counted | undefined): void {
    this.#underWay.get(name)?.(counted)
    this.#underWay.delete(name)
  }
}
