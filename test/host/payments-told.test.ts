/** How a vehicle is told what it was paid when no job is in memory, by a job that has ended and is on the disk. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { tellAgain, tellPaid } from '../../src/host/jobs/job-money.ts'
import type { Registry } from '../../src/host/jobs/registry.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { JobId } from '../../src/protocol/ids.ts'
import { ownerAccount } from '../../src/protocol/ledger/account.ts'
import { cidNamed, ownerNamed, peerNamed } from '../support/core-fakes.ts'
import { temporaryStore } from '../support/store.ts'

const [vehicle, owner] = [peerNamed('car'), ownerNamed('anna')]
/** In the order in which the disk lists them. */
const jobs = ['one', 'two', 'three'].map((name) => cidNamed(name) as unknown as JobId).sort()

/** A node that has stated the car's account for each of these jobs, and has forgotten some of them since. */
function payerOf(t: TestContext, forgotten: readonly JobId[], agreed: boolean | null) {
  const store = temporaryStore(t)
  const key = SigningKey.generate()
  const none = new Uint8Array()
  for (const job of jobs)
    store.ledgerTables.putStatement({
      ...{ job, steward: key.peerId, vehicle, owner, id: cidNamed(`${job} stated`), agreed },
      ...{ body: none, signature: none },
    })
  const asked: JobId[] = []
  const registry = {
    running: () => [],
    get: () => undefined,
    rows: { get: (job: JobId) => (forgotten.includes(job) ? undefined : {}) },
    use: async (job: JobId) => void asked.push(job),
  } as unknown as Registry
  return { options: { store, key, log: pino({ level: 'silent' }) }, registry, asked }
}

test('a vehicle is told what it was paid by a job that is still here, whichever were forgotten', (t) => {
  const { options, registry, asked } = payerOf(t, jobs.slice(0, 2), true)
  tellPaid(options, registry, [ownerAccount(owner, vehicle)])
  assert.deepEqual(asked, [jobs[2]])
})

test('a vehicle that was away when it was told is told again when it is back, and one that answered is not', (t) => {
  const away = payerOf(t, jobs.slice(0, 1), null)
  tellAgain(away.options, away.registry, vehicle)
  tellAgain(away.options, away.registry, peerNamed('another'))
  assert.deepEqual(away.asked.sort(), jobs.slice(1))
  const heard = payerOf(t, [], true)
  tellAgain(heard.options, heard.registry, vehicle)
  assert.deepEqual(heard.asked, [])
})

test('a vehicle that never answers for one job is told by the others, of a few at a time', (t) => {
  const { options, registry, asked } = payerOf(t, [], null)
  tellAgain(options, registry, vehicle)
  assert.deepEqual(asked.sort(), jobs)
  const { ledgerTables } = options.store
  const none = new Uint8Array()
  for (let i = 0; i < 20; i += 1)
    ledgerTables.putStatement({
      ...{ job: cidNamed(`job ${i}`) as unknown as JobId, steward: options.key.peerId, vehicle, owner },
      ...{ id: cidNamed(`job ${i} stated`), agreed: null, body: none, signature: none },
    })
  asked.length = 0
  tellAgain(options, registry, vehicle)
  assert.equal(new Set(asked).size, 4)
})
