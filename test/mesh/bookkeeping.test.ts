/** Bills and earnings agree to the micro when a submitter is killed, or a vehicle is late. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { Network } from '../../src/host/network/network.ts'
import { decodeMessage } from '../../src/protocol/message.ts'
import { Gate, Mesh, type MeshNode } from '../support/mesh.ts'
import { billOf, earningsOf } from '../support/mesh-money.ts'
import { honest } from '../support/scripted-executor.ts'

const operatorPpm = 150_000
const payment = { currency: 'EUR', unitMicrosMax: 1_000, budgetMicros: 1_000_000 }
/** None of the prices divides well. */
const asked = new Map([
  ['car-1', 777],
  ['car-2', 331],
  ['car-3', 502],
])

let mesh: Mesh
before(async () => {
  const vehicles = ['car-1', 'car-2'].map((name) => ({ name, askMicros: asked.get(name)! }))
  mesh = await Mesh.start({ vehicles, fleet: { operatorPpm } })
})
after(() => mesh.stop())

const cars = () => mesh.running().filter(({ name }) => asked.has(name))

test('a submitter that is killed between verdict and statement loses nothing and owes nothing twice', async () => {
  const { submitter } = mesh
  const killed = crashAtStatement(submitter)
  const { job } = await submitter.api.submit(mesh.request(['one', 'two', 'three', 'four'], { payment }))
  await mesh.clock.hurry(killed)
  for (const car of cars())
    assert((await earningsOf(car)).every(({ verifiedMicros }) => verifiedMicros === 0))
  await submitter.start(mesh.addresses())
  assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
  await assertBooksAgree(job)
  const { totals } = await billOf(submitter, job)
  assert.equal(totals.owedMicros, 4 * (777 + 331))
})

test('with a copy of what is late, what owners earn is what the submitter is billed, to the micro', async () => {
  const { submitter } = mesh
  await mesh.acquainted()
  await mesh.join({ name: 'car-3', askMicros: asked.get('car-3')! })
  const gate = new Gate()
  const late = Promise.withResolvers<MeshNode>()
  for (const car of cars())
    car.script = async (text) => {
      // The first to begin stands still; what it signs later comes to nothing.
      late.resolve(car)
      return (await late.promise) === car ? gate.script(text) : text
    }
  const { job } = await submitter.api.submit(mesh.request(['five', 'six'], { payment }))
  assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
  for (const car of cars()) car.script = honest
  gate.open()
  await assertBooksAgree(job)
  const { totals } = await billOf(submitter, job)
  // The copy took the turn of what came to nothing.
  assert.deepEqual(
    [totals.paid.replica.executions, totals.paid.copy.executions],
    [4, 0],
    JSON.stringify(totals),
  )
  const earned = (await earningsOf(await late.promise)).filter((one) => one.job === job)
  assert(earned.every(({ verifiedMicros }) => verifiedMicros === 0))
})

/** Resolves once the node has ended as if killed: the verdict is durable, and nobody was told what it owes. */
function crashAtStatement(node: MeshNode): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { send } = Network.prototype
  Network.prototype.send = function (to, bytes) {
    if (this.peer === node.peer && decodeMessage(bytes).type === 'statement') {
      Network.prototype.send = send
      resolve(node.crash())
    }
    return send.call(this, to, bytes)
  }
  return promise
}

/** Bill, earnings and audit come to the same, for each car and in all. */
async function assertBooksAgree(job: string): Promise<void> {
  const { submitter } = mesh
  const told = mesh.until('every car is told what became of its work', async () => {
    const known = await Promise.all(cars().map(earningsOf))
    return known.flat().every((one) => one.job !== job || (one.settled && one.pendingMicros === 0))
  })
  await mesh.clock.hurry(told)
  const { shards, totals } = await billOf(submitter, job)
  let earned = 0
  for (const car of cars()) {
    const mine = (await earningsOf(car)).filter((one) => one.job === job)
    const billed = shards
      .flatMap(({ executions }) => executions)
      .filter(({ vehicle, outcome }) => vehicle === car.peer && outcome === 'paid')
      .reduce((sum, { micros, operatorMicros }) => sum + micros - operatorMicros, 0)
    assert.equal(mine[0]?.verifiedMicros ?? 0, billed, `${car.name} earned what it is billed for`)
    assert(mine.every(({ statements }) => statements.every(({ agreed }) => agreed)))
    earned += billed
  }
  assert.equal(earned + totals.operatorMicros, totals.owedMicros)
  assert(totals.operatorMicros > 0 && totals.owedMicros <= totals.budgetMicros)
  const report = join(mesh.folder, `${job}.car`)
  await submitter.api.report(job, report)
  const { problems, summary } = await auditFile(report)
  assert.deepEqual(problems, [])
  const owed = `${(totals.owedMicros / 1e6).toFixed(6)} EUR owed`
  assert(
    summary.some((line) => line.startsWith(owed)),
    summary.join('\n'),
  )
}
