/** Fleets of real nodes: asking, waiting, coming in, being put out, and keys that change. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { generateKey } from '@libp2p/pnet'
import { Member } from '../../src/cli/swarm/member.ts'
import { charterText, signCharter } from '../../src/host/membership/certificates.ts'
import { loadOrCreateKey } from '../../src/host/store/keys.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import {
  temporaryFolder,
  testTimeout,
  until,
  untilEnded,
  untilStatus,
  wasmJob,
  writeDocuments,
  writeSlowDocuments,
} from '../support/swarm.ts'

test('a vehicle waits for the operator, comes in, and is put out within seconds', testTimeout, async (t) => {
  const fleet = await startFleet(t)
  const { registrar } = fleet
  const [car, truck] = await Promise.all([fleet.join('car'), fleet.join('truck')])
  await until('both ask', async () => (await registrar.node.fleetMembers()).length === 3)
  assert.deepEqual(await fleet.states(), { registrar: 'admitted', car: 'pending', truck: 'pending' })
  assert.equal((await registrar.node.info()).connections, 0)
  assert.deepEqual((await car.node.peers()).length, 1, 'it hears of nobody but itself')
  await until('it is told why', async () => /approval/.test((await car.node.info()).fleet?.why ?? ''))

  const request = await wasmJob(t, 'echo', writeDocuments(t, ['one']), { standbys: 0 })
  await assert.rejects(car.node.submit(request), /has not let this node in .*carpool fleet approve 12D3/)

  for (const { peer } of [car, truck]) await registrar.node.fleetApprove(peer as PeerId)
  for (const member of [registrar, car, truck])
    await until(`${member.name} knows all three`, async () => (await member.node.peers()).length === 3)
  assert.equal((await car.node.info()).fleet?.state, 'admitted')

  const revokedMs = performance.now()
  await registrar.node.fleetRevoke(car.peer as PeerId)
  await until('nobody talks to it', async () => (await car.node.info()).connections === 0)
  t.diagnostic(`${Math.round(performance.now() - revokedMs)} ms from the word to the last connection`)
  for (const member of [registrar, truck])
    await until(`${member.name} forgets it`, async () => (await member.node.peers()).length === 2)

  await truck.end('SIGKILL')
  await until('it is refused', async () => /revoked/.test((await car.node.info()).fleet?.why ?? ''))
})

test('a node that slept through a revocation learns of it before it works again', testTimeout, async (t) => {
  const fleet = await startFleet(t)
  const { registrar } = fleet
  const [car, sleeper] = await Promise.all([fleet.admitted('car'), fleet.admitted('sleeper')])
  await until('the two know each other', async () => (await sleeper.node.peers()).length === 3)
  await sleeper.end('SIGTERM')
  await registrar.node.fleetRevoke(car.peer as PeerId)
  await until('it is put out', async () => (await car.node.info()).connections === 0)

  // It wakes where only the revoked one and the registrar are; neither its memory nor its own way in admits the former.
  const woken = await fleet.join('sleeper', [...registrar.addresses, ...car.addresses])
  await until('it knows the registrar', async () => (await woken.node.peers()).length === 2)
  const known = (await woken.node.peers()).map(({ name }) => name).sort()
  assert.deepEqual(known, ['registrar', 'sleeper'])
  assert.equal((await woken.node.info()).connections, 1)
  await registrar.end('SIGTERM')
  await woken.end('SIGTERM')
  const alone = await fleet.join('sleeper', car.addresses)
  await until('it refuses by what it remembers', () => /bootstrap peer unreachable/.test(alone.log()))
  assert.equal((await alone.node.info()).connections, 0)
})

test('outsiders get no connection, no advert and no block', testTimeout, async (t) => {
  const fleet = await startFleet(t)
  const open = await fleet.start('open', ['--bootstrap', ...fleet.registrar.addresses])
  const other = await startFleet(t)
  const foreign = await other.admitted('foreign', fleet.registrar.addresses)
  for (const member of [open, foreign])
    await until('it is turned away', () => /bootstrap peer unreachable/.test(member.log()))
  assert.deepEqual((await open.node.peers()).length, 1)
  assert.equal((await fleet.registrar.node.info()).connections, 0)
})

test('the key changes while a job runs, and nobody loses a connection', testTimeout, async (t) => {
  const fleet = await startFleet(t)
  const { registrar } = fleet
  const members = await Promise.all(['car-1', 'car-2', 'car-3'].map((name) => fleet.admitted(name)))
  await until('all know each other', async () => (await registrar.node.peers()).length === 4)
  const documents = writeSlowDocuments(t, 12, 3)
  const { job } = await registrar.node.submit(await wasmJob(t, 'slow', documents, { standbys: 0 }))
  await untilStatus(registrar, job, 'something is verified', ({ shards }) => shards.verified > 0)
  const { keys } = await registrar.node.fleetRotate(false)
  assert.equal(keys.length, 2)
  await assert.rejects(registrar.node.fleetRotate(false), /changes its key already/)
  await assert.rejects(registrar.node.fleetRotate(true), /credentials of the old key live until/)

  const late = await fleet.admitted('late')
  for (const member of [...members, late])
    await until(`${member.name} knows all five`, async () => (await member.node.peers()).length === 5)
  const status = await untilEnded(registrar, job)
  assert.deepEqual([status.state, status.shards.verified], ['complete', 12])
  for (const member of members) assert.doesNotMatch(member.log(), /connection closed/, member.name)
})

test('behind a mesh key, who has no key gets no answer at all', testTimeout, async (t) => {
  const folder = temporaryFolder(t)
  const keyPath = join(folder, 'mesh.key')
  const bytes = new Uint8Array(95)
  generateKey(bytes)
  writeFileSync(keyPath, bytes)
  const fleet = await startFleet(t, ['--mesh-key', keyPath])
  const without = await fleet.start('without', [
    '--fleet',
    fleet.charterPath,
    '--bootstrap',
    ...fleet.registrar.addresses,
  ])
  const within = await fleet.admitted('within')
  assert.equal((await within.node.info()).connections, 1)
  await until('it is turned away', () => /bootstrap peer unreachable/.test(without.log()))
  assert.deepEqual(await fleet.states(), { registrar: 'admitted', within: 'admitted' })
})

/** A registrar with a fleet of its own; every node ends with the test. */
async function startFleet(t: TestContext, flags: readonly string[] = []) {
  const folder = temporaryFolder(t)
  const keyPath = join(folder, 'fleet.key')
  const charterPath = join(folder, 'fleet.json')
  const key = loadOrCreateKey(keyPath, 'fleet')
  const charter = { name: 'test', keys: [key.peerId], registrars: [], operatorPpm: 0, revoked: [] }
  writeFileSync(charterPath, charterText(signCharter(key, charter, Date.now())))

  async function start(name: string, more: readonly string[]): Promise<Member> {
    const dataDir = join(folder, name)
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    const member = await Member.start({
      name,
      dataDir,
      flags: ['--listen', '/ip4/127.0.0.1/tcp/0', '--log-level', 'warn', '--slots', '1', ...more],
    })
    t.after(async () => {
      if (!(t as TestContext & { readonly passed: boolean }).passed)
        t.diagnostic(`${name}: ${member.log().slice(-2000)}`)
      await member.end('SIGKILL')
    })
    return member
  }

  const registrar = await start('registrar', [
    '--fleet',
    charterPath,
    '--fleet-key',
    keyPath,
    '--slots',
    '0',
    ...flags,
  ])

  async function joinThrough(
    name: string,
    bootstrap: readonly string[] = registrar.addresses,
  ): Promise<Member> {
    const through = bootstrap.flatMap((address) => ['--bootstrap', address])
    return await start(name, ['--fleet', charterPath, ...through, ...flags])
  }

  return {
    registrar,
    charterPath,
    start,
    join: joinThrough,
    /** In the mesh when this resolves. */
    async admitted(name: string, bootstrap?: readonly string[]): Promise<Member> {
      const { peerId } = loadOrCreateKey(nodeKeyIn(join(folder, name)), 'node')
      await registrar.node.fleetAdmit(peerId, null, name)
      const member = await joinThrough(name, [...registrar.addresses, ...(bootstrap ?? [])])
      await until(`${name} is in`, async () => (await member.node.info()).fleet?.state === 'admitted')
      return member
    },
    async states(): Promise<Record<string, string>> {
      const rows = await registrar.node.fleetMembers()
      return Object.fromEntries(rows.map(({ vehicle, state }) => [vehicle, state]))
    },
  }
}

function nodeKeyIn(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  return join(dataDir, 'node.key')
}
