/** What a vehicle can do that signs whatever it likes, among honest nodes. */
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { elapsed } from '../../src/host/clock.ts'
import { messageRates } from '../../src/host/node/door.ts'
import { sealCommitment } from '../../src/host/sealing/sealing.ts'
import { sha256 } from '../../src/host/sha256.ts'
import type { JobId } from '../../src/protocol/ids.ts'
import { drawSecret, manifestWith } from '../support/core-fakes.ts'
import { HostileVehicle } from '../support/hostile-vehicle.ts'
import { Mesh, type MeshNode } from '../support/mesh.ts'

const count = 12
/** Jobs of others that a node looks after at once. */
const standingByMax = 64

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 2 })
})
after(() => mesh.stop())

/** The documents of a job. */
const textsOf = (job: string) => Array.from({ length: count }, (_, i) => `${job}: document ${i}`)

/** A job of which the hostile vehicle was offered a part. */
async function startAttacked(t: TestContext, name: string) {
  const { submitter } = mesh
  const hostile = await HostileVehicle.start(t, mesh.clock, submitter.api.info().addresses)
  await mesh.until('the hostile vehicle is known', () =>
    submitter.api.peers().some(({ peer }) => peer === hostile.key.peerId),
  )
  const { job } = await submitter.api.submit(mesh.request(textsOf(name)))
  await hostile.offers.until((offers) => offers.length > 0)
  return { submitter, hostile, job, offer: hostile.offers.items[0]! }
}

/** Its advert is said again and again, since a node shows only those whom it hears of. */
async function untilBanned({ api, name }: MeshNode, hostile: HostileVehicle): Promise<void> {
  const advertising = setInterval(() => void hostile.advertise(), 500)
  try {
    await mesh.until(`${name} bans the liar`, () =>
      api.peers().some(({ owner, banned }) => owner === hostile.owner && banned),
    )
  } finally {
    clearInterval(advertising)
  }
}

test('a vehicle that commits to results and never shows them holds nobody up, and is no liar', async (t) => {
  const { submitter, hostile, job, offer } = await startAttacked(t, 'withheld')
  await hostile.say(offer.from, { type: 'accept', job, lease: offer.lease.id })
  const shards = offer.lease.payload.shards.map((_, place) => place)
  const results = shards.map((place) => hostile.result(offer.manifest.payload, `${place}`))
  for (const result of results) hostile.withhold(result)
  await hostile.receipt(offer, shards, results)
  const status = await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual([status.state, status.contradicted], ['complete', []])
  assert.deepEqual(await submitter.texts(job), textsOf('withheld'))
  assert.equal(
    submitter.api.peers().some(({ banned }) => banned),
    false,
  )
})

test('a receipt for a lease of somebody else, of another job or of nobody counts for nothing', async (t) => {
  const { submitter, hostile, job, offer } = await startAttacked(t, 'foreign')
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
  const lie = { outcome: 'complete', reason: 'a lie', secret: new Uint8Array(32) }
  const end = hostile.sign('end', job as JobId, lie)
  await hostile.say(offer.from, { type: 'ended', job: job as JobId, end, cancellation: null })
  await hostile.say(offer.from, { type: 'withdraw', lease: lease.id })
  await hostile.say(offer.from, { type: 'decline', job, lease: lease.id, reason: 'busy', retryMs: 2 ** 40 })
  await hostile.say(offer.from, {
    type: 'decline',
    job: lease.id,
    lease: lease.id,
    reason: 'busy',
    retryMs: 0,
  })
  const status = await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual([status.state, status.contradicted], ['complete', []])
  assert.deepEqual(await submitter.texts(job), textsOf('foreign'))
  assert.ok(status.vehicles.every(({ peer }) => peer !== hostile.key.peerId))
})

test('who sends words that nobody believes is heard at its rate, however fast it sends, and fills no log', async (t) => {
  const { submitter } = mesh
  const hostile = await HostileVehicle.start(t, mesh.clock, submitter.api.info().addresses)
  const refused = () =>
    submitter.lines.items.filter(
      (line) => line.msg === 'a message was refused' && JSON.stringify(line).includes(hostile.key.peerId),
    ).length
  const access = hostile.sign('access', null, { reader: hostile.key.peerId })
  const forged = { ...access, signature: new Uint8Array(64) }
  const { burst, perSecond } = messageRates.refused
  for (let i = 0; i < 3 * burst; i += 1)
    void hostile.say(submitter.peer, { type: 'find', access: forged }).catch(() => {})
  await submitter.lines.until(() => refused() >= burst)
  await mesh.clock.hurry(elapsed(mesh.clock, 10_000))
  assert(refused() <= burst + 11 * perSecond + 1, `${refused()} of ${3 * burst} were heard`)
})

test('a vehicle that signs two results for one shard is banned by everybody, also by who comes later', async (t) => {
  const { submitter, hostile, job, offer } = await startAttacked(t, 'two results')
  await hostile.say(offer.from, { type: 'accept', job, lease: offer.lease.id })
  for (const text of ['one thing', 'another'])
    await hostile.receipt(offer, [0], [hostile.result(offer.manifest.payload, text)])
  for (const member of mesh.running()) await untilBanned(member, hostile)

  const status = await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual(
    [status.state, status.contradicted.map(({ owner }) => owner)],
    ['complete', [hostile.owner]],
  )
  assert.deepEqual(await submitter.texts(job), textsOf('two results'))

  // Whoever was not there is told by anybody who was, and whoever was restarted has not forgotten.
  await submitter.crash()
  const late = await mesh.join({ name: 'late', slots: 0 })
  await untilBanned(late, hostile)
  await submitter.start(mesh.addresses())
  await untilBanned(submitter, hostile)
  const offered = hostile.offers.items.length
  const next = await submitter.api.submit(mesh.request(textsOf('afterwards')))
  assert.equal((await mesh.clock.hurry(submitter.ended(next.job))).state, 'complete')
  assert.equal(hostile.offers.items.length, offered, 'it gets no more work')
})

test('a node that said yes to many invitations looks after a bounded number of jobs', async (t) => {
  const depot = await mesh.join({ name: 'depot', slots: 0 })
  const hostile = await HostileVehicle.start(t, mesh.clock, depot.api.info().addresses)
  const secret = new Uint8Array(32)
  const asked = standingByMax + 20
  for (let i = 0; i < asked; i += 1)
    await hostile.say(depot.peer, {
      type: 'invite',
      nonce: sha256(Uint8Array.of(i)).slice(0, 16),
      bytes: 1,
      place: null,
    })
  await hostile.heard.until((messages) => messages.filter(({ type }) => type === 'willing').length === asked)
  for (const said of hostile.heard.items) {
    if (said.type !== 'willing') continue
    const { nonce } = said
    const { owner } = depot.api.info()
    const manifest = manifestWith({
      seal: { nonce, commitment: sealCommitment(secret) },
      deadlineMs: mesh.clock.now() + 86_400_000,
      stewards: [
        { peer: hostile.key.peerId, owner: hostile.owner, nonce },
        { peer: depot.peer, owner, nonce },
      ],
    })
    const record = hostile.sign('manifest', null, manifest)
    await hostile.say(depot.peer, { type: 'entrust', manifest: record, handovers: [], secret, drawSecret })
  }
  await hostile.say(depot.peer, { type: 'invite', nonce: new Uint8Array(16), bytes: 1, place: null })
  await hostile.heard.find(({ type }) => type === 'unwilling')
  assert.equal(depot.api.jobs().length, standingByMax)
})
