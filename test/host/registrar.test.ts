/** Whom a registrar gives a credential, and what its charters say. */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { RequestError } from '../../src/host/errors.ts'
import { signCertificate, signCharter, signCredential } from '../../src/host/membership/certificates.ts'
import { ownerOf } from '../../src/host/membership/greeting.ts'
import { Knocks } from '../../src/host/membership/knocks.ts'
import { type Applicant, Registrar } from '../../src/host/membership/registrar.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { loadKey, loadOrCreateKey, SigningKey, verifyByPeerId } from '../../src/host/store/keys.ts'
import { revocationsKeptMax } from '../../src/protocol/fleet-limits.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import {
  clearedOwnersMax,
  credentialTtlMs,
  pendingMembersPerHostMax,
  pendingTtlMs,
  revocationsMax,
} from '../../src/protocol/limits.ts'
import { Fleet, openCredential } from '../../src/protocol/membership/fleet.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import type { SignedRecord } from '../../src/protocol/record/record.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { temporaryDirectory, temporaryStore } from '../support/store.ts'

function opened(t: TestContext, countsVehicles = false) {
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
      countsVehicles,
      onCharter: (record) => void fleet.adopt(record),
    })
  return { registrar: restarted(), restarted, fleet }
}

/** Two registrars of one fleet: each hears the other's charters, unless it is away. `registrars`: named by the charter. */
function two(t: TestContext, registrars: readonly string[] = []) {
  const folder = temporaryDirectory(t)
  const key = loadOrCreateKey(join(folder, 'first.key'), 'fleet')
  copyFileSync(join(folder, 'first.key'), join(folder, 'second.key'))
  const charter = { name: 'depot', keys: [key.peerId], registrars, operatorPpm: 0, revoked: [] }
  const first = signCharter(key, charter, 1)
  const away = new Set<string>()
  const lines: string[] = []
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line).msg) })
  const all = new Map<string, { registrar: Registrar; fleet: Fleet }>()
  for (const name of ['first', 'second']) {
    const fleet = new Fleet(first, sha256, verifyByPeerId)
    const registrar: Registrar = new Registrar({
      ...{ keyPath: join(folder, `${name}.key`), self: applicant(name), fleet, log },
      journal: temporaryStore(t).journal,
      onCharter: (record) => {
        for (const [listener, one] of all)
          if (!away.has(listener) && one.fleet.adopt(record)) one.registrar.follow()
      },
    })
    all.set(name, { registrar, fleet })
  }
  /** A vehicle shows a credential of the one to the other. */
  const shows = (credential: SignedRecord, { peer, owner }: Applicant, to: string) => {
    const { registrar, fleet } = all.get(to)!
    registrar.learn(fleet.vouch(credential, peer, owner, Date.now()))
  }
  const [one, other] = [all.get('first')!, all.get('second')!]
  /** One of them decides while the other hears nothing. */
  const alone = (name: 'first' | 'second', decide: (registrar: Registrar) => void) => {
    away.add(name === 'first' ? 'second' : 'first')
    decide(all.get(name)!.registrar)
    away.clear()
  }
  /** They can hear each other again: each has the other's newest charter. */
  const meet = () => {
    for (const [to, from] of [[one, other] as const, [other, one] as const])
      if (to.fleet.adopt(from.fleet.charters().at(-1)!)) to.registrar.follow()
  }
  return {
    first: one.registrar,
    second: other.registrar,
    fleet: other.fleet,
    fleets: [one.fleet, other.fleet] as const,
    ...{ away, alone, meet },
    ...{ shows, lines },
    keyPath: join(folder, 'first.key'),
  }
}

function credentialFrom(registrar: Registrar, of: Applicant): SignedRecord {
  const decision = registrar.consider(of)
  assert(decision.state === 'admitted', decision.state)
  return decision.credential
}

function applicant(name: string, owner = name): Applicant {
  return { peer: peerNamed(name), vehicle: name, owner: ownerIdOf(sha256, peerNamed(`owner ${owner}`)) }
}

test('a vehicle that asks again has the same credential for half of its life', (t) => {
  const { registrar } = opened(t)
  const asks = applicant('car')
  registrar.admit(asks.peer, asks.owner, asks.vehicle)
  const given = (as: Applicant) => {
    const decision = registrar.consider(as)
    assert(decision.state === 'admitted')
    return Buffer.from(decision.credential.signature).toString('hex')
  }
  const first = given(asks)
  // What is signed at another time has another signature.
  for (const ms = Date.now(); Date.now() === ms; );
  assert.equal(given(asks), first)
  // Another name is another statement.
  registrar.admit(asks.peer, asks.owner, 'renamed')
  assert.notEqual(given({ ...asks, vehicle: 'renamed' }), first)
})

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

test('in a mesh of cells a credential says how many admitted vehicles its owner has', (t) => {
  const { registrar } = opened(t, true)
  const [first, second, out] = ['first', 'second', 'out'].map((name) => applicant(name, 'depot'))
  for (const { peer, owner, vehicle } of [first!, second!, out!, applicant('other')])
    registrar.admit(peer, owner, vehicle)
  registrar.revoke(out!.peer)
  registrar.consider(applicant('waiting', 'depot'))
  for (const one of [first!, second!]) {
    const { payload } = openCredential(credentialFrom(registrar, one), sha256, verifyByPeerId)
    assert.deepEqual({ ...payload }, { ...one, ownerVehicles: 2 })
  }
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

test('a vehicle whose owner was put out is not said to be in', (t) => {
  const { registrar } = opened(t)
  const [van, bus] = [applicant('van', 'ada'), applicant('bus', 'ada')]
  registrar.consider(van)
  registrar.approve(van.peer)
  registrar.revoke(van.owner)
  registrar.consider(bus)
  for (const { peer } of [van, bus])
    assert.throws(() => registrar.approve(peer), /its owner .* was put out with all vehicles, until 20/)
  assert.throws(() => registrar.admit(van.peer, null, 'van'), /its owner .* was put out/)
  const other = applicant('other')
  registrar.consider(other)
  registrar.list()
  const approved = registrar.approveWaiting({ vehicle: null, owner: null })
  assert.deepEqual(
    approved.map(({ peer }) => peer),
    [other.peer],
    'and it keeps nobody else out',
  )
  assert.deepEqual([registrar.stateOf(van.peer), registrar.stateOf(bus.peer)], ['revoked', 'pending'])
})

test('an owner that was put out is let back as a whole, and its vehicles wait, but for one that was put out by itself', (t) => {
  const { registrar, fleet } = opened(t)
  const [van, bus, thief] = ['van', 'bus', 'thief'].map((name) => applicant(name, 'ada'))
  for (const { peer, ...asks } of [van!, bus!, thief!]) {
    registrar.consider({ peer, ...asks })
    registrar.approve(peer)
  }
  registrar.revoke(thief!.peer)
  registrar.revoke(van!.owner, 'ada')
  assert(fleet.isRevoked(van!.owner))
  registrar.clear(van!.owner, 'grace')
  assert(!fleet.isRevoked(van!.owner) && fleet.isRevoked(thief!.peer))
  assert.deepEqual(
    [van!, bus!, thief!].map(({ peer }) => registrar.stateOf(peer)),
    ['pending', 'pending', 'revoked'],
  )
  registrar.list()
  assert.equal(registrar.approveWaiting({ vehicle: null, owner: van!.owner }).length, 2)
  const decision = registrar.consider(bus!)
  assert(decision.state === 'admitted')
  fleet.vouch(decision.credential, bus!.peer, bus!.owner, Date.now())
})

test('a vehicle that is let back in keeps its name and its owner, and that it was revoked is said and logged', (t) => {
  const { registrar } = opened(t)
  const van = applicant('van')
  registrar.consider(van)
  registrar.approve(van.peer, 'ada')
  registrar.revoke(van.peer, 'ada')
  const { vehicle, owner, before, state } = registrar.admit(van.peer, null, '', 'grace')
  assert.deepEqual([vehicle, owner, before, state], ['van', van.owner, 'revoked', 'admitted'])
  assert.equal(
    registrar.consider(applicant('van', 'a thief')).state,
    'pending',
    'and nobody else comes in as it',
  )
  assert.deepEqual(
    registrar.decisions.last(9).map(({ action, by, peer, detail }) => [action, by, peer, detail]),
    [
      ['approved', 'ada', van.peer, ''],
      ['revoked', 'ada', van.peer, ''],
      ['admitted', 'grace', van.peer, 'it was revoked, and is not any more'],
    ],
  )
})

test('those who wait are approved by name or owner, as they were listed, and who has changed since goes on waiting', (t) => {
  const { registrar } = opened(t)
  for (const [name, owner] of [
    ['bus-1', 'ada'],
    ['bus-2', 'grace'],
    ['bus', 'ada'],
    ['van-1', 'ada'],
  ] as const)
    registrar.consider(applicant(name, owner))
  const named = (rows: readonly { readonly vehicle: string; readonly state: string }[]) =>
    rows.map(({ vehicle, state }) => `${vehicle} ${state}`)
  const { owner } = applicant('', 'ada')
  assert.deepEqual(named(registrar.approveWaiting({ vehicle: 'bus-*', owner })), ['bus-1 admitted'])
  registrar.list()
  registrar.consider(applicant('bus-2', 'a thief'))
  assert.deepEqual(named(registrar.approveWaiting({ vehicle: 'b*s*', owner: null })).sort(), [
    'bus admitted',
    'bus-2 pending',
  ])
  assert.deepEqual(named(registrar.rejectWaiting({ vehicle: null, owner: null })).sort(), [
    'bus-2 rejected',
    'van-1 rejected',
  ])
  assert.deepEqual(named(registrar.approveWaiting({ vehicle: null, owner: null })), [])
})

test('a stranger that asks between the list and the word for all is not let in by that word', (t) => {
  const { registrar } = opened(t)
  const everybody = { vehicle: null, owner: null }
  const named = () => registrar.approveWaiting(everybody).map(({ vehicle, state }) => `${vehicle} ${state}`)
  registrar.consider(applicant('bus-1', 'ada'))
  registrar.list()
  registrar.consider(applicant('bus-3', 'a thief'))
  assert.deepEqual(named().sort(), ['bus-1 admitted', 'bus-3 pending'])
  // By then it was shown.
  assert.deepEqual(named(), ['bus-3 admitted'])
})

test('name, share and registrars change by a signed charter that names them, and the log says who changed what', (t) => {
  const { registrar, fleet } = opened(t)
  const { charters } = registrar
  const address = '/ip4/192.0.2.1/tcp/4001/p2p/12D3KooWA'
  charters.set({ name: 'yard', operatorPpm: 120_000 }, 'ada')
  charters.addRegistrar(address, 'ada')
  assert.throws(() => charters.addRegistrar(address), /is a registrar's address already/)
  assert.throws(
    () => charters.set({ name: 'yard', operatorPpm: null }),
    /has this name and this share already/,
  )
  const { name, operatorPpm, registrars } = fleet.charter.payload
  assert.deepEqual([name, operatorPpm, registrars], ['yard', 120_000, [address]])
  for (const n of [2, 3, 4]) charters.addRegistrar(`${address}${n}`)
  assert.throws(() => charters.addRegistrar(`${address}5`), /at most 4 addresses/)
  charters.removeRegistrar('12D3KooWA', 'grace')
  assert.throws(() => charters.removeRegistrar(address), /names no registrar/)
  assert.equal(fleet.charter.payload.registrars.length, 3)
  const said = registrar.decisions.last(9).map(({ by, detail }) => `${by}: ${detail}`)
  assert.equal(
    said[0],
    'ada: the fleet was called depot, and is called yard; the operator keeps 0 %, and 12 % from now on',
  )
  assert.equal(said.at(-1), 'grace: 12D3KooWA')
})

test('a second registrar renews whom the first let in, and keeps out whom the first put out, while the first is away', (t) => {
  const { first, second, fleet, away, shows, keyPath } = two(t)
  const [van, bus, guest] = [applicant('van'), applicant('bus'), applicant('guest')]
  for (const one of [van, bus]) first.admit(one.peer, one.owner, one.vehicle)
  for (const one of [van, bus]) shows(credentialFrom(first, one), one, 'second')
  first.revoke(bus.peer)
  away.add('first')
  fleet.vouch(credentialFrom(second, van), van.peer, van.owner, Date.now())
  assert.equal(second.consider(bus).state, 'revoked')
  const actions = second.decisions.last(9).map(({ action, by, vehicle }) => `${action} ${vehicle}${by}`)
  assert.deepEqual(actions.sort(), ['let-in-elsewhere bus', 'let-in-elsewhere van', 'revoked-elsewhere bus'])

  // Whoever comes with the key and another owner waits, whatever credential it still has.
  const before = credentialFrom(second, van)
  assert.equal(second.consider(applicant('van', 'a thief')).state, 'pending')
  shows(before, van, 'second')
  assert.equal(second.consider(van).state, 'pending')
  second.approve(second.list().find(({ peer }) => peer === van.peer)!.peer)

  // One that was signed by hand for some hours ends with them.
  const key = loadKey(keyPath)
  const short = signCredential(key, guest, { ttlMs: 3_600_000 })
  shows(short, guest, 'second')
  assert.equal(second.consider(guest).state, 'pending')

  // Let back in at the first, it is in at the second, once it shows so.
  away.clear()
  const old = credentialFrom(first, van)
  first.revoke(van.owner)
  assert.equal(second.consider(van).state, 'revoked')
  assert.throws(() => shows(old, van, 'second'), /revoked/)
  first.admit(bus.peer, null, '')
  shows(signCredential(key, bus, { nowMs: Date.now() + 5_000 }), bus, 'second')
  assert.equal(second.consider(bus).state, 'admitted')
})

test('a revocation stays in the charter for a month where there is room, and a registrar that comes back after days follows it', (t) => {
  const { first, second, away, fleet, shows } = two(t)
  const van = applicant('van')
  first.admit(van.peer, van.owner, 'van')
  shows(credentialFrom(first, van), van, 'second')
  away.add('second')
  first.revoke(van.peer)
  const [{ untilMs } = { untilMs: 0 }] = first.charters.revoked
  assert(untilMs > Date.now() + 29 * 24 * 3_600_000)
  for (let i = 0; i < revocationsMax - 1; i += 1) first.charters.revoke(applicant(`car ${i}`).peer)
  const kept = first.charters.revoked.filter((one) => one.untilMs > Date.now() + 2 * credentialTtlMs)
  assert.equal(kept.length, revocationsKeptMax, 'half of the room is for those that matter now')
  away.clear()
  first.charters.set({ name: 'yard', operatorPpm: null })
  assert.equal(fleet.charter.payload.name, 'yard')
  assert.equal(second.consider(van).state, 'revoked')
})

const named = ['first', 'second'].map((name) => `/ip4/192.0.2.1/tcp/4001/p2p/${peerNamed(name)}`)
/** A charter's serial is the time at which it is signed, or just above that of the one before. */
const later = (fleets: readonly Fleet[]) => {
  const serial = Math.max(...fleets.map(({ charter }) => charter.serial))
  while (Date.now() <= serial);
}

for (const last of ['first', 'second'] as const)
  test(`two registrars that decide apart come to one charter with the word of both, whichever signed last: the ${last}`, (t) => {
    const { first, second, fleets, alone, meet } = two(t, named)
    const [van, bus, cab, tram] = ['van', 'bus', 'cab', 'tram'].map((name) => applicant(name)) as [
      ...[Applicant, Applicant, Applicant, Applicant],
    ]
    for (const registrar of [first, second])
      for (const one of [van, bus, cab, tram]) registrar.admit(one.peer, one.owner, one.vehicle)
    first.revoke(cab.peer)
    const words = {
      first: (registrar: Registrar) => {
        registrar.revoke(van.peer)
        registrar.charters.set({ name: null, operatorPpm: 120_000 })
      },
      second: (registrar: Registrar) => {
        registrar.revoke(bus.peer)
        registrar.approve(cab.peer)
        registrar.charters.addRegistrar(`${named[1]!}2`)
        registrar.clear(tram.owner!)
      },
    }
    alone(last === 'first' ? 'second' : 'first', words[last === 'first' ? 'second' : 'first'])
    later(fleets)
    alone(last, words[last])
    meet()
    const [one, other] = fleets.map(({ charter }) => charter)
    assert.deepEqual(one, other)
    const { operatorPpm, registrars, revoked, cleared = [] } = one!.payload
    assert.deepEqual(revoked.map(({ id }) => id).sort(), [van.peer, bus.peer].sort())
    assert.deepEqual([operatorPpm, registrars.length], [120_000, 3])
    assert.deepEqual(
      cleared.map(({ owner }) => owner),
      [tram.owner],
    )
    for (const registrar of [first, second])
      assert.deepEqual(
        [van, bus].map((of) => registrar.consider(of).state),
        ['revoked', 'revoked'],
      )
    const said = (last === 'first' ? second : first).decisions.last(9)
    assert.match(said.find(({ action }) => action === 'put-back')!.detail, /is put out/)
    meet()
    assert.equal(fleets[0].charter.serial, one!.serial, 'and that is the end of it')
  })

test('two registrars that sign in the same millisecond come to one charter as well', (t) => {
  const { first, second, fleets, alone, meet } = two(t, named)
  const [van, bus] = [applicant('van'), applicant('bus')]
  for (const registrar of [first, second])
    for (const one of [van, bus]) registrar.admit(one.peer, one.owner, one.vehicle)
  later(fleets)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  alone('first', (registrar) => registrar.revoke(van.peer))
  alone('second', (registrar) => registrar.revoke(bus.peer))
  assert.equal(fleets[0].charter.serial, fleets[1].charter.serial)
  meet()
  const [one, other] = fleets.map(({ charter }) => charter)
  assert.deepEqual(one, other)
  assert.deepEqual(one!.payload.revoked.map(({ id }) => id).sort(), [van.peer, bus.peer].sort())
})

test('of a share that two registrars changed apart the later stands, and the log names the other; a vehicle that one put out stays out', (t) => {
  const { first, second, fleets, alone, meet, lines } = two(t, named)
  const van = applicant('van')
  first.charters.set({ name: null, operatorPpm: 10_000 })
  alone('first', ({ charters }) => charters.set({ name: null, operatorPpm: 120_000 }))
  // One that waits there comes in here, and is put out there.
  first.consider(van)
  second.consider(van)
  alone('first', (registrar) => registrar.revoke(van.peer))
  later(fleets)
  alone('second', (registrar) => {
    registrar.approve(van.peer)
    registrar.charters.set({ name: null, operatorPpm: 80_000 })
  })
  meet()
  for (const fleet of fleets) {
    assert.equal(fleet.charter.payload.operatorPpm, 80_000)
    assert(fleet.isRevoked(van.peer))
  }
  assert(lines.some((line) => /this is lost, .*: the operator's share of 12 %$/.test(line)))
  assert.equal(second.consider(van).state, 'revoked')
})

test('a registrar that lets in whom another had put out is not overruled by that one’s earlier word', (t) => {
  const { first, second, fleets, alone, meet } = two(t, named)
  const van = applicant('van')
  for (const registrar of [first, second]) registrar.admit(van.peer, van.owner, van.vehicle)
  first.revoke(van.peer)
  later(fleets)
  alone('second', (registrar) => registrar.approve(van.peer))
  meet()
  for (const fleet of fleets) assert(!fleet.isRevoked(van.peer))
  const putBack = () =>
    first.decisions.last(20).flatMap(({ action, detail }) => (action === 'put-back' ? detail : []))
  assert.deepEqual(putBack(), [])
  // Nor where something else that it says meanwhile is put back.
  first.revoke(van.peer)
  alone('first', ({ charters }) => charters.set({ name: 'yard', operatorPpm: null }))
  later(fleets)
  alone('second', (registrar) => registrar.approve(van.peer))
  meet()
  for (const fleet of fleets) {
    assert(!fleet.isRevoked(van.peer))
    assert.equal(fleet.charter.payload.name, 'yard')
  }
  assert.deepEqual(putBack(), ['the name yard'])
})

test('where no charter names a second registrar, the later one stands alone, and the log says what it lacks', (t) => {
  const { first, second, fleets, alone, meet, lines } = two(t)
  const [van, bus] = [applicant('van'), applicant('bus')]
  for (const registrar of [first, second])
    for (const one of [van, bus]) registrar.admit(one.peer, one.owner, one.vehicle)
  alone('first', (registrar) => registrar.revoke(van.peer))
  later(fleets)
  alone('second', (registrar) => registrar.revoke(bus.peer))
  meet()
  assert.deepEqual(
    fleets.map((fleet) => [fleet.isRevoked(van.peer), fleet.charter.payload.heard]),
    [
      [false, undefined],
      [false, undefined],
    ],
  )
  assert(lines.some((line) => line.endsWith(`say again here what it lacks: ${van.peer} is put out`)))
})

test('a registrar whose key is being changed, or was, is told to get the new one', (t) => {
  const { first, second, lines } = two(t)
  first.charters.rotate()
  assert.match(lines.at(-1)!, /copy the fleet's new key here.* before the old one ends/)
  assert.equal(second.charters.standing, 'ending')
  first.charters.finishRotation(Date.now() + 2 * credentialTtlMs)
  assert.equal(second.charters.standing, 'over')
  assert.match(lines.at(-1)!, /is not in force any more, so it can admit nobody/)
  assert.equal(second.canSign, false)
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
    registrar.rejectWaiting({ vehicle: null, owner: null }).map(({ vehicle }) => vehicle),
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

test('a registrar that is away is dialled ever more rarely, and at once by a node that waits to be let in', async () => {
  let nowMs = 0
  let isAway = true
  const knocks: number[] = []
  const doors = new Knocks(
    async () => {
      knocks.push(nowMs)
      if (isAway) throw new Error('nobody is there')
    },
    () => nowMs,
  )
  const look = async (isUrgent = false) => {
    doors.at(['/dns4/registrar/tcp/1'], isUrgent)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const hourMs = 3_600_000
  for (; nowMs < 24 * hourMs; nowMs += 5_000) await look()
  const lastHour = knocks.filter((atMs) => atMs >= 23 * hourMs)
  assert(lastHour.length >= 5 && lastHour.length <= 13, `${lastHour.length} in an hour`)
  const before = knocks.length
  await look(true)
  isAway = false
  await look(true)
  await look()
  assert.equal(knocks.length, before + 3, 'it is there again, and whoever waits pauses nowhere')
})
