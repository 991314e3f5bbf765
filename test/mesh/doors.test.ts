/** A fleet's doors, with strangers at them who say what they like. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { pino } from 'pino'
import { readCredential } from '../../src/host/membership/certificates.ts'
import {
  decodeGreeting,
  encodeGreeting,
  encodeReply,
  type Greeting,
  type Reply,
} from '../../src/host/membership/greeting.ts'
import { Network } from '../../src/host/network/network.ts'
import { loadKey } from '../../src/host/store/keys.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { encodeMessage } from '../../src/protocol/message.ts'
import { liar } from '../support/liar.ts'
import { Mesh, type MeshNode } from '../support/mesh.ts'

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 1, fleet: {} })
})
after(() => mesh.stop())

/** Somebody without a credential who knows how nodes of the fleet talk. Returns how often it has greeted, and how often it had its say. */
async function stranger(
  t: TestContext,
  to: MeshNode,
  says: { greeting?: Partial<Greeting>; reply?: Partial<Reply> },
) {
  const { fleet, addresses } = to.api.info()
  const count = { greeted: 0, said: 0 }
  const network = await Network.start({
    privateKey: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: addresses,
    log: pino({ level: 'silent' }),
    gossipScope: fleet!.key,
    doorkeeper: {
      fleet: fleet!.key,
      meet: async (_: PeerId, line) => {
        const greeting = {
          credential: null,
          vehicle: 'stranger',
          certificate: null,
          charter: 0,
          ...says.greeting,
        }
        await line.send(encodeGreeting(greeting))
        count.greeted += 1
        decodeGreeting(await line.receive())
        await line.send(encodeReply({ refused: null, credential: null, charters: [], ...says.reply }))
        count.said += 1
        await line.receive()
      },
    },
  })
  t.after(() => network.stop())
  return count
}

const call = 'it is revoked; call +1 900 EVIL to renew'

test('a stranger’s refusal changes nothing for a node that the fleet let in, nor for the registrar', async (t) => {
  for (const victim of [mesh.node('car-1'), mesh.submitter]) {
    const said = await stranger(t, victim, { reply: { refused: call } })
    await mesh.until('it was told several times', () => said.said >= 3)
    const { state, why } = victim.api.info().fleet!
    assert.deepEqual([state, why], ['admitted', null])
    await victim.api.quote(victim === mesh.submitter ? mesh.request(['one']) : mesh.request(['two']))
  }
})

test('a node that waits shows a member’s reason, and never a stranger’s', async (t) => {
  const van = await mesh.join({ name: 'van' }, false)
  const isToldWhy = () => /approval/.test(van.api.info().fleet?.why ?? '')
  await mesh.until('it is told why', isToldWhy)
  const said = await stranger(t, van, { reply: { refused: call } })
  await mesh.until('a stranger was heard several times', () => said.said >= 3)
  assert(isToldWhy(), van.api.info().fleet?.why ?? 'no reason')
  await van.stop()
})

test('who is rejected is told so, and comes in once it is approved', async () => {
  const { api } = mesh.submitter
  const bus = await mesh.join({ name: 'bus' }, false)
  const rowOf = () => api.fleetMembers().find(({ peer }) => peer === bus.peer)
  await mesh.until('it asks', () => rowOf()?.state === 'pending')
  assert.equal(rowOf()?.host, '127.0.0.1')
  api.fleetReject(bus.peer)
  await mesh.until('it is told', () => /rejected bus/.test(bus.api.info().fleet?.why ?? ''))
  assert.equal(rowOf()?.state, 'rejected')
  api.fleetApprove(bus.peer)
  await mesh.acquainted()
  assert.equal(bus.api.info().fleet?.state, 'admitted')
})

test('an applicant whose name would draw on a terminal is not listed, and not logged', async (t) => {
  const { api, lines } = mesh.submitter
  const before = api.fleetMembers().length
  const hostile = '\x1b[2J\nvan 7 asks to join'
  // The other side's own check would stop it: it says what it likes.
  const said = await stranger(t, mesh.submitter, { greeting: { vehicle: hostile } })
  const bus = await stranger(t, mesh.submitter, { greeting: { vehicle: 'a plain van' } })
  await mesh.until('both asked', () => said.greeted > 1 && bus.greeted > 1)
  await mesh.until('an honest applicant is listed', () => api.fleetMembers().length > before)
  assert.equal(api.fleetMembers().length, before + 1)
  assert(!lines.items.some(({ msg }) => msg.includes('van 7 asks')))
})

/** Whoever has the car's key, and the credential that lies beside it; and what it says to everybody that it meets. */
async function thief(
  t: TestContext,
  car: MeshNode,
  refused: string | null = null,
  onSaid: () => void = () => {},
): Promise<Network> {
  const key = loadKey(join(car.dataDir, 'node.key'))
  const { record } = readCredential(join(car.dataDir, 'credential.json'))
  const network = await Network.start({
    privateKey: key.toLibp2p(),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: mesh.running().flatMap(({ api }) => api.info().addresses),
    log: pino({ level: 'silent' }),
    gossipScope: mesh.submitter.api.info().fleet!.key,
    doorkeeper: {
      fleet: mesh.submitter.api.info().fleet!.key,
      meet: async (_: PeerId, line) => {
        await line.send(
          encodeGreeting({ credential: record, vehicle: car.name, certificate: null, charter: 0 }),
        )
        decodeGreeting(await line.receive())
        await line.send(encodeReply({ refused, credential: null, charters: [] }))
        onSaid()
        await line.receive()
      },
    },
  })
  t.after(() => network.stop())
  return network
}

test('an owner whose car’s key was stolen is banned by all, forgiven by one, and cleared by the fleet', async (t) => {
  const registrar = mesh.submitter
  const car = mesh.node('car-1')
  const { owner } = car.api.info()
  await car.stop()
  const witnesses = mesh.running()
  const network = await thief(t, car)
  await mesh.until('it is in', () => network.connectedPeers().length >= witnesses.length)
  const of = { vehicle: loadKey(join(car.dataDir, 'node.key')), owner: null, certifiedMs: 0 }
  const { evidence, lease } = liar({ of })
  const accuse = (whom: MeshNode) => network.send(whom.peer, encodeMessage({ type: 'evidence', evidence }))
  const isBannedAt = ({ api }: MeshNode) => api.bans().some((ban) => ban.owner === owner)
  await accuse(registrar)
  await mesh.until('everybody bans', () => witnesses.every(isBannedAt))
  assert.deepEqual(
    registrar.api.bans().map((ban) => [ban.peer, ban.because, ban.evidence]),
    [[car.peer, 'equivocation', lease.id]],
  )

  registrar.api.liftBan(owner)
  await accuse(registrar)
  const bus = mesh.node('bus')
  await bus.restart()
  await mesh.acquainted()
  assert.deepEqual([isBannedAt(registrar), isBannedAt(bus)], [false, true], 'others tell it again in vain')
  registrar.api.fleetClear(owner)
  await mesh.until('everybody ends its ban', () => !witnesses.some(isBannedAt))
  await accuse(registrar)
  await bus.restart()
  await mesh.acquainted()
  assert(!witnesses.some(isBannedAt), 'and it stays ended, after a restart, too')
})

test('a member’s refusal changes nothing for nodes whose own credentials are good', async (t) => {
  const witnesses = mesh.running()
  let said = 0
  await thief(t, mesh.node('car-1'), call, () => {
    said += 1
  })
  await mesh.until('it refused everybody, several times', () => said >= 3 * witnesses.length)
  for (const { api } of witnesses) {
    const { state, why } = api.info().fleet!
    assert.deepEqual([state, why], ['admitted', null])
  }
})
