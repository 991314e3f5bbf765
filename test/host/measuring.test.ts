/** Documents are cut by what some of them cost here, whatever the runtime guesses. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RecordResult, type Slot, SlotFailed, SlotKilled } from '../../src/host/executor/contract.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { planCutting } from '../../src/host/submission/cutting.ts'
import { Measuring, measureOf } from '../../src/host/submission/measuring.ts'
import type { InspectedDocument } from '../../src/host/submission/packer.ts'
import { Samples } from '../../src/host/submission/samples.ts'
import { submitDefaults } from '../../src/host/submit-defaults.ts'
import type { OwnerId } from '../../src/protocol/ids.ts'
import { cidNamed, peerNamed } from '../support/core-fakes.ts'
import { vehicleOf } from '../support/jobs-stage.ts'
import { splitIntoShards } from '../support/split.ts'

const engine = { runtime: 'wasm', engine: 'exact', id: 'engine', isa: null, agreement: 'bytes' } as const

/** A slot in which a document costs so much, and gives so many bytes. */
class CostlySlot implements Slot {
  readonly ran: number[] = []
  readonly #costMsOf: (bytes: number) => number
  readonly #outputBytes: number

  constructor(costMsOf: (bytes: number) => number, outputBytes = 0) {
    this.#costMsOf = costMsOf
    this.#outputBytes = outputBytes
  }

  async prepare(): Promise<void> {}

  async run(document: Uint8Array, _page: number, limits: { cpuMsMax?: number } = {}): Promise<RecordResult> {
    this.ran.push(document.byteLength)
    const cpuMs = this.#costMsOf(document.byteLength)
    const error = cpuMs > limits.cpuMsMax! ? ({ code: 'cpu-limit', message: 'ran out' } as const) : null
    return { output: new Uint8Array(this.#outputBytes), text: '', error, cpuMs, wallMs: cpuMs }
  }

  freeze(): void {}
  resume(): void {}
  async kill(): Promise<void> {}
}

function documentsOf(sizes: readonly number[]): { documents: InspectedDocument[]; samples: Samples } {
  const samples = new Samples()
  const documents = sizes.map((bytes, i) => {
    samples.consider(new Uint8Array(bytes))
    const [file, key] = [cidNamed(`document ${i}`), new Uint8Array(32)]
    return { name: `${i}`, key, file, bytes, pages: 1, pageCostMs: 1 }
  })
  return { documents, samples }
}

async function plannedOn(slot: Slot, sizes: readonly number[], changes: Partial<typeof submitDefaults> = {}) {
  const { documents, samples } = documentsOf(sizes)
  const request = { ...submitDefaults, paths: [], runtime: 'wasm', replicas: 2, ...changes }
  const capacities = [0, 1, 2, 3].map((i) => vehicleOf(peerNamed(`car ${i}`)))
  const market = {
    ...{ capacities, owner: 'me' as OwnerId, fleet: null, canRecompute: () => true },
    ...{ engines: [engine], node: SigningKey.generate() },
    measuring: new Measuring({ openSlot: () => slot }),
  }
  const total = (of: (document: InspectedDocument) => number) =>
    documents.reduce((sum, document) => sum + of(document), 0)
  const counts = { count: sizes.length, pages: sizes.length, bytes: total(({ bytes }) => bytes) }
  const toCut = {
    ...{ request, samples },
    documents: { ...counts, costMs: total(({ pageCostMs }) => pageCostMs) },
  }
  const { bounds, estimated } = await planCutting(
    toCut,
    async () => new Map(),
    market,
    () => {},
  )
  return splitIntoShards(documents.map(estimated), bounds).map(({ pages }) => pages.length)
}

const equal = (count: number, bytes = 100) => Array.from({ length: count }, () => bytes)

test('24 documents of two seconds are 24 shards, and not one that keeps three of four vehicles idle', async () => {
  assert.deepEqual(await plannedOn(new CostlySlot(() => 2_000), equal(24)), equal(24, 1))
  assert.deepEqual(await plannedOn(new CostlySlot(() => 60_000), equal(24)), equal(24, 1))
})

test('documents of a few milliseconds share shards, and the vehicles that are here share the shards', async () => {
  const many = await plannedOn(new CostlySlot(() => 0.1), equal(20_000))
  assert.equal(Math.max(...many), 256, 'as many as a shard may have')
  const some = await plannedOn(new CostlySlot(() => 100), equal(100))
  // 100 documents twice, 100 ms each: 20 s of work for four slots with four shards each.
  assert.deepEqual([...new Set(some.slice(0, -1))], [12])
  assert.deepEqual(
    await plannedOn(new CostlySlot(() => 1), equal(12)),
    [12],
    'a quarter second is worth no cut',
  )
})

test('a large document costs what a line through the small ones says, and stands alone where that is long', async () => {
  const sizes = [1_000, 2_000, 1_000, 400_000, 1_000]
  assert.deepEqual(await plannedOn(new CostlySlot((bytes) => bytes / 100), sizes), [3, 1, 1])
  const { costMsOf, outputBytesOf } = measureOf([
    { bytes: 1_000, cpuMs: 20, outputBytes: 7 },
    { bytes: 2_000, cpuMs: 30, outputBytes: 7 },
  ])
  assert.deepEqual([costMsOf(0), costMsOf(3_000), outputBytesOf(3_000)], [10, 40, 7])
})

test('results that are long are few in a shard', async () => {
  const lengths = await plannedOn(new CostlySlot(() => 0.1, 2 ** 20), equal(20))
  assert.deepEqual(lengths, equal(5, 4))
})

test('what cannot be measured is cut by the guess, and what needs no measure is not run', async () => {
  const refusing = new CostlySlot(() => 1)
  refusing.prepare = async () => {
    throw new SlotFailed('no engine here')
  }
  assert.deepEqual(await plannedOn(refusing, equal(3)), [3])
  const late = new CostlySlot(() => 1)
  late.run = async () => {
    throw new SlotKilled()
  }
  assert.deepEqual(await plannedOn(late, equal(3)), [3])
  const one = new CostlySlot(() => 1)
  assert.deepEqual(await plannedOn(one, equal(1)), [1])
  assert.deepEqual(one.ran, [])
})

test('a submitter that says how many pages a shard has gets these, and nothing is measured', async () => {
  const slot = new CostlySlot(() => 1)
  assert.deepEqual(await plannedOn(slot, equal(10), { shardSize: 4 }), [4, 4, 2])
  assert.deepEqual(slot.ran, [])
})

test('a handful of documents is run, however many there are, and none is begun once they took long', async () => {
  const quick = new CostlySlot(() => 1)
  await plannedOn(quick, [...equal(500), 90, 110])
  assert(quick.ran.length <= 5, `${quick.ran.length} runs`)
  assert(quick.ran.includes(90) && quick.ran.includes(110), 'the smallest and the largest')
  const slow = new CostlySlot(() => 3_000)
  await plannedOn(slow, [...equal(500), 90, 110])
  assert.equal(slow.ran.length, 2)
})
