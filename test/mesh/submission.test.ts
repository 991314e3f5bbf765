/** From files on a disk to a job: what is planned, what is refused, and that a refusal leaves nothing. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Mesh } from '../support/mesh.ts'

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 3, standbys: 1, fleet: {} })
})
after(() => mesh.stop())

test('a submission gets the cheapest of the plans that its quote lists', async () => {
  const { api } = mesh.submitter
  const request = mesh.request(['one', 'two', 'three'], { replicas: null, errorBound: 1e-4 })
  const quote = await api.quote(request)
  const { documents, pages, shards, engine, supply } = quote
  assert.deepEqual(
    [documents, pages, shards, engine, supply],
    [3, 3, 3, 'wasm/exact', { owners: 3, slots: 3 }],
  )
  const executions = quote.plans.map(({ executionsPerShard }) => executionsPerShard)
  assert.deepEqual(
    executions,
    executions.toSorted((a, b) => a - b),
  )
  assert(quote.plans.every(({ errorBound }) => errorBound !== null && errorBound <= 1e-4))
  const submitted = await api.submit(request)
  const [cheapest] = quote.plans
  assert.deepEqual(
    [submitted.replicas, submitted.audits, submitted.owners.needed],
    [cheapest!.replicas, cheapest!.audits, cheapest!.ownersNeeded],
  )
  assert.equal((await mesh.submitter.ended(submitted.job)).state, 'complete')
})

test('what cannot be submitted is refused in a sentence, and nothing of it is kept', async () => {
  const { api } = mesh.submitter
  const jobs = api.jobs().length
  const request = mesh.request(['one'])
  const empty = mesh.request([])
  const refusals: readonly [Partial<typeof request>, RegExp][] = [
    [{ paths: ['/no/such/file'] }, /\/no\/such\/file cannot be read: there is no such file or folder/],
    [{ paths: empty.paths }, /there are no documents in /],
    [{ runtime: 'tea' }, /there is no runtime 'tea'/],
    [{ module: null }, /needs a module: name one with --module/],
    [{ module: '/no/such.wasm' }, /the module at \/no\/such\.wasm cannot be read/],
    [{ engine: 'native' }, /there is no engine 'native' for wasm; name one of auto, exact/],
    [{ runtime: 'ocr', module: null }, /nobody here runs 'ocr'/],
    [{ replicas: null, errorBound: 0 }, /no plan meets this error bound: 0 is not between 0 and 1/],
    [{ blind: true, replicas: 4 }, /4 are needed, 3 are here/],
    [{ payment: { currency: 'EUR', unitMicrosMax: 1, budgetMicros: null } }, /needs a budget: add --budget/],
  ]
  for (const [changes, refusal] of refusals)
    await assert.rejects(api.submit({ ...request, ...changes }), refusal, JSON.stringify(changes))
  assert.equal(api.jobs().length, jobs)
})

test('folders are walked by name, hidden files are left out, and a file comes by its own name', async () => {
  const { submitter } = mesh
  const request = mesh.request(['b', 'a'])
  const [folder] = request.paths
  writeFileSync(join(folder!, '.hidden'), 'nobody reads this')
  const single = join(mesh.folder, 'single.txt')
  writeFileSync(single, 'single')
  const { job } = await submitter.api.submit({ ...request, paths: [single, folder!] })
  await submitter.ended(job)
  const { lines } = await submitter.results(job)
  assert.deepEqual(
    lines.map(({ document, result }) => [document, result?.text]),
    [
      ['single.txt', 'single'],
      ['000.txt', 'b'],
      ['001.txt', 'a'],
    ],
  )
})

test('the same request is the same job, and another order of its documents is another', async () => {
  const { submitter } = mesh
  const request = mesh.request(['same', 'again'])
  const first = await submitter.api.submit(request)
  assert.deepEqual([first.known, (await submitter.api.submit(request)).known], [false, true])
  const [folder] = request.paths
  const files = ['001.txt', '000.txt'].map((name) => join(folder!, name))
  const other = await submitter.api.submit({ ...request, paths: files })
  assert.equal(other.known, false)
  assert.notEqual(other.job, first.job)
  for (const { job } of [first, other]) assert.equal((await submitter.ended(job)).state, 'complete')
  assert.deepEqual(await submitter.texts(other.job), ['again', 'same'])
})

test('a job is submitted once its documents are stored: the files may go', async () => {
  const { submitter } = mesh
  const request = mesh.request(['short-lived'])
  const { job } = await submitter.api.submit(request)
  rmSync(request.paths[0]!, { recursive: true })
  assert.equal((await submitter.ended(job)).state, 'complete')
  assert.deepEqual(await submitter.texts(job), ['short-lived'])
})
