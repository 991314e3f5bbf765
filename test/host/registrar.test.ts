/** Whom a registrar gives a credential, and what its charters say. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { RequestError } from '../../src/host/errors.ts'
import { signCertificate, signCharter } from '../../src/host/membership/certificates.ts'
import { ownerOf } from '../../src/host/membership/greeting.ts'
import { type Applicant, Registrar } from '../../src/host/membership/registrar.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { loadOrCreateKey, SigningKey, verifyByPeerId } from '../../src/host/store/keys.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import {
  clearedOwnersMax,
  credentialTtlMs,
  pendingMembersPerHostMax,
  pendingTtlMs,
} from '../../src/protocol/limits.ts'
import { Fleet, openCredential } from '../../src/protocol/membership/fleet.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { temporaryDirectory, temporaryStore } from '../support/store.ts'

function opened(t: TestContext) {
  const keyPath = join(temporaryDirectory(t), 'fleet.key')
  const key = loadOrCreateKey(keyPath, 'fleet')
  const charter = { name: 'depot', keys: [key.peerId], registrars: [], operatorPpm: 0, revoked: [] }
  const fleet = new Fleet(signCharter(key, charter, 1), sha256, verifyByPeerId)
  const { journal } = temporaryStore(t)
  const log = pino({ level: 'silent' })
  const restarted = () =>
    new Registrar({
      keyPath,
      self: applicant('registrar'),
      fleet,
      journal,
      log,
      onCharter: (record) => void fleet.adopt(record),
    })
  return { registrar: restarted(), restarted, fleet }
}

function applicant(name: string, owner = name): Applicant {
  return { peer: peerNamed(name), vehicle: name, owner: ownerIdOf(sha256, peerNamed(`owner ${owner}`)) }
}

test('a vehicle waits for a person’s word, and then gets a credential for itself and its owner', (t) => {
  const { registrar } = opened(t)
  const van = applicant('van')
  assert.deepEqual(registrar.consider(van), { state: 'pending' })
  registrar.approve(van.peer)
  const decision = registrar.consider(van)
  assert(decision.state === 'admitted')
  const { payload } = openCredential(decision.credential, sha256, verifyByPeerId)
  assert.deepEqual({ ...payload }, { ...van })
})

test('a vehicle that was revoked and is admitted beforehand is let back in', (t) => {
  const { registrar, fleet } = opened(t)
  const van = applicant('van')
  registrar.admit(van.peer, null, 'van')
  registrar.revoke(van.peer)
  assert(fleet.isRevoked(van.peer))
  registrar.admit(van.peer, null, 'van')
  assert(!fleet.isRevoked(van.peer))
  const decision = registrar.consider(van)
  assert(decision.state === 'admitted')
  fleet.vouch(decision.credential, van.peer, van.owner, Date.now())
})

test('a registrar does not put itself out, nor its owner', (t) => {
  const { registrar, fleet } = opened(t)
  const self = applicant('registrar')
  registrar.admit(self.peer, self.owner, self.vehicle)
  for (const id of [self.peer, self.owner])
    assert.throws(() => registrar.revoke(id), /would put itself out of its own fleet; end it instead/)
  assert(!fleet.isRevoked(self.peer) && !fleet.isRevoked(self.owner))
})

test('a vehicle that comes back with another owner waits again', (t) => {
  const { registrar } = opened(t)
  const van = applicant('van')
  registrar.admit(van.peer, null, 'van')
  assert.equal(registrar.consider(van).state, 'admitted')
  assert.equal(registrar.consider(applicant('van', 'a thief')).state, 'pending')
  assert.equal(registrar.consider(van).state, 'pending', 'until a person has looked')
})

test('a revoked vehicle gets nothing, whatever charters follow, until it is let in again', (t) => {
  const { registrar, fleet } = opened(t)
  const [van, bus] = [applicant('van'), applicant('bus')]
  for (const { peer, owner, vehicle } of [van, bus]) registrar.admit(peer, owner, vehicle)
  registrar.revoke(van.peer)
  registrar.revoke(bus.owner)
  registrar.charters.rotate()
  assert.deepEqual([fleet.isRevoked(van.peer), fleet.isRevoked(bus.owner)], [true, true])
  assert.equal(registrar.consider(van).state, 'revoked')
  registrar.approve(van.peer)
  assert.deepEqual([fleet.isRevoked(van.peer), fleet.isRevoked(bus.owner)], [false, true])
  assert.equal(registrar.consider(van).state, 'admitted')
})

test('an old key of a fleet ends when no credential of it lives', (t) => {
  const { registrar, fleet } = opened(t)
  const { keys } = registrar.charters.rotate()
  assert.deepEqual([...fleet.charter.payload.keys], keys)
  const changedMs = fleet.charter.serial
  assert.throws(() => registrar.charters.finishRotation(changedMs + credentialTtlMs - 1), /live until/)
  registrar.charters.finishRotation(changedMs + credentialTtlMs)
  assert.deepEqual([...fleet.charter.payload.keys], keys.slice(1))
})

test('a flood from one host takes its own places in the list, and an honest newcomer is listed', (t) => {
  const { registrar } = opened(t)
  registrar.consider(applicant('van'), '192.0.2.1')
  for (let i = 0; i < pendingMembersPerHostMax + 20; i += 1)
    registrar.consider(applicant(`flood ${i}`), '198.51.100.1')
  registrar.consider(applicant('bus'), '192.0.2.2')
  registrar.consider(applicant('late'), '198.51.100.1')
  const listed = registrar.list().map(({ vehicle }) => vehicle)
  assert.equal(listed.length, pendingMembersPerHostMax + 2)
  for (const name of ['van', 'bus', 'late']) assert(listed.includes(name), name)
})

test('the list is as long after a restart, and who has not asked for a day is on it no more', (t) => {
  const { registrar, restarted } = opened(t)
  const nowMs = Date.now()
  registrar.consider(applicant('van'), '192.0.2.1', nowMs - pendingTtlMs)
  registrar.consider(applicant('asks again'), '192.0.2.1', nowMs - pendingTtlMs)
  registrar.consider(applicant('asks again'), '192.0.2.1', nowMs)
  assert.deepEqual(
    registrar.list().map(({ vehicle }) => vehicle),
    ['asks again'],
  )
  assert.deepEqual(
    restarted()
      .list()
      .map(({ vehicle }) => vehicle),
    ['asks again'],
  )
  assert.throws(() => registrar.approve(applicant('van').peer), /has not asked to join within a day/)
})

test('who is rejected is not listed as waiting again for a day, and may be approved all the same', (t) => {
  const { registrar, restarted } = opened(t)
  const [van, bus, car] = [applicant('van'), applicant('bus'), applicant('car')]
  for (const one of [van, bus, car]) registrar.consider(one)
  registrar.approve(car.peer)
  registrar.reject(van.peer)
  assert.equal(registrar.consider(van).state, 'rejected')
  assert.equal(restarted().consider(van).state, 'rejected')
  assert.deepEqual(
    registrar.reject(null).map(({ vehicle }) => vehicle),
    ['bus'],
  )
  assert.throws(() => registrar.reject(car.peer), /is admitted; put it out with: carpool fleet revoke/)
  registrar.approve(bus.peer)
  assert.equal(registrar.consider(bus).state, 'admitted')
  registrar.consider(van, '', Date.now() + pendingTtlMs)
  assert.equal(registrar.consider(van).state, 'pending', 'a day later it may ask again')
})

test('what is approved is what a person was shown: a name or an owner that changed since is shown first', (t) => {
  const { registrar, restarted } = opened(t)
  const [van, thief] = [applicant('van'), applicant('van', 'a thief')]
  registrar.consider(van)
  registrar.list()
  registrar.consider(thief)
  const isRefused = (by: Registrar) =>
    assert.throws(
      () => by.approve(van.peer),
      (error) =>
        error instanceof RequestError && [van, thief].every(({ owner }) => error.message.includes(owner)),
    )
  isRefused(registrar)
  assert.equal(registrar.consider(thief).state, 'pending')

  // It changes again after it was listed, and after a restart as well.
  registrar.consider(van)
  registrar.list()
  registrar.consider({ ...van, vehicle: 'another van' })
  assert.throws(() => restarted().approve(van.peer), /shown as van of .* asks as another van of/)
  registrar.consider(van)
  registrar.list()
  registrar.approve(van.peer)
  assert.equal(registrar.consider(van).state, 'admitted')
  assert.equal(registrar.consider(thief).state, 'pending')
  isRefused(registrar)
})

test('an owner’s certificate makes a vehicle its own, and no other', () => {
  const [owner, vehicle, other] = [0, 1, 2].map(() => SigningKey.generate()) as [
    SigningKey,
    SigningKey,
    SigningKey,
  ]
  const certificate = signCertificate(owner, vehicle.peerId)
  const hers = ownerIdOf(sha256, owner.peerId)
  assert.equal(ownerOf(vehicle.peerId, certificate), hers)
  assert.throws(() => ownerOf(other.peerId, certificate), /certificate is not for it/)
  const over = signCertificate(owner, vehicle.peerId, { nowMs: Date.now() - 2 * 24 * 3_600_000, days: 1 })
  assert.throws(() => ownerOf(vehicle.peerId, over), /over/)
  const alone: PeerId = vehicle.peerId
  assert.equal(ownerOf(alone, null), ownerIdOf(sha256, alone))
})

test('a charter clears an owner of what it did before, through revocations and changes of key, and so many at most', (t) => {
  const { registrar, fleet } = opened(t)
  const [van, bus] = [applicant('van'), applicant('bus')]
  const { atMs } = registrar.charters.clear(van.owner)
  registrar.admit(bus.peer, bus.owner, 'bus')
  registrar.revoke(bus.peer)
  registrar.charters.rotate()
  assert.deepEqual(
    [fleet.isCleared(van.owner, atMs), fleet.isCleared(van.owner, atMs + 1), fleet.isCleared(bus.owner, 0)],
    [true, false, false],
  )
  for (let i = 1; i < clearedOwnersMax; i += 1) registrar.charters.clear(applicant(`owner ${i}`).owner)
  assert.throws(() => registrar.charters.clear(bus.owner), /a charter cannot name more/)
  registrar.charters.clear(van.owner)
})
