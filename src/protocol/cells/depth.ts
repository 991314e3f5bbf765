/**
 * Depth: when a node's cell splits, and when it merges.
 *
 * Nobody decides for a cell. Each of its members counts the adverts that it hears, and hears from the cell's speakers how many members
 * the cells around have; and as all hear nearly the same, they come to the same. Three rules make them one again where they did not:
 * whoever sees that most of its cell has moved, moves along at once; a cell that hears of members of its parent merges with them as
 * long as there is room; and deeper members count towards the size at which those above them split.
 *
 * A cell must be too large, or too small, for a quarter of an hour: the street empties every morning. One of twice the size at which cells split
 * does so at once, since its halves would have to, too: when a fleet of 100,000 joins within half an hour, each quarter of an hour in one cell
 * would be 50,000 adverts a minute for everybody. Ethereum's clients choose their
 * subnets by the prefix of their node id in the same way (consensus-specs, PR 3623); there the number of subnets is fixed.
 */
import { type CellLimits, cellDepthMax, defaultCellLimits } from '../cell-limits.ts'

/** The nodes around one node, as it knows them. */
export interface Crowd {
  /** Members of its own cell, itself included. */
  readonly here: number
  /** Members of cells within its own: these have split already. */
  readonly deeper: number
  /** Members of its sibling, or of cells within that. */
  readonly beside: number
  /** Members of cells that contain its own: these have merged already, or have not split. */
  readonly above: number
  /** Members of its own cell that say of themselves that their cell is deeper than its own, or less deep. */
  readonly movedDown: number
  readonly movedUp: number
  /** All that it has heard lately of the cell of which its own is a half. */
  readonly heardAround: number
}

export type Resize = 'split' | 'merge' | 'stay'

export class CellDepth {
  readonly #limits: CellLimits
  #largeSinceMs: number | undefined
  #smallSinceMs: number | undefined

  constructor(limits: CellLimits = defaultCellLimits) {
    this.#limits = limits
  }

  /** How its cell changes, for a node at this depth. Ask after every change, and at the time that `dueMs` says. */
  look(depth: number, crowd: Crowd, nowMs: number): Resize {
    const { splitAbove, mergeBelow, resizeAfterMs } = this.#limits
    const { here, deeper, beside, above, movedDown, movedUp, heardAround } = crowd
    // Those that have moved are heard here for a while, and are counted there already.
    const within = here - movedDown + Math.max(deeper, movedDown)
    const together = here - movedUp + beside + Math.max(above, movedUp)
    const isLarge = depth < cellDepthMax && within > splitAbove
    // Where both depths are in use and all have room, the smaller cells give way.
    const isSmall = depth > 0 && (together < mergeBelow || (above > 0 && together <= splitAbove))
    this.#largeSinceMs = isLarge ? (this.#largeSinceMs ?? nowMs) : undefined
    this.#smallSinceMs = isSmall ? (this.#smallSinceMs ?? nowMs) : undefined
    // Whoever moves first meets only such as have not moved: it does not follow them back.
    const mayFollowDown = depth < cellDepthMax && within >= mergeBelow
    const mayFollowUp = depth > 0 && Math.max(together, heardAround) <= splitAbove
    if (mayFollowDown && 2 * movedDown > here) return this.#resized('split')
    if (mayFollowUp && 2 * movedUp > here) return this.#resized('merge')
    const isHuge = isLarge && within > 2 * splitAbove
    if (isHuge || (isLarge && nowMs - this.#largeSinceMs! >= resizeAfterMs)) return this.#resized('split')
    if (isSmall && nowMs - this.#smallSinceMs! >= resizeAfterMs) return this.#resized('merge')
    return 'stay'
  }

  /** When the cell may have been too large, or too small, for long enough. */
  get dueMs(): number {
    const sinceMs = Math.min(this.#largeSinceMs ?? Infinity, this.#smallSinceMs ?? Infinity)
    return sinceMs + this.#limits.resizeAfterMs
  }

  clockSet(byMs: number): void {
    if (this.#largeSinceMs !== undefined) this.#largeSinceMs += byMs
    if (this.#smallSinceMs !== undefined) this.#smallSinceMs += byMs
  }

  #resized(resize: Resize): Resize {
    this.#largeSinceMs = undefined
    this.#smallSinceMs = undefined
    return resize
  }
}
