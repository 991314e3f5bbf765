/** Which addresses a node dials, and how often, when peers say that they live where they do not. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { type TestContext, test } from 'node:test'
import { defaultBounds } from '../../src/host/network/bounds.ts'
import { DialPlan } from '../../src/host/network/dial-plan.ts'
import { areaOf, placeOf, Reach } from '../../src/host/network/reach.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { Inbox, logInbox, startNetwork } from '../support/network.ts'

const timeout = 400_000
const strangers = Array.from({ length: 20 }, () => SigningKey.generate().peerId)
const [alice, bob] = strangers as [PeerId, PeerId]

/** Somebody who never heard of us, and counts who knocks. */
async function bystander(t: TestContext, host = '127.0.0.1') {
  const knocks = new Inbox<number>()
  let open = 0
  const server = createServer((socket) => {
    open += 1
    knocks.put(open)
    socket.on('error', () => {})
    socket.on('close', () => {
      open -= 1
    })
    socket.destroy()
  })
  server.listen(0, host)
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  return { knocks, address: `/ip4/${host}/tcp/${port}` }
}

test('twenty peers that name a third party’s address have it dialled one at a time, and not for ever', {
  timeout,
}, async (t) => {
  const { knocks, address } = await bystander(t)
  const { log, lines } = logInbox()
  const bounds = { redialMinMs: 1, redialMaxMs: 10, yieldDialMs: 0 }
  const node = await startNetwork(t, { log, bounds })
  const addresses = [address, address, address, address]
  for (const peer of strangers) node.learn(peer, addresses)
  // They say it again, as adverts are, and other names of theirs say the same.
  const again = setInterval(() => {
    for (const peer of strangers) node.learn(peer, addresses)
  }, 5)
  t.after(() => clearInterval(again))
  await knocks.until((items) => items.length >= defaultBounds.dialFailuresMax)
  const [real, other] = [await startNetwork(t), await startNetwork(t)]
  // Time for many more, measured by what the node does otherwise.
  node.learn(real.peer, real.addresses())
  await node.send(real.peer, Buffer.from('hello'))
  for (let i = 0; i < 50; i += 1) {
    node.learn(other.peer, other.addresses())
    await node.send(other.peer, Buffer.from('hello'))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.equal(knocks.items.length, defaultBounds.dialFailuresMax)
  assert.equal(Math.max(...knocks.items), 1)
  await assert.rejects(node.send(alice, Buffer.from('hello')), { code: 'unreachable' })
  assert.equal(knocks.items.length, defaultBounds.dialFailuresMax, 'nor when a message is for one of them')
  assert(!lines.items.some(({ level }) => level >= 50))
})

test('an address is forgotten with the advert that named it, unless its peer was met', {
  timeout,
}, async (t) => {
  const { knocks, address } = await bystander(t)
  const node = await startNetwork(t, { bounds: { redialMinMs: 100_000, redialMaxMs: 100_000 } })
  node.learn(alice, [address])
  await knocks.until((items) => items.length === 1)
  node.lapse(alice)
  await assert.rejects(node.send(alice, Buffer.from('hello')), /no address of it is known/)

  const friend = await startNetwork(t)
  node.learn(friend.peer, friend.addresses())
  await node.send(friend.peer, Buffer.from('hello'))
  node.lapse(friend.peer)
  const gone = new Promise<void>((resolve) =>
    node.onPeer(({ type }) => {
      if (type === 'disconnected') resolve()
    }),
  )
  await friend.disconnect(node.peer)
  await gone
  await node.send(friend.peer, Buffer.from('hello again'))
})

test('a peer that is another than was looked for costs a few dials, and its own name keeps its place', {
  timeout,
}, async (t) => {
  // On a busy machine dials of an honest peer fail, too: the rest after so many is short here.
  const bounds = { redialMinMs: 1, redialMaxMs: 5, yieldDialMs: 0, dialRestMs: 1_000 }
  const node = await startNetwork(t, { bounds })
  const honest = await startNetwork(t)
  const address = honest.addresses()[0]!.replace(/[/]p2p.*/, '')
  for (const peer of strangers) node.learn(peer, [address])
  node.learn(honest.peer, honest.addresses())
  const met = new Promise<void>((resolve) =>
    node.onPeer(({ type, peer }) => {
      if (type === 'connected' && peer === honest.peer) resolve()
    }),
  )
  await met
  await node.send(honest.peer, Buffer.from('hello'))
})

/** A plan with a clock of its own. */
function planned(changes: Partial<typeof defaultBounds> = {}) {
  const clock = { nowMs: 1_000 }
  const plan = new DialPlan({ ...defaultBounds, ...changes }, () => clock.nowMs)
  const mayDial = (text: string, peer: PeerId) => plan.notBeforeMs(placeOf(peer, text)!, peer) <= clock.nowMs
  const fail = (text: string, peer: PeerId, isAnother = false) => {
    const place = placeOf(peer, text)!
    plan.begin(place)
    plan.failed(place, peer, isAnother)
  }
  return { clock, plan, mayDial, fail }
}

const victim = '/ip4/203.0.113.7/tcp/443'

test('at one place one peer is looked for at a time, with growing pauses, whoever asks', () => {
  const { clock, plan, mayDial, fail } = planned()
  plan.begin(placeOf(alice, victim)!)
  assert(!mayDial(victim, bob))
  plan.failed(placeOf(alice, victim)!, alice, false)
  assert(!mayDial(victim, bob), 'its pause is everybody’s')
  let dials = 1
  for (const endMs = clock.nowMs + 3_600_000; clock.nowMs < endMs; clock.nowMs += 100)
    for (const peer of strangers)
      if (mayDial(victim, peer)) {
        fail(victim, peer)
        dials += 1
      }
  assert(
    dials <= defaultBounds.dialFailuresMax + 3_600_000 / defaultBounds.dialRestMs,
    `${dials} dials in an hour`,
  )
})

test('a host’s ports share its budget, a name’s subdomains too; who was met there is excused', () => {
  const { hostFailuresMax, hostFailureEveryMs, nearFailuresMax, nearFailureEveryMs } = defaultBounds
  for (const [name, most, everyMs] of [
    [(i: number) => `/ip4/203.0.113.7/tcp/${i + 1}`, hostFailuresMax, hostFailureEveryMs],
    [(i: number) => `/dns4/a${i}.example.org/tcp/443`, hostFailuresMax, hostFailureEveryMs],
    [(i: number) => `/ip4/192.168.1.1/tcp/${i + 1}`, nearFailuresMax, nearFailureEveryMs],
  ] as const) {
    const { clock, plan, mayDial, fail } = planned()
    plan.begin(placeOf(bob, name(9_999))!)
    plan.reached(placeOf(bob, name(9_999))!, bob)
    let dials = 0
    for (let i = 0; i < 5_000; i += 1)
      if (mayDial(name(i), strangers[i % strangers.length]!)) {
        fail(name(i), strangers[i % strangers.length]!)
        dials += 1
      }
    assert.equal(dials, most)
    assert(mayDial(name(9_999), bob))
    clock.nowMs += everyMs
    assert(mayDial(name(6_000), alice))
  }
})

test('where a peer was met no other is looked for, until that is long ago', () => {
  const { clock, plan, mayDial, fail } = planned()
  plan.begin(placeOf(alice, victim)!)
  plan.reached(placeOf(alice, victim)!, alice)
  assert.deepEqual([mayDial(victim, alice), mayDial(victim, bob)], [true, false])
  clock.nowMs += defaultBounds.dialRestMs
  assert(mayDial(victim, bob))
  fail(victim, alice, true)
  assert(!mayDial(victim, alice), 'somebody else lives there now')
})

test('names of an address that others answer at are tried a few at a time, and each given up', () => {
  const { clock, plan, mayDial, fail } = planned()
  let dials = 0
  for (let round = 0; round < 1_000; round += 1) {
    clock.nowMs += defaultBounds.redialMaxMs
    for (const peer of strangers.slice(0, 4))
      if (mayDial(victim, peer)) {
        fail(victim, peer, true)
        dials += 1
        clock.nowMs += defaultBounds.redialMaxMs
      }
  }
  assert.equal(dials, 4 * defaultBounds.dialFailuresMax)
  plan.forget(placeOf(alice, victim)!, alice)
  assert(mayDial(victim, alice))
})

test('an address is of TCP, with a host, a port and this peer, or none', () => {
  for (const text of [
    victim,
    `${victim}/p2p/${alice}`,
    '/dns4/car.example.org/tcp/4001',
    '/ip6/2001:db8::1/tcp/1',
  ])
    assert(placeOf(alice, text), text)
  for (const text of [
    '',
    '/ip4/203.0.113.7',
    '/ip4/203.0.113.7/udp/1',
    '/ip4/203.0.113.7/tcp/0',
    `${victim}/p2p/${bob}`,
    `${victim}/ws`,
    `${victim}/p2p/${alice}/p2p-circuit`,
    '/dnsaddr/example.org',
    '/unix/run/docker.sock',
    '/ip6zone/eth0/ip6/fe80::1/tcp/1',
  ])
    assert.equal(placeOf(alice, text), undefined, text)
  assert.equal(placeOf(alice, victim)?.name, placeOf(bob, `${victim}/p2p/${bob}`)?.name)
})

test('an address is told to be of this machine, a private network or the public one in every notation', () => {
  const areas = {
    loopback: [
      '127.0.0.1',
      '127.255.0.3',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
    ],
    private: [
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.1',
      '100.64.0.1',
      '169.254.169.254',
      'fd00::1',
      'fe80::1',
      '::ffff:192.168.0.1',
    ],
    nowhere: ['0.0.0.0', '255.255.255.255', '224.0.0.1', '::', 'ff02::1', '::ffff:0.0.0.0', 'nonsense', ''],
    public: ['203.0.113.7', '172.32.0.1', '100.128.0.1', '2001:db8::1', '64:ff9b::cb00:7107'],
  }
  for (const [area, ips] of Object.entries(areas)) for (const ip of ips) assert.equal(areaOf(ip), area, ip)
})

test('a private or local address is dialled only by who is at home there, and never a public peer’s loopback', async () => {
  const home =
    (...addresses: string[]) =>
    () => ({
      eth: addresses.map((address) => ({ address, internal: false }) as NetworkInterfaceInfo),
    })
  const reaches = async (reach: Reach, ...texts: string[]) => {
    const places = texts.map((text) => placeOf(alice, text)!)
    const found = await Promise.all(places.map((place) => reach.resolve(place, places)))
    return found.map(({ length }) => length > 0)
  }
  const out = new Reach(() => false, home('203.0.113.9'))
  const near = new Reach(() => false, home('192.168.1.7', '203.0.113.9'))
  const local = new Reach(() => true, home('203.0.113.9'))
  const alone = new Reach(() => false, home())
  const [lan, loop, other, name] = [
    '/ip4/192.168.1.1/tcp/80',
    '/ip4/127.0.0.1/tcp/22',
    '/ip4/10.0.0.1/tcp/80',
    '/dns4/localhost/tcp/22',
  ] as const
  assert.deepEqual(await reaches(out, victim, lan, loop), [true, false, false])
  assert.deepEqual(await reaches(near, lan, other), [true, false])
  assert.deepEqual(await reaches(local, loop), [true])
  assert.deepEqual(await reaches(alone, loop), [true])
  assert.deepEqual(await reaches(local, loop, victim), [false, true], 'a public peer’s loopback is not ours')
  assert.deepEqual(await reaches(out, name), [false], 'a name that leads home')
})
