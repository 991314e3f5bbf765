/** Money: what owners are told that they earned, what the submitter is billed, and what leaves for the bank. */
import assert from 'node:assert/strict'
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { SignedText, SubmitRequest } from '../../src/host/api.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import type { EarningsView } from '../../src/host/ledger/contract.ts'
import { owingRetentionMs } from '../../src/host/ledger/job-debt.ts'
import type { SettleRequest, SettleView, TransferNews } from '../../src/host/ledger/settle-contract.ts'
import { signAccountsAccess } from '../../src/host/membership/certificates.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { jobRetentionMs } from '../../src/protocol/limits.ts'
import { Mesh, type MeshNode } from '../support/mesh.ts'
import { billOf, earningsOf } from '../support/mesh-money.ts'
import { honest } from '../support/scripted-executor.ts'

const operatorPpm = 150_000
const payment = { currency: 'EUR', unitMicrosMax: 100_000, budgetMicros: 10_000_000 }

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({
    vehicles: [
      { name: 'car-1', askMicros: 20_000 },
      { name: 'car-2', askMicros: 5_123 },
      { name: 'liar', askMicros: 100 },
    ],
    fleet: { operatorPpm },
  })
})
after(() => mesh.stop())

const cars = () => ['car-1', 'car-2', 'liar'].map((name) => mesh.node(name))
const ask: SettleRequest = { action: 'preview', thresholds: { EUR: 0 } }
const prepare: SettleRequest = {
  action: 'prepare',
  thresholds: { EUR: 0 },
  payees: null,
  executionDate: '2026-12-28',
  alsoUnheard: false,
}

function note(news: Partial<TransferNews> & Pick<TransferNews, 'of' | 'state'>): Promise<SettleView> {
  return mesh.submitter.api.settle({ action: 'note', news: [{ reference: '', reason: '', ...news }] })
}

async function paidIn(car: MeshNode): Promise<number> {
  const { currencies } = await car.api.earnings([{ name: 'all', sinceMs: 0 }])
  return currencies[0]?.periods[0]?.paidMicros ?? 0
}

test('with a liar, what owners earn is what the submitter is billed and what the audit says, to the micro', async () => {
  const { submitter } = mesh
  mesh.node('liar').script = (text) => `not ${text}`
  const job = await paid(['one'], { replicas: 3, arbiter: 'steward' })
  mesh.node('liar').script = honest
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
  assert.equal((await earningsOf(mesh.node('liar')))[0]?.verifiedMicros, 0)
  assert.equal(totals.owedMicros, 20_000 + 5_123)
  assert.equal(earned + totals.operatorMicros, totals.owedMicros)
  const report = join(mesh.folder, 'paid.car')
  await submitter.api.report(job, report)
  const { problems, summary } = await auditFile(report)
  assert.deepEqual(problems, [])
  assert(
    summary.some((line) => line.startsWith('0.025123 EUR owed')),
    summary.join('\n'),
  )
})

test('what an open pay-out holds is not offered again, and is when it is cancelled', async () => {
  const { submitter } = mesh
  const before = await submitter.api.settle(ask)
  const prepared = await submitter.api.settle(prepare)
  const { name, lines } = prepared.payout!
  assert(lines.length > 0 && lines.every(({ micros }) => micros % 10_000 === 0 && micros > 0))
  for (const { payee, owedMicros } of before.owed) {
    const held = lines.filter((line) => line.payee === payee).reduce((sum, { micros }) => sum + micros, 0)
    assert.equal(owedOf(prepared, payee), owedMicros - held)
    assert(owedMicros - held < 10_000, 'less than a cent stays owed')
  }
  assert.deepEqual((await submitter.api.settle(ask)).owed, prepared.owed)
  await assert.rejects(submitter.api.settle(prepare), /nobody is owed|nothing/)

  await note({ of: name, state: 'cancelled' })
  assert.deepEqual((await submitter.api.settle(ask)).owed, before.owed)
})

test('what was paid out is told to the cars, once, by its name and reference; what has not arrived, or came back, is told both ways', async () => {
  const { submitter } = mesh
  const car = mesh.node('car-1')
  const { owner } = car.api.info()
  const { payout } = await submitter.api.settle(prepare)
  const { name, lines } = payout!
  const paid = { of: name, state: 'paid', reference: 'bank 1' } as const
  const once = await note(paid)
  assert.equal(once.noted, lines.length)
  assert.deepEqual((await note(paid)).owed, once.owed)
  const { micros, settlement } = lines.find(({ payee }) => payee === owner)!
  await mesh.until('the car knows that it was paid', async () => (await paidIn(car)) === micros)
  const [payment] = car.api.payments()
  assert.deepEqual(
    [payment?.settlement, payment?.micros, payment?.reference, payment?.state, payment?.missingAtMs],
    [settlement, micros, 'bank 1', 'paid', null],
  )

  assert.throws(() => car.api.markPayment('nonsense', true), /no payer has named a payment/)
  car.api.markPayment(settlement, true)
  const missing = async () => {
    const { payout: shown } = await submitter.api.settle({ action: 'show', of: settlement })
    return shown!.lines[0]!.missingAtMs !== null
  }
  await mesh.until('the payer is told that it has not arrived', missing)

  await note({ of: settlement, state: 'returned', reason: 'AC04' })
  await mesh.until('the car knows that it came back', async () => (await paidIn(car)) === 0)
  assert.equal(car.api.payments()[0]?.state, 'returned')
  assert.equal(owedOf(await submitter.api.settle(ask), owner), owedOf(once, owner) + micros)
  const again = await submitter.api.settle(prepare)
  await note({ of: again.payout!.name, state: 'paid', reference: 'bank 2' })
  await mesh.until('the car knows that it was paid after all', async () => (await paidIn(car)) === micros)
  assert.deepEqual(
    car.api.payments().map(({ state }) => state),
    ['paid', 'returned'],
  )
})

test('a budget that does not pay for what is expected is refused, and nothing is begun', async () => {
  const { submitter } = mesh
  const jobs = submitter.api.jobs().length
  const tooLittle = { ...payment, budgetMicros: 10_000 }
  await assert.rejects(
    submitter.api.submit(mesh.request(['one', 'two'], { payment: tooLittle })),
    /a budget of 0\.01 EUR is less than the .* that the job is expected to cost; raise --budget/,
  )
  const cheap = { ...payment, unitMicrosMax: 6_000, budgetMicros: null }
  const quote = await submitter.api.quote(mesh.request(['one', 'two'], { payment: cheap }))
  assert.deepEqual(quote.dearer, { owners: 1, from: [{ currency: 'EUR', unitMicros: 20_000 }] })
  assert.deepEqual(quote.supply, { owners: 1, slots: 1 }, 'the liar gets no more work')
  assert.equal(submitter.api.jobs().length, jobs)
})

test('books survive a restart, and a ledger has its entries in order', async () => {
  const { submitter } = mesh
  const before = await submitter.api.settle(ask)
  await submitter.restart()
  await mesh.acquainted()
  assert.deepEqual(await submitter.api.settle(ask), before)
  const serials: number[] = []
  for await (const { serial } of submitter.api.ledger()) serials.push(serial)
  assert(serials.length > 6)
  assert.deepEqual(
    serials,
    serials.map((_, i) => serials[0]! + i),
  )
})

test('who cancels a job that has its results, or lets it die, owes what agrees, on both sides alike', async () => {
  const { submitter } = mesh
  await mesh.join({ name: 'car-3', askMicros: 7_000 })
  for (const lets of ['cancelled', 'failed'] as const) {
    // One owner more than there are: nothing is ever verified, and every result is on the submitter's disk.
    const texts = [`${lets} one`, `${lets} two`]
    const request = mesh.request(texts, { payment, replicas: 4, arbiter: 'owners', deadlineMs: 3_600_000 })
    const { job } = await submitter.api.submit(request)
    await mesh.clock.hurry(submitter.status(job, 'all came back', (status) => status.executions >= 4))
    if (lets === 'cancelled') await submitter.api.cancel(job)
    else mesh.clock.skip(3_600_000)
    const { state, shards, payment: paid } = await mesh.clock.hurry(submitter.ended(job))
    assert.deepEqual([state, shards.verified, shards.failed], [lets, 0, 0])
    assert(
      (await submitter.results(job)).end.missing.every(
        ({ why }) => why === `not verified before the job ${lets === 'failed' ? 'failed' : 'was cancelled'}`,
      ),
    )
    const { totals } = await billOf(submitter, job)
    assert(totals.owedMicros > 0 && totals.owedMicros === paid?.owedMicros)
    const path = join(mesh.folder, `${lets}.car`)
    await submitter.api.report(job, path)
    assert.deepEqual((await auditFile(path)).problems, [])
    const why =
      lets === 'cancelled' ? /since its submitter cancelled it: of 2 results/ : /at its deadline: of 2/
    for (const name of ['car-1', 'car-2', 'car-3'])
      await mesh.node(name).lines.find(({ msg }) => why.test(msg))
    const working = ['car-1', 'car-2', 'car-3'].map((name) => mesh.node(name))
    await mesh.until('every car is told what it is owed', async () => {
      const known = (await Promise.all(working.map(earningsOf))).flat().filter((one) => one.job === job)
      const earned = known.reduce((sum, one) => sum + one.verifiedMicros, 0)
      return earned + totals.operatorMicros === totals.owedMicros && known.every(({ settled }) => settled)
    })
  }
  await mesh.leave('car-3')
})

test('a job that still owes says so, and its bill stays when it is forgotten', async () => {
  const { submitter } = mesh
  const job = await paid(['to be forgotten', 'and this one'], {})
  const debt = submitter.api.owes(job)
  const { shards, totals } = await billOf(submitter, job)
  assert.equal(debt?.micros, totals.owedMicros)
  assert.deepEqual([debt?.currency, debt?.payees], ['EUR', totals.operatorMicros > 0 ? 3 : 2])
  await submitter.api.forget(job)
  await assert.rejects(mesh.clock.hurry(submitter.api.status(job)), /there is no job/)
  const after = await billOf(submitter, job.slice(0, 20))
  assert.deepEqual({ ...after.totals }, { ...totals, damagedAt: null, closed: true })
  assert.deepEqual(
    after.shards.map(({ outcome, executions }) => [
      outcome,
      executions.map(({ kind, micros }) => [kind, micros]),
    ]),
    shards.map(({ executions }) => ['forgotten', executions.map(({ kind, micros }) => [kind, micros])]),
  )
  assert.throws(() => submitter.api.owes(job), /there is no job/)
})

test('an owner reads what all its vehicles earned through any node, by its key; nobody else does', async () => {
  const vans = [
    await mesh.join({ name: 'van-1', owner: 'family', askMicros: 7_000 }),
    await mesh.join({ name: 'van-2', owner: 'family', askMicros: 7_000 }),
  ]
  await paid(['three', 'four'], { replicas: 3 })
  const periods = [{ name: 'in all', sinceMs: 0 }]
  const earned = await Promise.all(vans.map(({ api }) => api.earnings(periods)))
  const sum = (views: readonly (EarningsView['currencies'] | undefined)[]) =>
    views.flatMap((one) => one ?? []).reduce((total, { periods }) => total + periods[0]!.verifiedMicros, 0)
  assert(sum(earned.map(({ currencies }) => currencies)) > 0, 'a van was drawn')
  for (const reader of [mesh.submitter, mesh.node('car-1')]) {
    const key = mesh.ownerKey('family')
    const shown = await mesh.clock.hurry(reader.api.ownersAccounts(accessBy(key, reader.peer), periods))
    assert.deepEqual(shown.vehicles.map(({ name }) => name).sort(), ['van-1', 'van-2'])
    assert.equal(
      sum(shown.vehicles.map(({ accounts }) => accounts?.currencies)),
      sum(earned.map(({ currencies }) => currencies)),
    )
  }
  const [first, other] = [mesh.submitter, mesh.node('car-1')]
  assert.deepEqual(
    (await first.api.ownersAccounts(accessBy(SigningKey.generate(), first.peer), periods)).vehicles,
    [],
  )
  await assert.rejects(
    first.api.ownersAccounts(accessBy(mesh.ownerKey('family'), other.peer), periods),
    /is for another node/,
  )
})

test('an operator reads its share of each vehicle’s work, by job, and it is what the submitter is billed', async () => {
  const { submitter } = mesh
  const job = await paid(['five'], { replicas: 3 })
  const { totals } = await billOf(submitter, job)
  const shown = await mesh.clock.hurry(submitter.api.operatorsAccounts([{ name: 'in all', sinceMs: 0 }]))
  const mine = shown.shares.filter((share) => share.job === job)
  assert.equal(
    mine.reduce((sum, { verifiedMicros }) => sum + verifiedMicros, 0),
    totals.operatorMicros,
  )
  assert(mine.length > 0 && mine.every(({ periods }) => periods[0]!.verifiedMicros > 0))
  assert.throws(() => mesh.node('car-1').api.operatorsAccounts([]), /is not a registrar/)
})

/** The record that an owner's key signs for a node that is to read its accounts. */
function accessBy(key: SigningKey, reader: PeerId): SignedText {
  const { body, signature } = signAccountsAccess(key, { reader, of: 'owner' })
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  return { body: text(body), signature: text(signature) }
}

test('a node that was restored from a backup pays nothing before the cars have said what they were paid since', async () => {
  const { submitter } = mesh
  const car = mesh.node('car-1')
  const { owner } = car.api.info()
  await paid(['paid and', 'forgotten'], {})
  await submitter.stop()
  const database = join(submitter.dataDir, 'carpool.sqlite')
  const backup = join(mesh.folder, 'backup.sqlite')
  copyFileSync(database, backup)
  await submitter.start(mesh.addresses())
  await mesh.acquainted()
  const before = await paidIn(car)
  const { payout } = await submitter.api.settle(prepare)
  const { micros } = payout!.lines.find(({ payee }) => payee === owner)!
  await note({ of: payout!.name, state: 'paid', reference: 'forgotten' })
  await mesh.until('the car knows that it was paid', async () => (await paidIn(car)) === before + micros)

  await submitter.stop()
  rmSync(database)
  copyFileSync(backup, database)
  await submitter.start(mesh.addresses())
  await mesh.acquainted()
  assert((await submitter.api.settle(ask)).doubt !== null)
  await assert.rejects(submitter.api.settle(prepare), /restored from a backup/)
  await submitter.api.settle({ action: 'take-over' })
  await mesh.until('the car has said what it was paid', async () => {
    const { owed } = await submitter.api.settle(ask)
    return owed.every(({ payee, unheard }) => payee !== owner || !unheard)
  })
  const owed = owedOf(await submitter.api.settle(ask), owner)
  assert(owed >= 0 && owed < 10_000, `${owed} are owed, and ${micros} were paid before`)
})

test('a node with a copy of the key pays nothing that another pays, and takes over what was paid with the debts', async () => {
  const { submitter } = mesh
  const car = mesh.node('car-1')
  // More than was paid for a job that this node has forgotten, of which the other one knows nothing.
  const job = await paid(['paid by', 'two nodes', 'of one', 'key', 'each'], {})
  const other = await mesh.join({
    name: 'other',
    slots: 0,
    standsBy: false,
    prepare: (dataDir) =>
      copyFileSync(join(submitter.dataDir, 'submitter.key'), join(dataDir, 'submitter.key')),
  })
  await mesh.clock.wait(other.results(job)) // however long a busy machine takes to answer
  const here = await other.api.settle(ask)
  assert.deepEqual([here.owed, here.elsewhere > 0], [[], true])
  await assert.rejects(other.api.settle(prepare), /submitted from another/)
  await assert.rejects(other.api.settle({ action: 'take-over' }), /is in the mesh: settle there/)

  const before = await paidIn(car)
  await submitter.stop()
  await mesh.until('nobody is known to pay', async () => {
    try {
      await other.api.settle({ action: 'take-over' })
      return true
    } catch {
      mesh.clock.skip(60_000)
      return false
    }
  })
  const { owner } = car.api.info()
  await mesh.until('the car has said to it what it was paid', async () => {
    const { owed } = await other.api.settle(ask)
    return owed.every(({ payee, unheard }) => payee !== owner || !unheard)
  })
  const payout = (await other.api.settle(prepare)).payout!
  await other.api.settle({
    action: 'note',
    news: [{ of: payout.name, state: 'paid', reference: 'b', reason: '' }],
  })
  const micros = payout.lines.find(({ payee }) => payee === owner)?.micros ?? 0
  await mesh.until('the car knows both payers', async () => (await paidIn(car)) === before + micros)
  // All of it was paid, but for a job that the first node had forgotten, if that had not paid it; and nothing twice.
  const known = new Set(other.api.jobs().map((one) => one.job))
  const { jobs } = await car.api.earnings([{ name: 'all', sinceMs: 0 }])
  const sum = (of: typeof jobs) => of.reduce((micros, { verifiedMicros }) => micros + verifiedMicros, 0)
  const paidOut = await paidIn(car)
  assert(paidOut <= sum(jobs), 'it was paid once')
  assert(sum(jobs.filter(({ job }) => known.has(job))) - paidOut < 10_000, 'it was paid')

  await submitter.restart()
  await mesh.acquainted()
  await mesh.until('the first node is told that another pays', async () => {
    const { doubt } = await submitter.api.settle(ask)
    return doubt !== null
  })
  await assert.rejects(submitter.api.settle(prepare), /took over and pays/)
  await mesh.leave('other')
})

test('a job expires thirty days after its end, and one for which money is owed after a year', async () => {
  const { submitter } = mesh
  const tooDear = { ...payment, unitMicrosMax: 1 }
  const { job: never } = await submitter.api.submit(mesh.request(['done by nobody'], { payment: tooDear }))
  await submitter.api.cancel(never)
  const ended = submitter.api.jobs().map(({ job }) => job)
  const owing = new Set(ended.filter((job) => submitter.api.owes(job) !== null))
  assert(owing.size > 0 && owing.size < ended.length, `${owing.size} of ${ended.length}`)
  mesh.clock.skip(jobRetentionMs + 3_600_000)
  await mesh.until('the others are gone', () => submitter.api.jobs().length <= owing.size)
  assert.deepEqual(new Set(submitter.api.jobs().map(({ job }) => job)), owing)
  mesh.clock.skip(owingRetentionMs - jobRetentionMs)
  await mesh.until('those that owe are gone, too', () => submitter.api.jobs().length === 0)
})

/** A job that pays, ended, of which every car knows what became of its work. */
async function paid(texts: readonly string[], changes: Partial<SubmitRequest>): Promise<string> {
  const { job } = await mesh.submitter.api.submit(mesh.request(texts, { payment, ...changes }))
  assert.equal((await mesh.submitter.ended(job)).state, 'complete')
  await mesh.until('every car is told what became of its work', async () => {
    const known = await Promise.all(cars().map(earningsOf))
    return known.flat().every((one) => one.job !== job || (one.settled && one.pendingMicros === 0))
  })
  return job
}

function owedOf({ owed }: SettleView, payee: string): number {
  return owed.find((one) => one.payee === payee)?.owedMicros ?? 0
}
