/** The gateway by the unmodified package of OpenAI, in a program of its own: its newest version, and the last one for Node 20. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { batchWhen, chat, GatewayStage, isOver, linesIn, uploadLines } from '../support/gateway.ts'
import { Gate } from '../support/mesh.ts'

let gate = new Gate()
let stage: GatewayStage
before(async () => {
  stage = await GatewayStage.start(async (message) => {
    if (message.startsWith('wait')) await gate.script('')
  })
})
after(() => stage.stop())

const budgetDay = { currency: 'EUR', micros: 50_000_000 }
const request = { endpoint: '/v1/chat/completions', completion_window: '24h' } as const

async function accepts(node: string, packageName: string): Promise<void> {
  const keys = [`mine-${packageName}`, `theirs-${packageName}`].map((name) =>
    stage.key(name, { budgetDay, batchesMax: 64 }),
  )
  const script = join(import.meta.dirname, '../support/acceptance.js')
  const child = spawn(node, [script, packageName, `${stage.url}/v1`, ...keys, 'letters', 'letters'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, errors, [code]] = await stage.hurry(
    Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]),
  )
  assert.equal(code, 0, out + errors)
}

test('a client’s program finds all as upstream has it, by the newest package', () =>
  accepts(process.execPath, 'openai'))

const node20 = nodeOf(20)
test(
  'a client’s program finds all as upstream has it, by the package for Node 20',
  { skip: node20 === null && 'no Node 20 on PATH' },
  () => accepts(node20!, 'openai-node20'),
)

test('a batch whose time is over is expired: what is done stays, and each other line says so', async () => {
  const client = stage.client(stage.key('late', { budgetDay }))
  const file = await uploadLines(client, [
    chat('done', 'one'),
    chat('open', 'wait'),
    chat('no', 'x', 'nobody'),
  ])
  const hour = { ...request, completion_window: '1h' as never }
  const { id } = await client.batches.create({ ...hour, input_file_id: file.id })
  await stage.hurry(batchWhen(client, id, ({ request_counts: counts }) => counts?.completed === 1))
  stage.mesh.clock.skip(3_700_000)
  const batch = await stage.hurry(batchWhen(client, id, isOver))
  gate.open()
  assert.deepEqual([batch.status, batch.request_counts], ['expired', { total: 3, completed: 1, failed: 2 }])
  assert(batch.expired_at !== null && batch.completed_at === null)
  assert.deepEqual(
    (await linesIn(client, batch.output_file_id)).map(({ custom_id }) => custom_id),
    ['done'],
  )
  assert.deepEqual(
    (await linesIn(client, batch.error_file_id)).map(({ custom_id, response, error }) => [
      custom_id,
      response?.status_code,
      error?.code,
    ]),
    [
      ['open', undefined, 'batch_expired'],
      ['no', 404, undefined],
    ],
  )
})

test('the first lines of a large batch are answered while the others wait, also over a restart, and are few more jobs', async () => {
  gate = new Gate()
  const held = gate
  const key = stage.key('large', { budgetDay })
  let client = stage.client(key)
  const lines = Array.from({ length: 1_040 }, (_, n) => chat(`${n}`, n < 32 ? `now ${n}` : `wait ${n}`))
  const file = await uploadLines(client, lines)
  const { id } = await client.batches.create({ ...request, input_file_id: file.id })
  const early = await stage.hurry(batchWhen(client, id, ({ request_counts: c }) => c?.completed === 32))
  assert.deepEqual(
    new Set((await linesIn(client, early.output_file_id)).map(({ custom_id }) => Number(custom_id))),
    new Set(Array.from({ length: 32 }, (_, n) => n)),
  )
  await stage.restart()
  client = stage.client(key)
  held.open()
  const batch = await stage.hurry(batchWhen(client, id, isOver))
  assert.deepEqual(batch.request_counts, { total: 1_040, completed: 1_040, failed: 0 })
  const { jobs, proof_file_ids: proofs } = (batch as unknown as { carpool: Record<string, string[]> }).carpool
  assert.deepEqual([jobs!.length, new Set(jobs).size, proofs!.length], [2, 2, 2])
  assert.deepEqual(
    (await linesIn(client, batch.output_file_id)).map(({ custom_id }) => Number(custom_id)),
    lines.map((_, n) => n),
  )
})

test('a batch outlives its input file, a restart, and the name of its model', async () => {
  gate = new Gate()
  const held = gate
  const key = stage.key('owner', { budgetDay })
  let client = stage.client(key)
  const file = await uploadLines(client, [chat('done', 'one'), chat('open', 'wait')])
  const { id } = await client.batches.create({ ...request, input_file_id: file.id })
  const half = await stage.hurry(
    batchWhen(client, id, ({ request_counts: counts }) => counts?.completed === 1),
  )
  await assert.rejects(client.files.delete(half.output_file_id!), /a batch still writes the file/)
  await client.files.delete(file.id)
  stage.mesh.submitter.api.removeModel('letters')
  await stage.restart()
  client = stage.client(key)
  assert(!(await client.models.list()).data.some(({ id: model }) => model === 'letters'))
  held.open()
  const batch = await stage.hurry(batchWhen(client, id, isOver))
  assert.deepEqual([batch.status, batch.errors], ['completed', null])
  assert.deepEqual(
    (await linesIn(client, batch.output_file_id)).map(({ custom_id }) => custom_id),
    ['done', 'open'],
  )
  // The second is read after the first, and its file is deleted before that.
  const many = Array.from({ length: 3000 }, (_, n) => chat(`${n}`, 'x', 'nobody'))
  const [long, gone] = [
    await uploadLines(client, many),
    await uploadLines(client, [chat('a', 'x', 'nobody')]),
  ]
  await client.batches.create({ ...request, input_file_id: long.id })
  const next = await client.batches.create({ ...request, input_file_id: gone.id })
  await client.files.delete(gone.id)
  const { status, request_counts: counts } = await stage.hurry(batchWhen(client, next.id, isOver))
  assert.deepEqual([status, counts], ['completed', { total: 1, completed: 0, failed: 1 }])
})

/** A Node of this major version on PATH. */
function nodeOf(major: number): string | null {
  const found = new Set((process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node')))
  for (const node of found) {
    if (!existsSync(node)) continue
    const { stdout } = spawnSync(node, ['-p', 'parseInt(process.versions.node)'], { encoding: 'utf8' })
    if (Number(stdout) === major) return node
  }
  return null
}
