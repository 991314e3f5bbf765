/**
 * A runtime of one's own: it counts the words of a text. Both the program (use-carpool.ts) and the children that run it import this file, which
 * is why it is a module of its own, and why it imports nothing but the door for runtimes.
 */
import { defineRuntime, exactEngine, RecordError, type Runtime } from 'carpool/runtime'

const wordCount: Runtime = {
  name: 'word-count',

  // The second argument changes with anything that changes a result: vehicles with another one are not compared with this one.
  engines: async () => [exactEngine('word-count', 'version 1')],

  // One page a document; the cost, in milliseconds of one core, sizes the bundles that vehicles get.
  inspect: (document) => ({ pages: 1, pageCostMs: 1 + document.byteLength / 10_000 }),

  async load(_engine, _weights, { least }) {
    return {
      async run(document) {
        const words = new TextDecoder()
          .decode(document)
          .split(/\s+/)
          .filter((word) => word !== '')
        // A fault of the document: the same on every vehicle, in the same words.
        if (words.length === 0) throw new RecordError('empty-document', 'it has no words')
        const counts: Record<string, number> = {}
        for (const word of words) counts[word] = (counts[word] ?? 0) + 1
        const often = Object.entries(counts).filter(([, count]) => count >= Number(least ?? 1))
        // Owners are compared byte by byte, so the order may depend on nothing but the document.
        often.sort(([a], [b]) => (a < b ? -1 : 1))
        const output = JSON.stringify({ words: words.length, counts: Object.fromEntries(often) })
        return { output: new TextEncoder().encode(output), text: `${words.length}` }
      },
    }
  },
}

export default defineRuntime({
  name: 'word-count',
  options: { least: { least: 1, most: 1000, default: 1, description: 'leaves out words that are rarer' } },
  load: async () => wordCount,
})
