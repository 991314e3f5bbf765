/**
 * Many jobs over one store: they share documents, results and weights, and are submitted, restarted and dropped in any
 * order, while the disk damages blocks and crashes cut droppings short.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import { keepFetched } from '../../src/host/keep-fetched.ts'
import { rowBytesMax } from '../../src/host/store/block-writer.ts'
import type { Block, BlockKind } from '../../src/host/store/blocks.ts'
import { StoreError } from '../../src/host/store/errors.ts'
import type { JobBlocks } from '../../src/host/store/job-blocks.ts'
import { openStore, type Store } from '../../src/host/store.ts'
import type { Cid, JobId } from '../../src/protocol/ids.ts'
import { blockOf, jobNamed, temporaryDirectory } from '../support/store.ts'

const jobs = Array.from({ length: 5 }, (_, i) => jobNamed(`job ${i}`))
/** Rows and files. Few, so that every job refers to what others refer to. */
const world = Array.from({ length: 10 }, (_, i) => blockOf(i % 3 === 0 ? rowBytesMax + 1 : 50, i))
const roles = ['steward', 'worker'] as const

type Role = (typeof roles)[number]

type Step =
  | { readonly type: 'begin'; readonly job: number; readonly role: Role }
  | {
      readonly type: 'refer'
      readonly job: number
      readonly blocks: readonly number[]
      readonly kind: BlockKind
      readonly turns: number
    }
  | { readonly type: 'drop'; readonly job: number; readonly role: Role }
  | { readonly type: 'crash-in-drop'; readonly job: number; readonly role: Role }
  | { readonly type: 'restart' }
  | { readonly type: 'damage'; readonly block: number }
  | { readonly type: 'settle' }

const aJob = fc.nat(jobs.length - 1)
const aRole = fc.constantFrom(...roles)
const aStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('begin' as const), job: aJob, role: aRole }) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('refer' as const),
      job: aJob,
      blocks: fc.uniqueArray(fc.nat(world.length - 1), { minLength: 1, maxLength: 5 }),
      kind: fc.constantFrom('input' as const, 'result' as const, 'weights' as const),
      turns: fc.nat(6),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('drop' as const), job: aJob, role: aRole }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('crash-in-drop' as const), job: aJob, role: aRole }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('damage' as const), block: fc.nat(world.length - 1) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('settle' as const) }) },
)

/** A node's disk, and what its jobs have been told that they have. */
class Node {
  readonly #path: string
  store: Store
  readonly #parts = new Map<JobId, Set<Role>>()
  /** What each job refers to, once its part of the store has said that it is here. */
  readonly #referred = new Map<JobId, Map<Cid, BlockKind>>()
  #underWay: Promise<void>[] = []

  constructor(path: string) {
    this.#path = path
    this.store = openStore(path, { cacheBytesMax: 0, hotBytesMax: 0 })
  }

  async take(step: Step): Promise<void> {
    const job = 'job' in step ? jobs[step.job]! : undefined
    switch (step.type) {
      case 'begin': {
        const known = this.#parts.get(job!)
        if (known === undefined) this.#referred.set(job!, new Map())
        this.#parts.set(job!, new Set([...(known ?? []), step.role]))
        this.store.journal.putJob({ job: job!, role: step.role, state: {}, createdAtMs: 1, endedAtMs: null })
        break
      }
      case 'refer':
        if (this.#parts.has(job!))
          this.#underWay.push(
            this.#refer(
              job!,
              step.blocks.map((i) => world[i]!),
              step,
            ),
          )
        break
      case 'drop':
        if (this.#end(job!, step.role)) this.#underWay.push(this.store.forget(job!, step.role))
        break
      case 'crash-in-drop':
        await this.settled()
        if (this.#end(job!, step.role)) {
          // What `forget` does, up to where the machine dies.
          if (this.#parts.has(job!)) this.store.journal.deleteJobRow(job!, step.role)
          else this.store.journal.deleteJob(job!)
        }
        await this.restart()
        break
      case 'restart':
        await this.restart()
        break
      case 'damage': {
        const { cid } = world[step.block]!
        const file = join(this.store.directory.blocksPath, cid)
        // A block is a file or a row, and the disk makes no row of a file.
        if (existsSync(file)) writeFileSync(file, new Uint8Array(9))
        else
          this.store.database.run(
            'UPDATE blocks SET body = zeroblob(9) WHERE cid = ? AND body IS NOT NULL',
            cid,
          )
        break
      }
      case 'settle':
        await this.settled()
    }
  }

  /** True when this was a part of the node's. */
  #end(job: JobId, role: Role): boolean {
    const parts = this.#parts.get(job)
    if (!parts?.delete(role)) return false
    if (parts.size === 0) {
      this.#parts.delete(job)
      this.#referred.delete(job)
    }
    return true
  }

  /** As everybody does who needs blocks for a job: takes them, fetches those that are not here, and counts on them. */
  async #refer(
    job: JobId,
    blocks: readonly Block[],
    { kind, turns }: { readonly kind: BlockKind; readonly turns: number },
  ): Promise<void> {
    const mine = this.store.blocks.of(job)
    const mineOnly = this.#referred.get(job)!
    try {
      const missing = await mine.take(
        blocks.map(({ cid }) => cid),
        kind,
      )
      await keepFetched(fetched(missing, turns), mine, kind)
    } catch (error) {
      assert(error instanceof StoreError && error.code === 'released', String(error))
      return
    }
    for (const { cid } of blocks) mineOnly.set(cid, kind) // nobody's, when the job was dropped meanwhile
  }

  async settled(): Promise<void> {
    await Promise.all(this.#underWay)
    this.#underWay = []
  }

  async restart(): Promise<void> {
    await this.settled()
    this.store.close()
    this.store = openStore(this.#path, { cacheBytesMax: 0, hotBytesMax: 0 })
    await this.store.collect()
  }

  /** No job ever loses a block that it refers to, and no block is kept that none refers to. */
  async check(): Promise<void> {
    await this.settled()
    const used = new Set<Cid>()
    for (const [job, referred] of this.#referred) {
      const mine = this.store.blocks.of(job)
      for (const [cid, kind] of referred) {
        used.add(cid)
        assert(mine.kindsOf(cid).includes(kind), `${job} has no use of ${cid}`)
        await this.#mended(mine, cid, kind)
      }
    }
    for (const { cid } of world)
      assert.equal(this.store.blocks.has(cid), used.has(cid), `${cid} is kept as long as a job refers to it`)
  }

  /** What the disk damaged is noticed, and fetched again; what is whole was never lost. */
  async #mended(mine: JobBlocks, cid: Cid, kind: BlockKind): Promise<void> {
    const { bytes } = world.find((block) => block.cid === cid)!
    if ((await mine.get(cid)) === undefined) {
      assert(this.#damaged.has(cid), `${cid} is gone, and nobody damaged it`)
      await keepFetched(fetched(await mine.take([cid], kind), 0), mine, kind)
    }
    assert.deepEqual(await mine.get(cid), bytes)
    assert(mine.isHeld(cid))
  }

  readonly #damaged = new Set<Cid>()

  noteDamage(step: Step): void {
    if (step.type === 'damage') this.#damaged.add(world[step.block]!.cid)
  }

  isEmpty(): boolean {
    const count = (table: string) =>
      this.store.database.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)!.n
    const rows = ['blocks', 'block_uses', 'block_reads', 'jobs'].reduce((sum, table) => sum + count(table), 0)
    return rows === 0 && readdirSync(this.store.directory.blocksPath).length === 0
  }
}

/** From another node, after a while. */
async function* fetched(cids: readonly Cid[], turns: number) {
  for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate)
  for (const cid of cids) yield { cid, bytes: world.find((block) => block.cid === cid)!.bytes }
}

test('however jobs share blocks, no job loses one that it refers to, and after all are dropped nothing is left', {
  timeout: 400_000,
}, async (t) => {
  const seed = Number(process.env.CARPOOL_SEED ?? Date.now() & 0x7fffffff)
  t.diagnostic(`seed ${seed}; repeat with CARPOOL_SEED=${seed}`)
  await fc.assert(
    fc.asyncProperty(
      fc.array(aStep, { minLength: 5, maxLength: 40 }),
      fc.shuffledSubarray(jobs, { minLength: jobs.length }),
      async (steps, order) => {
        const node = new Node(temporaryDirectory(t))
        try {
          for (const job of [0, 1, 2]) await node.take({ type: 'begin', job, role: 'steward' })
          for (const step of steps) {
            node.noteDamage(step)
            await node.take(step)
            if (step.type === 'settle' || step.type === 'restart') await node.check()
          }
          await node.check()
          for (const job of order)
            for (const role of roles) {
              await node.take({ type: 'drop', job: jobs.indexOf(job), role })
              await node.check()
            }
          assert(node.isEmpty())
        } finally {
          node.store.close()
        }
      },
    ),
    { seed, numRuns: 60 },
  )
})
