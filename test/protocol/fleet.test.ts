/** Whom a fleet lets in, and which charters a node believes. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { signCharter, signCredential } from '../../src/host/membership/certificates.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { SigningKey, verifyByPeerId } from '../../src/host/store/keys.ts'
import { ProtocolError } from '../../src/protocol/errors.ts'
import type { OwnerId, PeerId } from '../../src/protocol/ids.ts'
import { credentialTtlMs, fleetKeyChangesMax, revocationsMax } from '../../src/protocol/limits.ts'
import { type Charter, type Credential, Fleet } from '../../src/protocol/membership/fleet.ts'
import type { SignedRecord } from '../../src/protocol/record/record.ts'

const nowMs = Date.UTC(2026, 0, 1)
const [first, second, third] = [SigningKey.generate(), SigningKey.generate(), SigningKey.generate()]
const car = SigningKey.generate().peerId
const owner = 'a'.repeat(64) as OwnerId

function charterWith(change: Partial<Charter> = {}): Charter {
  return { name: 'test', keys: [first.peerId], registrars: [], operatorPpm: 0, revoked: [], ...change }
}

function fleetOf(charter = signCharter(first, charterWith(), 1)): Fleet {
  return new Fleet(charter, sha256, verifyByPeerId)
}

function credentialFor(key: SigningKey, change: Partial<Credential> = {}, ttlMs?: number): SignedRecord {
  const credential = { peer: car, vehicle: 'car', owner, ...change }
  return signCredential(key, credential, { nowMs, ...(ttlMs === undefined ? {} : { ttlMs }) })
}

function refused(why: RegExp, action: () => unknown): void {
  assert.throws(action, (error) => error instanceof ProtocolError && why.test(error.message))
}

test('a credential of the fleet admits its peer under its owner until it is over', () => {
  const fleet = fleetOf()
  const credential = credentialFor(first)
  assert.equal(fleet.vouch(credential, car, owner, nowMs).payload.vehicle, 'car')
  refused(/over/, () => fleet.vouch(credential, car, owner, nowMs + credentialTtlMs))
  refused(/another peer/, () => fleet.vouch(credential, second.peerId, owner, nowMs))
  refused(/another owner/, () => fleet.vouch(credential, car, 'b'.repeat(64) as OwnerId, nowMs))
  refused(/no credential/, () => fleet.vouch(null, car, owner, nowMs))
  refused(/not signed by a key/, () => fleet.vouch(credentialFor(second), car, owner, nowMs))
  refused(/too long/, () => fleet.vouch(credentialFor(first, {}, 2 * credentialTtlMs), car, owner, nowMs))
})

test('whoever is revoked, alone or with its owner, is out', () => {
  for (const id of [car, owner]) {
    const fleet = fleetOf()
    const revoked = [{ id, untilMs: nowMs + credentialTtlMs }]
    assert.equal(fleet.adopt(signCharter(first, charterWith({ revoked }), 2)), true)
    refused(/revoked/, () => fleet.vouch(credentialFor(first), car, owner, nowMs))
  }
})

test('a charter counts once, only when it is newer, and only from a key in force', () => {
  const fleet = fleetOf()
  const newer = signCharter(first, charterWith({ name: 'newer' }), 3)
  assert.equal(fleet.adopt(newer), true)
  assert.equal(fleet.adopt(newer), false)
  assert.equal(fleet.adopt(signCharter(first, charterWith({ name: 'older' }), 2)), false)
  refused(/no key of this fleet/, () => fleet.adopt(signCharter(second, charterWith(), 4)))
  assert.equal(fleet.charter.payload.name, 'newer')
})

test('while two keys are in force credentials of both are good, and afterwards only the new one’s', () => {
  const fleet = fleetOf()
  const [old, next] = [credentialFor(first), credentialFor(second)]
  fleet.adopt(signCharter(first, charterWith({ keys: [first.peerId, second.peerId] }), 2))
  fleet.vouch(old, car, owner, nowMs)
  fleet.vouch(next, car, owner, nowMs)
  fleet.adopt(signCharter(second, charterWith({ keys: [second.peerId] }), 3))
  fleet.vouch(next, car, owner, nowMs)
  refused(/not signed by a key/, () => fleet.vouch(old, car, owner, nowMs))
  refused(/no key of this fleet/, () => fleet.adopt(signCharter(first, charterWith(), 4)))
})

test('who knows only the first key follows the chain to the newest charter, and the chain stays short', () => {
  const founding = signCharter(first, charterWith(), 1)
  const [before, after] = [fleetOf(founding), fleetOf(founding)]
  const both = [first.peerId, second.peerId]
  let serial = 2
  const say = (key: SigningKey, keys: readonly PeerId[]) =>
    before.adopt(signCharter(key, charterWith({ keys }), serial++))
  for (let i = 0; i < 50; i++) say(first, [first.peerId])
  say(first, both)
  for (let i = 0; i < 50; i++) say(second, both)
  say(second, [second.peerId])
  say(second, [second.peerId, third.peerId])
  say(third, [third.peerId])
  assert(before.charters().length <= 8, `${before.charters().length} charters`)
  for (const charter of before.charters()) after.adopt(charter)
  assert.equal(after.charter.id, before.charter.id)
})

test('a chain of keys has an end', () => {
  const fleet = fleetOf()
  const keys = [first, second]
  refused(/too often/, () => {
    for (let serial = 2; serial < 4 * fleetKeyChangesMax; serial++) {
      const [from, to] = [keys[serial % 2]!, keys[(serial + 1) % 2]!]
      fleet.adopt(signCharter(from, charterWith({ keys: [to.peerId] }), serial))
    }
  })
})

test('a charter with all revocations that it may name is read', () => {
  const revoked = Array.from({ length: revocationsMax }, (_, n) => ({
    id: n.toString(16).padStart(64, '0') as OwnerId,
    untilMs: nowMs,
  }))
  const registrars = Array.from({ length: 4 }, () => '/'.padEnd(256, 'x'))
  assert.equal(fleetOf(signCharter(first, charterWith({ revoked, registrars }), 1)).charter.serial, 1)
})

test('a charter and a credential in which a name would draw on a terminal are refused', () => {
  for (const text of ['a\x1b[2J', 'a\nb', 'a\u202eb']) {
    refused(/malformed/, () => fleetOf(signCharter(first, charterWith({ name: text }), 1)))
    refused(/malformed/, () => fleetOf(signCharter(first, charterWith({ registrars: [text] }), 1)))
    const credential = credentialFor(first, { vehicle: text })
    refused(/malformed/, () => fleetOf().vouch(credential, car, owner, nowMs))
  }
})
