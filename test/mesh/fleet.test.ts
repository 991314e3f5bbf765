/** A fleet: asking, waiting, coming in, and being put out. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Gate, Mesh } from '../support/mesh.ts'
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
  assert.equal(states().van, 'revoked')
  await van.stop()
})

test('the key changes, both hold for a day, and newcomers come in by the new one', async () => {
  const registrar = mesh.submitter
  const { keys } = registrar.api.fleetRotate(false)
  assert.equal(keys.length, 2)
  assert.throws(() => registrar.api.fleetRotate(false), /changes its key already/)
  assert.throws(() => registrar.api.fleetRotate(true), /credentials of the old key live until/)
  const late = await mesh.join({ name: 'late' }, false)
  await mesh.until('it asks', () => states().late === 'pending')
  registrar.api.fleetApprove(late.peer)
  await mesh.acquainted()
  assert.equal(late.api.info().fleet?.state, 'admitted')
})

test('only a registrar answers for the fleet', () => {
  assert.throws(() => mesh.node('car-1').api.fleetMembers(), /is no registrar/)
})
