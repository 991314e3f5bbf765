/** Splitting: whatever the documents, each page is in one shard, in order, and shards keep their bounds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { shardBytesTarget, shardCostMsTarget, shardPagesMax } from '../../src/protocol/limits.ts'
import { cidNamed } from '../support/core-fakes.ts'
import { splitIntoShards } from '../support/split.ts'

const documents = fc
  .array(
    fc.record({
      file: fc.nat(8),
      pages: fc.oneof(fc.nat(4), fc.nat(700)),
      pageCostMs: fc.oneof(fc.nat(50), fc.nat(2 * shardCostMsTarget)),
    }),
    { maxLength: 12 },
  )
  .chain((all) =>
    fc
      .array(fc.oneof(fc.nat(1000), fc.nat(2 * shardBytesTarget)), { minLength: 9, maxLength: 9 })
      .map((sizes) =>
        all.map(({ file, ...rest }, i) => {
          const name = `${i}`
          return { file: cidNamed(`file ${file}`), bytes: sizes[file]!, name, ...rest }
        }),
      ),
  )

/** The dumb reference: all pages of all documents, one after another. */
function allPages(all: readonly { readonly file: string; readonly bytes: number; readonly pages: number }[]) {
  return all.flatMap(({ file: document, bytes, pages }) =>
    Array.from({ length: pages }, (_, page) => ({ document, bytes, page })),
  )
}

test('every page is in exactly one shard, in the order of the documents', () => {
  fc.assert(
    fc.property(documents, (all) => {
      const shards = splitIntoShards(all)
      assert.deepEqual(
        shards.flatMap((shard) => shard.pages),
        allPages(all),
      )
      assert(shards.every((shard) => shard.pages.length > 0))
    }),
    { numRuns: 300 },
  )
})

test('a shard stays within cost, pages and bytes, unless one page or document alone exceeds them', () => {
  fc.assert(
    fc.property(documents, (all) => {
      let at = 0
      const costs = all.flatMap(({ pages, pageCostMs }) => Array.from({ length: pages }, () => pageCostMs))
      for (const { pages, costMs } of splitIntoShards(all)) {
        const sum = costs.slice(at, at + pages.length).reduce((a, b) => a + b, 0)
        at += pages.length
        assert.equal(costMs, sum, 'the cost of a shard is the sum over its pages')
        assert(costMs <= shardCostMsTarget || pages.length === 1, `${costMs} ms in ${pages.length} pages`)
        assert(pages.length <= shardPagesMax)
        const files = new Map(
          pages.filter(({ bytes }) => bytes > 0).map((page) => [page.document, page.bytes]),
        )
        const bytes = [...files.values()].reduce((a, b) => a + b, 0)
        assert(bytes <= shardBytesTarget || files.size === 1, `${bytes} bytes in ${files.size} documents`)
      }
    }),
    { numRuns: 300 },
  )
})

test('a shard is as full as its bounds allow: the next page would not have fitted', () => {
  fc.assert(
    fc.property(documents, (all) => {
      const shards = splitIntoShards(all)
      let at = 0
      const costs = all.flatMap(({ pages, pageCostMs }) => Array.from({ length: pages }, () => pageCostMs))
      for (const [i, { pages, costMs }] of shards.slice(0, -1).entries()) {
        at += pages.length
        const [next] = shards[i + 1]!.pages
        // A document's bytes count once for each run of its pages.
        const runs = pages.filter(({ document }, place) => document !== pages[place - 1]?.document)
        const bytes = runs.reduce((sum, page) => sum + page.bytes, 0)
        const more = next!.document === pages.at(-1)!.document ? 0 : next!.bytes
        const fits =
          costMs + costs[at]! <= shardCostMsTarget &&
          pages.length < shardPagesMax &&
          (more === 0 || bytes + more <= shardBytesTarget)
        assert(!fits, `${pages.length} pages of ${bytes} bytes and ${costMs} ms, and room for ${more} bytes`)
      }
    }),
    { numRuns: 300 },
  )
})

test('pages of one large document share a shard, so that its bytes travel once', () => {
  const [file, bytes] = [cidNamed('large'), 2 * shardBytesTarget]
  const shards = splitIntoShards([{ file, bytes, name: 'large', pages: 50, pageCostMs: 10 }])
  assert.equal(shards.length, 1)
})

test('the split depends on the documents alone', () => {
  fc.assert(
    fc.property(documents, (all) => {
      assert.deepEqual(splitIntoShards(structuredClone(all)), splitIntoShards(all))
    }),
    { numRuns: 50 },
  )
})
