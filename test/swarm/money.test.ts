/** Money between real processes: bills and earnings agree to the micro, whoever lies, is late, or is killed. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liarProgram } from '../../src/cli/swarm/cast.ts'
import type { Member } from '../../src/cli/swarm/member.ts'
import type { Swarm } from '../../src/cli/swarm/swarm.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import type { BilledShard, BillTotals, JobEarnings } from '../../src/host/ledger/contract.ts'
import {
  sharedSwarm,
  startSwarm,
  temporaryFolder,
  testTimeout,
  until,
  untilAtWork,
  untilEnded,
  wasmJob,
  writeDocuments,
  writeSlowDocuments,
} from '../support/swarm.ts'

const operatorPpm = 150_000
const payment = { currency: 'EUR', unitMicrosMax: 1_000, budgetMicros: 1_000_000 }

/** Owners ask different prices, none of which divides well. */
function car(name: string, micros: number) {
  return { name, environment: { CARPOOL_PRICE: `wasm=0.${`${micros}`.padStart(6, '0')}EUR` } }
}

const swarmOf = sharedSwarm({
  vehicles: [car('car-1', 777), car('car-2', 331)],
  laterOwners: ['car-3', 'liar'],
  operatorPpm,
  submitterProgram: fileURLToPath(new URL('../support/dies-before-statement.ts', import.meta.url)),
})

test(
  'a submitter that is killed between verdict and statement loses nothing and owes nothing twice',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const request = await wasmJob(t, 'slow', writeSlowDocuments(t, 4, 5), { replicas: 2, payment })
    const { job } = await swarm.submitter.node.submit(request)
    await until('the submitter was killed', () => !swarm.submitter.isRunning)
    for (const vehicle of swarm.vehicles())
      assert((await earningsOf(vehicle)).every(({ verifiedMicros }) => verifiedMicros === 0))
    const submitter = await swarm.restartSubmitter()
    assert.equal((await untilEnded(submitter, job)).state, 'complete')
    await assertBooksAgree(t, swarm, job)
    const { totals } = await billOf(submitter, job)
    assert.equal(totals.owedMicros, 4 * (777 + 331))
  },
)

test(
  'with a liar and a copy, what owners earn is what the submitter is billed, to the micro',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    await Promise.all(
      [car('car-3', 502), { ...car('liar', 100), program: liarProgram }].map((vehicle) =>
        swarm.join(vehicle),
      ),
    )
    await swarm.untilKnown(4)
    const { submitter } = swarm

    const texts = writeDocuments(t, ['one', 'two', 'three'])
    const lied = await submitter.node.submit(
      await wasmJob(t, 'echo', texts, { arbiter: 'steward', replicas: 4, payment }),
    )
    assert.equal((await untilEnded(submitter, lied.job)).state, 'complete')

    // One of two replicas stands still, and a third car makes the copy; what the first signs later comes to nothing.
    const slow = await wasmJob(t, 'slow', writeSlowDocuments(t, 2, 9, 100), { replicas: 2, payment })
    const copied = await submitter.node.submit(slow)
    const late = await atWork(swarm)
    process.kill(late.pid, 'SIGSTOP')
    try {
      assert.equal((await untilEnded(submitter, copied.job)).state, 'complete')
    } finally {
      process.kill(late.pid, 'SIGCONT')
    }

    for (const { job } of [lied, copied]) await assertBooksAgree(t, swarm, job)
    const liarsJobs = await earningsOf(swarm.vehicle('liar'))
    assert(liarsJobs.every(({ verifiedMicros }) => verifiedMicros === 0))
    const { totals } = await billOf(submitter, copied.job)
    assert(totals.paid.copy.executions > 0, JSON.stringify(totals))
  },
)

test('what was paid out is told to the cars, and not owed any more', testTimeout, async (t) => {
  const swarm = await startSwarm(t, { vehicles: [car('car-1', 20_000), car('car-2', 5_123)], operatorPpm })
  const { node } = swarm.submitter
  const rich = { ...payment, unitMicrosMax: 100_000 }
  const request = await wasmJob(t, 'echo', writeDocuments(t, ['one', 'two']), { replicas: 2, payment: rich })
  const { job } = await node.submit(request)
  await untilEnded(swarm.submitter, job)
  await assertBooksAgree(t, swarm, job)
  const ask = { thresholdMicros: 0, payees: null, payout: null, reference: '' }
  const prepared = await node.settle({ ...ask, action: 'prepare' })
  const { name, lines } = prepared.payout!
  assert(lines.every(({ micros }) => micros % 10_000 === 0 && micros > 0))
  assert(
    prepared.owed.every(({ owedMicros }) => owedMicros < 10_000),
    'less than a cent stays owed',
  )
  await node.settle({ ...ask, action: 'paid', payout: name, reference: 'bank 1' })
  await node.settle({ ...ask, action: 'paid', payout: name, reference: 'bank 1' })
  const { owner } = await swarm.vehicle('car-1').node.info()
  const paid = lines.find(({ payee }) => payee === owner)!.micros
  await until('the car knows that it was paid', async () => {
    const { currencies } = await swarm.vehicle('car-1').node.earnings([{ name: 'all', sinceMs: 0 }])
    return currencies[0]?.periods[0]?.paidMicros === paid
  })
})

/** The first car that executes something. */
async function atWork(swarm: Swarm): Promise<Member> {
  const cars = swarm.vehicles().filter(({ name }) => name !== 'liar')
  return Promise.any(cars.map((member) => untilAtWork(member).then(() => member)))
}

/** Bill, earnings and audit come to the same, for each car and in all. */
async function assertBooksAgree(t: TestContext, swarm: Swarm, job: string): Promise<void> {
  const { submitter } = swarm
  const cars = swarm.vehicles()
  await until('every car is told what became of its work', async () => {
    const known = await Promise.all(cars.map(earningsOf))
    return known.flat().every((one) => one.job !== job || (one.settled && one.pendingMicros === 0))
  })
  const { shards, totals } = await billOf(submitter, job)
  let earned = 0
  for (const member of cars) {
    const mine = (await earningsOf(member)).filter((one) => one.job === job)
    const billed = shards
      .flatMap(({ executions }) => executions)
      .filter(({ vehicle, outcome }) => vehicle === member.peer && outcome === 'paid')
      .reduce((sum, { micros, operatorMicros }) => sum + micros - operatorMicros, 0)
    assert.equal(mine[0]?.verifiedMicros ?? 0, billed, `${member.name} earned what it is billed for`)
    assert(mine.every(({ statements }) => statements.every(({ agreed }) => agreed)))
    earned += billed
  }
  assert.equal(earned + totals.operatorMicros, totals.owedMicros)
  assert(totals.operatorMicros > 0 && totals.owedMicros <= totals.budgetMicros)
  const report = join(temporaryFolder(t), 'report.car')
  await submitter.node.report(job, report)
  const { problems, summary } = await auditFile(report)
  assert.deepEqual(problems, [])
  const money = `${Math.floor(totals.owedMicros / 1e6)}.${`${totals.owedMicros % 1e6}`.padStart(6, '0')} EUR owed`
  assert(
    summary.some((line) => line.startsWith(money)),
    summary.join('\n'),
  )
}

async function earningsOf({ node }: Member): Promise<readonly JobEarnings[]> {
  const { jobs, damagedAt } = await node.earnings([])
  assert.equal(damagedAt, null)
  return jobs
}

async function billOf({ node }: Member, job: string): Promise<{ shards: BilledShard[]; totals: BillTotals }> {
  const shards: BilledShard[] = []
  const lines = node.bill(job)
  for (;;) {
    const next = await lines.next()
    if (next.done) return { shards, totals: next.value }
    shards.push(next.value)
  }
}
