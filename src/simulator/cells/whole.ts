/**
 * All vehicles of a mesh for a day, each as three numbers: its key, when it is there, and when it works. Cells split and merge by the
 * production machine, one for each cell, every five minutes. What is left out is that members of one cell do not hear the same: that is
 * what the sampled cells are for (region.ts).
 */
import { mergeBelow, splitAbove } from '../../protocol/cell-limits.ts'
import { CellDepth } from '../../protocol/cells/depth.ts'
import { cellAt, cellKeyOf, keyBits, parentOf, siblingOf, wholeMesh } from '../../protocol/cells/key.ts'
import type { CellId, PeerId } from '../../protocol/ids.ts'
import { Chance, cheapHash } from '../chance.ts'
import { nameOf, peerNamed } from '../fixtures.ts'
import { stepMs, stepsPerDay } from './presence.ts'

/** Keys are counted by so many first bits: a cell is never deeper. */
const bucketBitsMax = 17
/** Contacts that a vehicle keeps of its cell and on the way to the root. */
const contactsKept = 16 + 2 * 13

/** Steps of a day, the last not included. */
export interface Steps {
  readonly fromStep: number
  readonly untilStep: number
}

/** Trouble that comes to a mesh from outside. */
export interface Trouble {
  /** Vehicles that are cut off in these steps, by index: a region goes dark. */
  readonly dark?: Steps & { readonly share: number }
  /** In these steps a third of the vehicles hears the others not, and the others not it. */
  readonly parted?: Steps
  /** One in so many vehicles belongs to a cartel. */
  readonly cartelEvery?: number
}

const prefix = 'vehicle-'

/** The peer that a vehicle of the whole mesh is. */
export function peerOfVehicle(vehicle: number): PeerId {
  return peerNamed(`${prefix}${vehicle}`)
}

/** Undefined: it is another node. */
export function vehicleOf(peer: PeerId): number | undefined {
  return peer.startsWith(prefix) ? Number(nameOf(peer).slice(prefix.length)) : undefined
}

export interface StepCounts {
  readonly step: number
  readonly present: number
  readonly cells: number
  readonly largest: number
  readonly smallest: number
  /** The mean size of the cell that a vehicle is in: by vehicle, not by cell. */
  readonly around: number
  readonly splits: number
  readonly merges: number
  readonly moved: number
  readonly arrivals: number
  /** Those of them that found none of the contacts they had kept. */
  readonly lost: number
}

export class CoarseMesh {
  readonly size: number
  readonly keys: Float64Array
  /** By step and vehicle, one bit each: each step looks at all vehicles. */
  readonly here: Uint8Array
  readonly works: Uint8Array
  readonly metered: Uint8Array
  /** By step, the vehicles that are there, on both sides. */
  readonly presentAt = new Float64Array(stepsPerDay)
  readonly trouble: Trouble
  readonly #bucketBits: number
  #order: Uint32Array | undefined
  readonly #chance: Chance
  /** The cells of each side of a partition; without one all are on the first. */
  readonly #sides: Map<CellId, CellDepth>[] = [new Map([[wholeMesh, new CellDepth()]])]

  constructor(seed: number, size: number, trouble: Trouble = {}) {
    this.size = size
    this.trouble = trouble
    this.#bucketBits = Math.min(bucketBitsMax, Math.max(6, Math.ceil(Math.log2(size)) - 2))
    this.#chance = new Chance(seed, 'contacts')
    // An open mesh's: no virtual vehicle chooses its name.
    this.keys = new Float64Array(size)
    for (let i = 0; i < size; i += 1) this.keys[i] = cellKeyOf(cheapHash, peerOfVehicle(i), null)
    const bytes = Math.ceil((size * stepsPerDay) / 8)
    this.here = new Uint8Array(bytes)
    this.works = new Uint8Array(bytes)
    this.metered = new Uint8Array(size)
  }

  /** Vehicles in the order of their keys. */
  order(): Uint32Array {
    this.#order ??= new Uint32Array(this.size).map((_, i) => i).sort((a, b) => this.keys[a]! - this.keys[b]!)
    return this.#order
  }

  /** The place in that order of the first whose key is not below this one. */
  placeOf(key: number): number {
    const order = this.order()
    let [low, high] = [0, order.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.keys[order[middle]!]! < key) low = middle + 1
      else high = middle
    }
    return low
  }

  setDay(vehicle: number, here: Uint8Array, works: Uint8Array, isMetered: boolean): void {
    for (let step = 0; step < stepsPerDay; step += 1) {
      if (here[step] === 1) setBit(this.here, step * this.size + vehicle)
      if (works[step] === 1) setBit(this.works, step * this.size + vehicle)
    }
    this.metered[vehicle] = isMetered ? 1 : 0
  }

  isHere(vehicle: number, step: number): boolean {
    const { dark } = this.trouble
    if (dark !== undefined && isDuring(dark, step) && vehicle < dark.share * this.size) return false
    return hasBit(this.here, (step % stepsPerDay) * this.size + vehicle)
  }

  worksAt(vehicle: number, step: number): boolean {
    return this.isHere(vehicle, step) && hasBit(this.works, (step % stepsPerDay) * this.size + vehicle)
  }

  /** The cell of a key as cells are now. */
  cellOf(key: number, side = 0): CellId {
    const cells = this.#sides[Math.min(side, this.#sides.length - 1)]!
    for (let depth = 0; ; depth += 1) {
      const cell = cellAt(key, depth)
      if (cells.has(cell)) return cell
    }
  }

  /** Goes through the day, after a day before it in which cells took their sizes. */
  *run(): Generator<StepCounts> {
    for (let step = 0; step < stepsPerDay; step += 1) this.#step(0, true, step)
    for (let step = 0; step < stepsPerDay; step += 1) yield this.#step(step, false, stepsPerDay + step)
  }

  isParted(step: number): boolean {
    const { parted } = this.trouble
    return parted !== undefined && isDuring(parted, step)
  }

  sideOf(vehicle: number, step: number): number {
    return vehicle % 3 === 0 && this.isParted(step) ? 1 : 0
  }

  isOfCartel(vehicle: number): boolean {
    const { cartelEvery } = this.trouble
    return cartelEvery !== undefined && vehicle % cartelEvery === 1
  }

  /** The cells that there are now on the larger side, in the order of the circle. */
  cells(): CellId[] {
    return [...this.#sides[0]!.keys()].sort()
  }

  #step(step: number, isFirst: boolean, index: number): StepCounts {
    const at = isFirst ? index : step
    const counts = this.#count(at, isFirst)
    // Halves begin apart with the cells that they had; together again, those of the larger one are everybody's.
    while (this.#sides.length < counts.length)
      this.#sides.push(new Map([...this.#sides[0]!.keys()].map((cell) => [cell, new CellDepth()])))
    this.#sides.length = counts.length
    let [splits, merges, moved] = [0, 0, 0]
    for (const [side, buckets] of counts.entries()) {
      const changed = this.#resize(this.#sides[side]!, buckets, index * stepMs, isFirst && index === 0)
      splits += changed.splits
      merges += changed.merges
      moved += changed.moved
    }
    let [cells, largest, smallest, present, squares] = [0, 0, Number.POSITIVE_INFINITY, 0, 0]
    for (const [side, buckets] of counts.entries())
      for (const cell of this.#sides[side]!.keys()) {
        const size = this.#sizeOf(buckets, cell)
        cells += 1
        largest = Math.max(largest, size)
        smallest = Math.min(smallest, size)
        present += size
        squares += size * size
      }
    this.presentAt[at] = present
    const { arrivals, lost } = isFirst ? { arrivals: 0, lost: 0 } : this.#arrivals(step)
    const around = present === 0 ? 0 : squares / present
    return { step, present, cells, largest, smallest, around, splits, merges, moved, arrivals, lost }
  }

  /** By side, running sums over the buckets. */
  #count(step: number, isFirst: boolean): Float64Array[] {
    const isParted = !isFirst && this.isParted(step)
    const sides = Array.from({ length: isParted ? 2 : 1 }, () => new Float64Array(2 ** this.#bucketBits + 1))
    const unit = 2 ** (keyBits - this.#bucketBits)
    for (let vehicle = 0; vehicle < this.size; vehicle += 1) {
      const isHere = isFirst
        ? hasBit(this.here, (step % stepsPerDay) * this.size + vehicle)
        : this.isHere(vehicle, step)
      if (isHere)
        sides[isParted && vehicle % 3 === 0 ? 1 : 0]![Math.floor(this.keys[vehicle]! / unit) + 1]! += 1
    }
    for (const sums of sides) for (let i = 1; i < sums.length; i += 1) sums[i]! += sums[i - 1]!
    return sides
  }

  /** `isStart`: cells take their sizes at once. */
  #resize(cells: Map<CellId, CellDepth>, sums: Float64Array, nowMs: number, isStart: boolean) {
    let [splits, merges, moved] = [0, 0, 0]
    const waiting = [...cells.keys()]
    for (let cell = waiting.pop(); cell !== undefined; cell = waiting.pop()) {
      const machine = cells.get(cell)
      if (machine === undefined) continue
      const here = this.#sizeOf(sums, cell)
      const sibling = cell === wholeMesh ? undefined : siblingOf(cell)
      // A sibling that has split is far from merging.
      const beside = sibling === undefined ? 0 : cells.has(sibling) ? this.#sizeOf(sums, sibling) : splitAbove
      const crowd = { ...{ here, beside, heardAround: here + beside }, ...inOneStep }
      const isSplit = isStart && here > splitAbove && cell.length < this.#bucketBits
      const resize = isSplit ? 'split' : machine.look(cell.length, crowd, nowMs)
      if (resize === 'split' && cell.length < this.#bucketBits) {
        cells.delete(cell)
        for (const half of [`${cell}0`, `${cell}1`] as CellId[]) {
          cells.set(half, new CellDepth())
          if (isStart) waiting.push(half)
        }
        splits += 1
        moved += here
      } else if (
        resize === 'merge' &&
        sibling !== undefined &&
        cells.has(sibling) &&
        here + beside < mergeBelow
      ) {
        cells.delete(cell)
        cells.delete(sibling)
        cells.set(parentOf(cell), new CellDepth())
        merges += 1
        moved += here + beside
      }
    }
    return { splits, merges, moved }
  }

  /** Those that have come since the step before, and how many of them find nobody that they knew when they left. One in sixteen is looked at. */
  #arrivals(step: number): { arrivals: number; lost: number } {
    let [arrivals, lost, looked] = [0, 0, 0]
    for (let vehicle = 0; vehicle < this.size; vehicle += 1) {
      if (!this.isHere(vehicle, step) || (step > 0 ? this.isHere(vehicle, step - 1) : true)) continue
      arrivals += 1
      if (arrivals % 16 !== 0) continue
      looked += 1
      let left = step - 1
      while (left > 0 && !this.isHere(vehicle, left - 1)) left -= 1
      if (!this.#knowsSomebody(left, step)) lost += 1
    }
    return { arrivals, lost: looked === 0 ? 0 : Math.round((lost / looked) * arrivals) }
  }

  #sizeOf(sums: Float64Array, cell: CellId): number {
    const width = 2 ** (this.#bucketBits - cell.length)
    const from = (cell === wholeMesh ? 0 : Number.parseInt(cell, 2)) * width
    return sums[from + width]! - sums[from]!
  }

  #knowsSomebody(leftStep: number, step: number): boolean {
    for (let kept = 0; kept < contactsKept; ) {
      const other = Math.floor(this.#chance.next() * this.size)
      if (!this.isHere(other, Math.max(0, leftStep - 1))) {
        if (this.#chance.happens(0.001)) return false
        continue
      }
      if (this.isHere(other, step)) return true
      kept += 1
    }
    return false
  }
}

/** All members of a cell move in one step. */
const inOneStep = { deeper: 0, above: 0, movedDown: 0, movedUp: 0 }

function isDuring({ fromStep, untilStep }: Steps, step: number): boolean {
  return step >= fromStep && step < untilStep
}

function setBit(bits: Uint8Array, at: number): void {
  bits[Math.floor(at / 8)]! |= 1 << (at & 7)
}

function hasBit(bits: Uint8Array, at: number): boolean {
  return ((bits[Math.floor(at / 8)] ?? 0) & (1 << (at & 7))) !== 0
}
