import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { Doorkeeper } from '../../src/host/network/admission.ts'
import { Notices } from '../../src/host/notices.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { logInbox, startNetwork } from '../support/network.ts'

/** A doorkeeper that would let everybody in. */
function fleet(name: string): Doorkeeper {
  return { fleet: name as PeerId, meet: async () => {} }
}

/** A node that the second calls, and what each of the two is told. */
async function call(t: TestContext, called: Doorkeeper | undefined, caller: Doorkeeper | undefined) {
  const { log, lines } = logInbox()
  const notices = new Notices(log)
  const options = (doorkeeper: Doorkeeper | undefined, software: string) => ({
    ...(doorkeeper === undefined ? {} : { doorkeeper }),
    software,
  })
  const here = await startNetwork(t, { ...options(called, 'carpool/1.0.0'), log, notices })
  const there = await startNetwork(t, options(caller, 'carpool/2.0.0'))
  const failure = await there.reach(here.addresses()[0]!).then(
    () => 'reached',
    (thrown: Error) => thrown.message,
  )
  const { msg } = await lines.find(({ msg }) => /was not let in/.test(msg))
  assert.deepEqual(
    notices.list().map(({ kind, about }) => [kind, about]),
    [['fleet', '127.0.0.1']],
  )
  return { failure, told: msg }
}

test('two fleets that meet are named on both sides, with what to do', async (t) => {
  const { failure, told } = await call(t, fleet('A'), fleet('B'))
  assert.match(failure, /it runs carpool\/1\.0\.0 and belongs to another fleet than this node/)
  assert.match(
    told,
    /127\.0\.0\.1 was not let in: it runs carpool\/2\.0\.0 and belongs to another fleet .*--fleet/,
  )
})

test('a node without a fleet that calls one with a fleet is told so, and so is the other', async (t) => {
  const { failure, told } = await call(t, fleet('A'), undefined)
  assert.match(
    failure,
    /it runs carpool\/1\.0\.0 and belongs to a fleet, and this node to none: this node must be/,
  )
  assert.match(
    told,
    /belongs to no fleet, and this node belongs to one: that node must be started with --fleet/,
  )
})

test('a node of a fleet that calls one without is told so, and so is the other', async (t) => {
  const { failure, told } = await call(t, undefined, fleet('A'))
  assert.match(failure, /belongs to no fleet, and this node belongs to one/)
  assert.match(told, /belongs to a fleet, and this node to none/)
})

test('a peer of another version of Carpool is named, with both versions, and others are not', async (t) => {
  const { log, lines } = logInbox()
  const notices = new Notices(log)
  const here = await startNetwork(t, { log, notices, software: 'carpool/1.0.0' })
  for (const userAgent of ['kubo/1', 'carpool/9.0.0']) {
    const other = await createLibp2p({
      privateKey: await generateKeyPair('Ed25519'),
      nodeInfo: { userAgent },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify() },
    })
    t.after(() => other.stop())
    await other.handle('/carpool/control/9', () => {})
    await other.dial(multiaddr(here.addresses()[0]!))
  }
  const { msg } = await lines.find(({ msg }) => /update/.test(msg))
  assert.match(
    msg,
    /runs carpool\/9\.0\.0 and speaks \/carpool\/control\/9; this node runs carpool\/1\.0\.0 and/,
  )
  assert.deepEqual(
    notices.list().map(({ kind }) => kind),
    ['version'],
  )
})
