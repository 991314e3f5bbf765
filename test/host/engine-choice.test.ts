/** Which engine a job runs: the fastest that enough owners have, of those that can hold its weights. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { SubmitRequest } from '../../src/host/api.ts'
import type { Executor } from '../../src/host/executor/contract.ts'
import { Recomputer } from '../../src/host/stewardship/recomputer.ts'
import type { BlockStore } from '../../src/host/store/blocks.ts'
import { plansOf, supplyOf } from '../../src/host/submission/assurance.ts'
import { chooseEngine, type EngineMarket } from '../../src/host/submission/engine-choice.ts'
import { agreementOf } from '../../src/host/submission/job-plan.ts'
import { submitDefaults } from '../../src/host/submit-defaults.ts'
import type { EngineDescription } from '../../src/runtimes/messages.ts'

const folder = mkdtempSync(join(tmpdir(), 'carpool-engines-'))
after(() => rmSync(folder, { recursive: true }))
const [small, large] = [1, 300].map((mebibytes) => {
  const path = join(folder, `${mebibytes}.gguf`)
  writeFileSync(path, '')
  truncateSync(path, mebibytes * 2 ** 20)
  return path
})

const engine = (name: string, isa: string | null): EngineDescription => ({
  runtime: 'llm',
  engine: name,
  id: `${name} ${isa}`,
  isa,
  agreement: isa === null ? 'bytes' : 'class-bytes',
})
const exact = engine('exact', null)
const own = engine('native', 'x86-64-ggml-zen4')
const other = engine('native', 'x86-64-ggml-haswell')

/** Owners, each with a vehicle that has these engines. */
function among(...owners: readonly (readonly EngineDescription[])[]): EngineMarket {
  const capacities = owners.map((engines, i) => ({
    peer: `peer ${i}`,
    owner: `owner ${i}`,
    slots: { total: 1 },
    engines: engines.map(({ agreement: _, ...offered }) => ({ ...offered, ask: null, unitsPerHour: 0 })),
  }))
  return {
    capacities,
    node: { peerId: 'me' },
    owner: 'mine',
    engines: [exact, own],
  } as unknown as EngineMarket
}

function chosen(model: string, market: EngineMarket, changes: Partial<SubmitRequest> = {}) {
  const request = { ...submitDefaults, paths: [], runtime: 'llm', model, ...changes }
  return chooseEngine(request as SubmitRequest, market, 2)
}

test('all replicas of a native job are of one class, and compared by bytes there, whoever submits', () => {
  const mixed = among([exact, own], [exact, other], [exact, other], [exact, other])
  assert.deepEqual(chosen(small!, mixed), other)
  const apart = among([exact, own], [exact, other])
  assert.deepEqual(chosen(small!, apart), exact, 'no class has two owners')
  assert.deepEqual(chosen(small!, among([other], [other]), { blind: true }), exact)
})

test('a class of few owners is not taken unasked, since all that collude may say that they are in it', () => {
  const crowd = Array.from({ length: 8 }, () => [exact])
  const market = among([exact, other], [exact, other], ...crowd)
  assert.deepEqual(chosen(small!, market), exact)
  const asked = chosen(small!, market, { engine: 'native' })
  assert.deepEqual(asked, other)
  const request = { ...submitDefaults, paths: [], runtime: 'llm' } as unknown as SubmitRequest
  const where = { ...market, fleet: null, canRecompute: () => true }
  const plan = (engine: EngineDescription) =>
    plansOf(request, where, 3, supplyOf(where, 'llm', engine.id, null), engine)[0]?.replicas
  assert.deepEqual([plan(exact), plan(other)], [2, 4], '1 of 100 owners is 1 of 20 in a fifth of them')
})

test('a dispute within a class is settled by its own engine, and by the exact one everywhere else', () => {
  const recomputer = new Recomputer({} as Executor, [exact, own], {} as BlockStore)
  assert.deepEqual(
    [exact, own, other, { ...other, agreement: 'class-text' as const }].map((one) =>
      recomputer.can('llm', one),
    ),
    [true, true, false, true],
  )
})

test('weights that only a mapping engine holds are given to no other', () => {
  assert.deepEqual(chosen(large!, among([exact, own], [exact], [exact])), own)
  assert.throws(
    () => chosen(large!, among(), { engine: 'exact' }),
    /256 MiB a file at most; use --engine native/,
  )
  const none = { ...among([exact]), engines: [exact] }
  assert.throws(() => chosen(large!, none), /nobody here has an engine of llm that maps weights/)
})

test('limits of scored answers are measured, and never closer than those of the engine that answers', async () => {
  const least = { relation: 'scored', gapMax: 5e-3, differenceMax: 5e-3 } as const
  const gpu: EngineDescription = { ...engine('gpu', 'vulkan'), agreement: least }
  const judge: EngineDescription = { ...engine('scored', 'zen4'), scores: ['gpu vulkan'] }
  const limits = async (gap: number, difference: number) => {
    const engines = {
      engines: [judge],
      measuring: { calibrate: async () => [{ tokens: 100, gap, difference }] },
    }
    const plan = { engine: gpu, assurance: { arbiter: 'steward' } }
    const description = { request: { ...submitDefaults, runtime: 'llm' }, samples: {} }
    const [first, second] = [plan, description] as unknown as Parameters<typeof agreementOf>
    return await agreementOf(
      first,
      second,
      async () => new Map(),
      engines as unknown as Parameters<typeof agreementOf>[3],
    )
  }
  assert.deepEqual(await limits(0, 0), least)
  assert.deepEqual(await limits(0.2, 0.05), { ...least, gapMax: 0.01 }, 'five times a mean of 2e-3')
})
