/** A fleet: asking, waiting, coming in, and being put out. */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { readCharter } from '../../src/host/membership/certificates.ts'
import { Gate, Mesh, type MeshNode } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 2, fleet: {} })
})
after(() => mesh.stop())

const states = () =>
  Object.fromEntries(mesh.submitter.api.fleetMembers().map(({ vehicle, state }) => [vehicle, state]))

test('a vehicle waits for the operator, sees nobody meanwhile, and comes in when it is approved', async () => {
  const registrar = mesh.submitter
  const van = await mesh.join({ name: 'van' }, false)
  await mesh.until('it asks', () => states().van === 'pending')
  assert.deepEqual([van.api.info().connections, van.api.peers().length], [0, 1])
  const isToldWhy = () => /approval/.test(van.api.info().fleet?.why ?? '')
  await mesh.until('it is told why', isToldWhy)
  await van.restart()
  await mesh.until('it asks again, and is told why', isToldWhy)
  assert.deepEqual([van.api.info().connections, van.api.info().fleet?.state], [0, 'waiting'])
  await assert.rejects(
    mesh.clock.hurry(van.api.submit(mesh.request(['one']))),
    new RegExp(`has not let this node in .*carpool fleet approve ${van.peer}`),
  )
  registrar.api.fleetApprove(van.peer)
  await mesh.acquainted()
  assert.equal(van.api.info().fleet?.state, 'admitted')
  assert(registrar.api.peers().every(({ counts }) => counts === true))
})

test('who is admitted before it asks is in at once', async () => {
  const stop = await mesh.join({ name: 'bus' }, false)
  await stop.stop()
  mesh.submitter.api.fleetAdmit(stop.peer, null, 'bus')
  await stop.start(mesh.addresses())
  await mesh.acquainted()
  assert.equal(states().bus, 'admitted')
})

test('a vehicle that is revoked has no connection, no work and no place in anybody’s list', async () => {
  const registrar = mesh.submitter
  const gate = new Gate()
  const van = mesh.node('van')
  for (const member of mesh.running()) member.script = member === van ? gate.script : honest
  const request = mesh.request(['one', 'two'], { replicas: 3 })
  const { job, errorBound } = await registrar.api.submit(request)
  assert(errorBound !== null, 'the fleet vouches for its owners')
  await registrar.api.fleetRevoke(van.peer)
  await mesh.until('nobody talks to it', () => van.api.info().connections === 0)
  await mesh.until('everybody forgets it', () =>
    mesh.running().every(({ api }) => api.info().peer === van.peer || api.peers().length === 4),
  )
  const { state, vehicles } = await mesh.clock.hurry(registrar.ended(job))
  assert.equal(state, 'complete')
  assert(vehicles.every(({ peer }) => peer !== van.peer))
  gate.open()
  await mesh.until('it is told why', () => /revoked/.test(van.api.info().fleet?.why ?? ''))
  assert.equal(states().van, 'revoked')
  await van.stop()
})

test('a node that slept through a revocation learns of it before it works again', async () => {
  const registrar = mesh.submitter
  const rogue = mesh.node('bus')
  const sleeper = await mesh.join({ name: 'sleeper' })
  await mesh.leave('sleeper')
  await registrar.api.fleetRevoke(rogue.peer)
  await mesh.until('it is put out', () => rogue.api.info().connections === 0)

  // Neither its memory nor its own way in admits the revoked one.
  const knows = (name: string) => sleeper.api.peers().some((row) => row.name === name)
  await sleeper.start([...registrar.api.info().addresses, ...rogue.api.info().addresses])
  await mesh.until('it knows the registrar', () => knows('submitter'))
  assert.deepEqual([knows('bus'), rogue.api.info().connections], [false, 0])
  await sleeper.stop()
  const refuses = sleeper.says(/bootstrap peer unreachable/)
  await sleeper.start(rogue.api.info().addresses)
  await refuses
  // The others may have found it meanwhile.
  await mesh.until('it hangs up, by what it remembers', () => rogue.api.info().connections === 0)
  assert(!knows('bus'))
  for (const one of [sleeper, rogue]) await one.stop()
})

test('the key changes while a job runs, and nobody loses a connection', async () => {
  const registrar = mesh.submitter
  const members = mesh.running()
  const gate = new Gate()
  for (const member of members) member.script = (text) => (text === 'quick' ? text : gate.script(text))
  const { job } = await registrar.api.submit(mesh.request(['quick', 'slow']))
  await registrar.status(job, 'something is verified', ({ shards }) => shards.verified > 0)
  const said = new Map(members.map(({ name, lines }) => [name, lines.items.length]))
  const { keys } = registrar.api.fleetRotate(false)
  assert.equal(keys.length, 2)
  assert.throws(() => registrar.api.fleetRotate(false), /is changing its key already/)
  assert.throws(() => registrar.api.fleetRotate(true), /credentials of the old key live until/)
  const late = await mesh.join({ name: 'late' }, false)
  await mesh.until('it asks', () => states().late === 'pending')
  registrar.api.fleetApprove(late.peer)
  await mesh.acquainted()
  assert.equal(late.api.info().fleet?.state, 'admitted', 'newcomers come in by the new key')
  gate.open()
  const { state, shards } = await mesh.clock.hurry(registrar.ended(job))
  assert.deepEqual([state, shards.verified], ['complete', 2])
  for (const { name, lines } of members)
    for (const { msg } of lines.items.slice(said.get(name)))
      assert.doesNotMatch(msg, /connection closed/, name)
})

test('name and share change for everybody by a charter, and newcomers are given it', async () => {
  const registrar = mesh.submitter
  const others = mesh.running().filter((member) => member !== registrar)
  registrar.api.fleetSet('yard', 120_000, 'ada')
  await mesh.until('all heard it', () =>
    others.every(({ api }) => api.fleetTerms().name === 'yard' && api.fleetTerms().operatorPpm === 120_000),
  )
  for (const { lines } of others) await lines.find(({ msg }) => /keeps 12 % .* and kept 0 %/.test(msg))
  const { later } = readCharter(join(mesh.folder, 'fleet.json'))
  assert.equal(later.length, 2, 'the change of the key before, and the newest')
  assert.equal(registrar.api.fleetLog(1)[0]?.by, 'ada')
  assert.throws(() => others[0]!.api.fleetSet('mine', null), /is not a registrar/)
})

test('a second registrar knows who is in, and lets newcomers in while the first is away; one restored from its keys does as well', async () => {
  const { submitter } = mesh
  const second = await mesh.join({ name: 'second', slots: 0, isRegistrar: true })
  const knows = ({ api }: MeshNode) =>
    ['car-1', 'car-2', 'late'].every((name) =>
      api.fleetMembers().some(({ vehicle, state }) => vehicle === name && state === 'admitted'),
    )
  await mesh.until('it has learnt who is in', () => knows(second))
  // By this the newcomer, whose charter file has it, finds it; and by it the registrars find each other.
  submitter.api.fleetAddRegistrar(second.api.info().addresses[0]!)
  await submitter.stop()
  const newcomer = await mesh.join({ name: 'newcomer' }, false)
  await mesh.until('it asks', () => second.api.fleetMembers().some(({ state }) => state === 'pending'))
  const meant = { vehicle: 'new*', owner: null }
  assert.deepEqual(
    second.api.fleetApproveWaiting(meant, 'grace').map(({ peer, state }) => [peer, state]),
    [[newcomer.peer, 'admitted']],
  )
  await mesh.acquainted()
  assert.equal(newcomer.api.info().fleet?.state, 'admitted')

  // The disk of the first is gone; there are copies of fleet.key, fleet.json and node.key.
  const restored = await mesh.join({
    ...{ name: 'restored', slots: 0, isRegistrar: true },
    prepare: (dataDir) => copyFileSync(join(submitter.dataDir, 'node.key'), join(dataDir, 'node.key')),
  })
  assert.equal(restored.peer, submitter.peer)
  await mesh.until('it has learnt who is in', () => knows(restored))
  assert.equal(restored.api.fleetTerms().name, 'yard')
  await mesh.leave('restored')
  await mesh.leave('newcomer')
  await mesh.leave('second')
  await submitter.start(mesh.addresses())
  await mesh.acquainted()
})

test('only a registrar answers for the fleet', () => {
  assert.throws(() => mesh.node('car-1').api.fleetMembers(), /is not a registrar/)
})

test('outsiders get no connection, no advert and no block', async (t) => {
  const registrar = mesh.submitter
  const { connections } = registrar.api.info()
  for (const options of [{ vehicles: 0 }, { vehicles: 0, fleet: {} }]) {
    const other = await Mesh.start(options)
    t.after(() => other.stop())
    const outsider = other.submitter
    await outsider.stop()
    const isTurnedAway = outsider.says(/bootstrap peer unreachable/)
    await outsider.start(registrar.api.info().addresses)
    await isTurnedAway
    assert.deepEqual([outsider.api.info().connections, outsider.api.peers().length], [0, 1])
    assert(!registrar.api.peers().some(({ peer }) => peer === outsider.peer))
  }
  assert.equal(registrar.api.info().connections, connections)
})

test('behind a mesh key, who has no key gets no answer at all', async (t) => {
  const hidden = await Mesh.start({ vehicles: [{ name: 'within' }], fleet: {}, hasKey: true })
  t.after(() => hidden.stop())
  const without = await hidden.join({ name: 'without', isKeyless: true }, false)
  await without.lines.find(({ msg }) => /bootstrap peer unreachable/.test(msg))
  const within = hidden.node('within').api.info()
  assert.deepEqual([within.connections, within.fleet?.state], [1, 'admitted'])
  assert(
    !hidden.submitter.api.fleetMembers().some(({ vehicle }) => vehicle === 'without'),
    'it cannot even ask',
  )
})
