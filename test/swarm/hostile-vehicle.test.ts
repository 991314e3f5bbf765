/** What a vehicle can do that signs whatever it likes, among real nodes. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Member } from '../../src/cli/swarm/member.ts'
import { HostileVehicle } from '../support/hostile-vehicle.ts'
import {
  cars,
  slowTexts,
  startSwarm,
  testTimeout,
  textsOf,
  until,
  untilEnded,
  wasmJob,
  writeSlowDocuments,
} from '../support/swarm.ts'

const count = 12

async function startAttacked(t: TestContext) {
  const swarm = await startSwarm(t, { vehicles: cars(2), laterOwners: ['late'], fleet: false })
  const { submitter } = swarm
  const hostile = await HostileVehicle.start(t, submitter.addresses)
  await swarm.untilKnown(3)
  const request = await wasmJob(t, 'slow', writeSlowDocuments(t, count, 0))
  const { job } = await submitter.node.submit(request)
  await hostile.offers.until((offers) => offers.length > 0)
  return { swarm, submitter, hostile, job, offer: hostile.offers.items[0]! }
}

function untilBanned({ node, name }: Member, hostile: HostileVehicle): Promise<void> {
  return until(`${name} bans the liar`, async () =>
    (await node.peers()).some(({ owner, banned }) => owner === hostile.owner && banned),
  )
}

test(
  'a vehicle that signs two results for one shard is banned by everybody, also by who comes later',
  testTimeout,
  async (t) => {
    const { swarm, submitter, hostile, job, offer } = await startAttacked(t)
    await hostile.say(offer.from, { type: 'accept', lease: offer.lease.id })
    for (const text of ['one thing', 'another'])
      await hostile.receipt(offer, [0], [hostile.result(offer.manifest.payload, text)])
    for (const member of swarm.members()) await untilBanned(member, hostile)

    const status = await untilEnded(submitter, job)
    assert.deepEqual(
      [status.state, status.contradicted.map(({ owner }) => owner)],
      ['complete', [hostile.owner]],
    )
    assert.deepEqual(await textsOf(submitter, job), slowTexts(count, 0))

    // Whoever was not there is told by anybody who was, and whoever was restarted has not forgotten.
    await submitter.end('SIGKILL')
    const late = await swarm.join({ name: 'late' }, swarm.vehicle('car-2').addresses)
    await hostile.advertise()
    await untilBanned(late, hostile)
    const restarted = await swarm.restartSubmitter()
    await hostile.advertise()
    await untilBanned(restarted, hostile)
    const offered = hostile.offers.items.length
    const next = await restarted.node.submit(await wasmJob(t, 'slow', writeSlowDocuments(t, count, 1)))
    assert.equal((await untilEnded(restarted, next.job)).state, 'complete')
    assert.equal(hostile.offers.items.length, offered, 'it gets no more work')
  },
)

test(
  'a vehicle that commits to results and never shows them holds nobody up, and is no liar',
  testTimeout,
  async (t) => {
    const { submitter, hostile, job, offer } = await startAttacked(t)
    await hostile.say(offer.from, { type: 'accept', lease: offer.lease.id })
    const shards = offer.lease.payload.shards.map((_, place) => place)
    const results = shards.map((place) => hostile.result(offer.manifest.payload, `${place}`))
    for (const result of results) hostile.withhold(result)
    await hostile.receipt(offer, shards, results)
    const status = await untilEnded(submitter, job)
    assert.deepEqual([status.state, status.contradicted], ['complete', []])
    assert.deepEqual(await textsOf(submitter, job), slowTexts(count, 0))
    assert.equal(
      (await submitter.node.peers()).some(({ banned }) => banned),
      false,
    )
  },
)

test(
  'a receipt for a lease of somebody else, of another job or of nobody counts for nothing',
  testTimeout,
  async (t) => {
    const { submitter, hostile, job, offer } = await startAttacked(t)
    const { lease, manifest } = offer
    const result = hostile.result(manifest.payload, 'a lie')
    const forged = { ...lease, id: manifest.id }
    await hostile.receipt({ ...offer, lease: forged }, [0], [result])
    await hostile.receipt({ ...offer, lease: { ...lease, job: lease.id } }, [0], [result])
    await hostile.receipt(
      { ...offer, lease: { ...lease, payload: { ...lease.payload, shards: [result] } } },
      [0],
      [result],
    )
    await hostile.receipt(offer, [0, 0], [result, result])
    await hostile.say(offer.from, { type: 'ended', job })
    await hostile.say(offer.from, { type: 'withdraw', lease: lease.id })
    await hostile.say(offer.from, { type: 'decline', lease: lease.id, reason: 'busy', retryMs: 2 ** 40 })
    const status = await untilEnded(submitter, job)
    assert.deepEqual([status.state, status.contradicted], ['complete', []])
    assert.deepEqual(await textsOf(submitter, job), slowTexts(count, 0))
    assert.ok(status.vehicles.every(({ peer }) => peer !== hostile.key.peerId))
  },
)
