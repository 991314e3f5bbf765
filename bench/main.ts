/**
 * `npm run bench`: speed and size, each beside a baseline of the same run.
 *
 * An absolute number says how fast a machine is; a ratio within one run says what Carpool costs on it. So every
 * figure comes with the same work done without a mesh, the two take turns, and medians count. A goal that is
 * missed is printed like one that is met, and the exit code is 0: a benchmark informs, it does not judge.
 */
import { parseArgs } from 'node:util'
import { type BenchOptions, type Figure, formatFigure } from './figure.ts'
import { describeMachine } from './machine.ts'

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<Figure[]>>> = {
  ocr: async (options) => (await import('./ocr.ts')).ocr(options),
  documents: async (options) => (await import('./documents.ts')).documents(options),
  wasm: async (options) => (await import('./wasm.ts')).wasm(options),
  lines: async (options) => (await import('./lines.ts')).lines(options),
  gateway: async (options) => (await import('./gateway.ts')).gateway(options),
  embeddings: async (options) => (await import('./gateway.ts')).embeddings(options),
  blocks: async () => (await import('./block-figures.ts')).blockFigures(),
  weights: async (options) => (await import('./weights.ts')).weights(options),
  counting: async (options) => (await import('./counting.ts')).counting(options),
  scores: async (options) => (await import('./scores.ts')).scores(options),
  simulator: async (options) => (await import('./simulator.ts')).simulator(options),
  trust: async (options) => (await import('./trust.ts')).trust(options),
  week: async (options) => (await import('./week.ts')).week(options),
  power: async (options) => (await import('./power.ts')).power(options),
  cells: async (options) => (await import('./cells.ts')).cells(options),
  bubble: async (options) => (await import('./bubble.ts')).bubble(options),
  joins: async (options) => (await import('./joins.ts')).joins(options),
  signatures: async (options) => (await import('./signatures.ts')).signatures(options),
  recovery: async (options) => (await import('./recovery.ts')).recovery(options),
  ledger: async (options) => (await import('./ledger.ts')).ledger(options),
  settle: async (options) => (await import('./settle.ts')).settle(options),
  inbox: async (options) => (await import('./inbox.ts')).inbox(options),
  flood: async (options) => (await import('./flood.ts')).flood(options),
  freeze: async (options) => (await import('./freeze.ts')).freeze(options),
  introductions: async (options) => (await import('./introductions.ts')).introductions(options),
  'mesh-key': async (options) => (await import('./mesh-key.ts')).meshKey(options),
  idle: async (options) => (await import('./idle.ts')).idle(options),
  thousands: async (options) => (await import('./thousands.ts')).thousands(options),
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    mebibytes: { type: 'string' },
    nodes: { type: 'string' },
  },
})
const names = values.only?.split(',') ?? Object.keys(benches)
const unknown = names.find((name) => !Object.hasOwn(benches, name))
if (unknown !== undefined) {
  console.error(`there is no benchmark '${unknown}'; there are ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}

console.log(`${describeMachine()}${values.quick ? '; quick, so noisy' : ''}`)
for (const name of names) {
  const figures = await benches[name]!({
    quick: values.quick,
    mebibytes: values.mebibytes === undefined ? undefined : Number(values.mebibytes),
    nodes: values.nodes === undefined ? undefined : Number(values.nodes),
    note: (line) => console.error(`  ${name}: ${line}`),
  })
  for (const figure of figures) console.log(formatFigure(figure))
}
process.exit(0)
