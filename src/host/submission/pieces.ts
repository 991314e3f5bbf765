/**
 * Cuts a document into parts of a few pages each, where its runtime says that this is how it travels: a vehicle gets the pages that it
 * reads and no others, and each page's fate is its own.
 *
 * Cheap pages go together, as many as a shard holds, because they share what they use, fonts above all: apart, each would bring its own
 * copy. The pages of a part follow each other, so that its first page names them all.
 */
import { shardCostMsTarget } from '../../protocol/limits.ts'
import type { DocumentShape, Refusal } from '../../runtimes/messages.ts'
import type { Runtimes } from '../../runtimes/registry.ts'
import type { PageRange } from '../api.ts'
import type { Executor } from '../executor/contract.ts'
import { damagedPageOf } from './runtime-facts.ts'

export interface Piece {
  /** Counted from 1. */
  readonly firstPage: number
  readonly pages: number
  /** Or why there is none. */
  readonly bytes: Uint8Array | Refusal
}

/** A part has so many pages at most, a guess; so many are cut at once: a page takes 3 to 10 ms, and an inspection may take 10 s. */
const pagesOfPieceMax = 16
const pagesAtOnce = 128

/** `passwords` stay here: parts are not locked. Yields the parts in order. Throws SlotFailed. */
export async function* piecesOf(
  executor: Executor,
  runtime: string,
  bytes: Uint8Array,
  { pages, pageCostMs }: DocumentShape,
  wanted: readonly PageRange[] | null,
  passwords: readonly string[],
  known?: Runtimes,
): AsyncGenerator<Piece> {
  const damagedPage = damagedPageOf(runtime, known)
  const each = Math.max(1, Math.min(pagesOfPieceMax, Math.floor(shardCostMsTarget / Math.max(1, pageCostMs))))
  const groups = groupsOf(selected(wanted, pages), each)
  if (groups.length === 0) {
    const what = `document that has none of the pages that were asked for, but ${pages === 1 ? '1 page' : `${pages} pages`}`
    yield { firstPage: 1, pages, bytes: { what, wayOut: 'see --pages' } }
  }
  for (let at = 0; at < groups.length; ) {
    const asked = groups.slice(at, at + Math.max(1, Math.floor(pagesAtOnce / each)))
    const files = (await executor.cut?.(runtime, bytes, passwords, asked)) ?? damagedPage
    const answered = 'what' in files ? asked.map(() => files) : files
    for (const [i, file] of answered.slice(0, asked.length).entries()) {
      const group = asked[i]!
      const isLost = file instanceof Uint8Array && file.byteLength === 0
      // One page that cannot be had does not take the others along.
      if (isLost && group.length > 1) {
        for (const page of group) yield* alone(executor, runtime, bytes, page, passwords, known)
      } else yield { firstPage: group[0]! + 1, pages: group.length, bytes: isLost ? damagedPage : file }
    }
    at += Math.max(1, answered.length)
  }
}

async function* alone(
  executor: Executor,
  runtime: string,
  bytes: Uint8Array,
  page: number,
  passwords: readonly string[],
  known?: Runtimes,
): AsyncGenerator<Piece> {
  const damagedPage = damagedPageOf(runtime, known)
  const files = (await executor.cut?.(runtime, bytes, passwords, [[page]])) ?? damagedPage
  const file = 'what' in files ? files : files[0]
  const isThere = file !== undefined && (!(file instanceof Uint8Array) || file.byteLength > 0)
  yield { firstPage: page + 1, pages: 1, bytes: isThere ? file : damagedPage }
}

/** Counted from 0, each once, in the document's order. */
function selected(wanted: readonly PageRange[] | null, pages: number): number[] {
  const all = Array.from({ length: pages }, (_, page) => page)
  if (wanted === null) return all
  return all.filter((page) =>
    wanted.some(({ first, last }) => page + 1 >= first && page + 1 <= (last ?? pages)),
  )
}

function groupsOf(pages: readonly number[], each: number): number[][] {
  const groups: number[][] = []
  for (const page of pages) {
    const group = groups.at(-1)
    if (group !== undefined && group.length < each && group.at(-1) === page - 1) group.push(page)
    else groups.push([page])
  }
  return groups
}
