/** What a vehicle can do that signs whatever it likes, among real nodes. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Member } from '../../src/cli/swarm/member.ts'
import { sealCommitment } from '../../src/host/sealing/sealing.ts'
import { sha256 } from '../../src/host/sha256.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { manifestWith } from '../support/core-fakes.ts'
import { HostileVehicle } from '../support/hostile-vehicle.ts'
import {
  cars,
  sharedSwarm,
  slowTexts,
  testTimeout,
  textsOf,
  until,
  untilEnded,
  wasmJob,
  writeSlowDocuments,
} from '../support/swarm.ts'

const count = 12
/** Jobs of others that a node looks after at once. */
const standingByMax = 64

const swarmOf = sharedSwarm({ vehicles: cars(2), laterOwners: ['late', 'depot'], fleet: false })

/** `first`: the number of the job's first document. */
async function startAttacked(t: TestContext, first: number) {
  const swarm = await swarmOf(t)
  const { submitter } = swarm
  const hostile = await HostileVehicle.start(t, submitter.addresses)
  await until('the hostile vehicle is known', async () =>
    (await submitter.node.peers()).some(({ peer }) => peer === hostile.key.peerId),
  )
  const request = await wasmJob(t, 'slow', writeSlowDocuments(t, count, 0, first))
  const { job } = await submitter.node.submit(request)
  await hostile.offers.until((offers) => offers.length > 0)
  return { swarm, submitter, hostile, job, offer: hostile.offers.items[0]! }
}

/** Its advert is said again and again, since a node shows only those whom it hears of. */
async function untilBanned({ node, name }: Member, hostile: HostileVehicle): Promise<void> {
  const advertising = setInterval(() => void hostile.advertise(), 1_000)
  try {
    await until(`${name} bans the liar`, async () =>
      (await node.peers()).some(({ owner, banned }) => owner === hostile.owner && banned),
    )
  } finally {
    clearInterval(advertising)
  }
}

test(
  'a vehicle that commits to results and never shows them holds nobody up, and is no liar',
  testTimeout,
  async (t) => {
    const { submitter, hostile, job, offer } = await startAttacked(t, 100)
    await hostile.say(offer.from, { type: 'accept', job, lease: offer.lease.id })
    const shards = offer.lease.payload.shards.map((_, place) => place)
    const results = shards.map((place) => hostile.result(offer.manifest.payload, `${place}`))
    for (const result of results) hostile.withhold(result)
    await hostile.receipt(offer, shards, results)
    const status = await untilEnded(submitter, job)
    assert.deepEqual([status.state, status.contradicted], ['complete', []])
    assert.deepEqual(await textsOf(submitter, job), slowTexts(count, 0, 100))
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
    const { submitter, hostile, job, offer } = await startAttacked(t, 200)
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
    await hostile.say(offer.from, { type: 'decline', job, lease: lease.id, reason: 'busy', retryMs: 2 ** 40 })
    await hostile.say(offer.from, {
      type: 'decline',
      job: lease.id,
      lease: lease.id,
      reason: 'busy',
      retryMs: 0,
    })
    const status = await untilEnded(submitter, job)
    assert.deepEqual([status.state, status.contradicted], ['complete', []])
    assert.deepEqual(await textsOf(submitter, job), slowTexts(count, 0, 200))
    assert.ok(status.vehicles.every(({ peer }) => peer !== hostile.key.peerId))
  },
)

test(
  'a vehicle that signs two results for one shard is banned by everybody, also by who comes later',
  testTimeout,
  async (t) => {
    const { swarm, submitter, hostile, job, offer } = await startAttacked(t, 300)
    await hostile.say(offer.from, { type: 'accept', job, lease: offer.lease.id })
    for (const text of ['one thing', 'another'])
      await hostile.receipt(offer, [0], [hostile.result(offer.manifest.payload, text)])
    for (const member of swarm.members()) await untilBanned(member, hostile)

    const status = await untilEnded(submitter, job)
    assert.deepEqual(
      [status.state, status.contradicted.map(({ owner }) => owner)],
      ['complete', [hostile.owner]],
    )
    assert.deepEqual(await textsOf(submitter, job), slowTexts(count, 0, 300))

    // Whoever was not there is told by anybody who was, and whoever was restarted has not forgotten.
    await submitter.end('SIGKILL')
    const late = await swarm.join({ name: 'late' }, swarm.vehicle('car-2').addresses)
    await untilBanned(late, hostile)
    const restarted = await swarm.restartSubmitter()
    await untilBanned(restarted, hostile)
    const offered = hostile.offers.items.length
    const next = await restarted.node.submit(await wasmJob(t, 'slow', writeSlowDocuments(t, count, 1, 400)))
    assert.equal((await untilEnded(restarted, next.job)).state, 'complete')
    assert.equal(hostile.offers.items.length, offered, 'it gets no more work')
  },
)

test(
  'a node that said yes to many invitations looks after a bounded number of jobs',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const depot = await swarm.join({ name: 'depot', slots: 0 })
    const hostile = await HostileVehicle.start(t, depot.addresses)
    const secret = new Uint8Array(32)
    const asked = standingByMax + 20
    for (let i = 0; i < asked; i += 1)
      await hostile.say(depot.peer as PeerId, {
        type: 'invite',
        nonce: sha256(Uint8Array.of(i)).slice(0, 16),
        bytes: 1,
      })
    await hostile.heard.until(
      (messages) => messages.filter(({ type }) => type === 'willing').length === asked,
    )
    for (const said of hostile.heard.items) {
      if (said.type !== 'willing') continue
      const { nonce, drawCommitment } = said
      const { owner } = await depot.node.info()
      const manifest = manifestWith({
        seal: { nonce, commitment: sealCommitment(secret) },
        deadlineMs: Number.MAX_SAFE_INTEGER - 2 ** 40,
        stewards: [
          { peer: hostile.key.peerId, owner: hostile.owner, nonce, drawCommitment },
          { peer: depot.peer as PeerId, owner, nonce, drawCommitment },
        ],
      })
      const record = hostile.sign('manifest', null, manifest)
      await hostile.say(depot.peer as PeerId, { type: 'entrust', manifest: record, handovers: [], secret })
    }
    await hostile.say(depot.peer as PeerId, { type: 'invite', nonce: new Uint8Array(16), bytes: 1 })
    await hostile.heard.find(({ type }) => type === 'unwilling')
    assert.equal((await depot.node.jobs()).length, standingByMax)
  },
)
