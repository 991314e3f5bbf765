/** The word of a node's owner about cells: whether its mesh may be several, and with which limits. */
import { z } from 'zod'
import { type CellLimits, defaultCellLimits } from '../../protocol/cell-limits.ts'
import type { Option } from './option.ts'

/** A mesh that is one topic carries a hundred vehicles, and all of its nodes must know cells before it becomes several. */
export const cellsOption: Option<string> = {
  help: 'on: the mesh becomes several cells as it grows; a cell of more than 256 splits, and two of fewer than 96 merge, unless other numbers are said',
  placeholder: '<choice>',
  isList: false,
  expects: 'on, off, or two numbers such as 256/96, of which the second is at most the first',
  schema: () => z.string().refine((text) => cellsFrom(text) !== null),
  fallback: () => 'off',
  fallbackText: 'off',
}

/** Undefined: off. Null: the text says neither. */
export function cellsFrom(text: string): Partial<CellLimits> | undefined | null {
  if (text === 'off') return undefined
  if (text === 'on') return {}
  const [, split, merge] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []
  const [splitAbove, mergeBelow] = [Number(split), Number(merge)]
  if (split === undefined || splitAbove < 1 || mergeBelow > splitAbove) return null
  return { splitAbove, mergeBelow, ...soonFor(splitAbove) }
}

/** A cell that is smaller than usual is one of a test, which should not wait for a quarter of an hour. */
function soonFor(splitAbove: number): Partial<CellLimits> {
  const { splitAbove: usual } = defaultCellLimits
  return splitAbove < usual ? { resizeAfterMs: 60_000, bothCellsMs: 60_000 } : {}
}
