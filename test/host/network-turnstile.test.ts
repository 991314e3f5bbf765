/** Who is let in while one host wants all the room there is. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Libp2p, Connection as Libp2pConnection, MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { pino } from 'pino'
import { defaultBounds } from '../../src/host/network/bounds.ts'
import { hostOf, Turnstile } from '../../src/host/network/turnstile.ts'

const bounds = { ...defaultBounds, connectionsPerHostMax: 5, pendingPerHostMax: 2 }

const log = pino({ level: 'silent' })

class Connection extends EventTarget {
  readonly remoteAddr
  readonly timeline = {}
  isOpen = true
  constructor(host: string) {
    super()
    this.remoteAddr = multiaddr(`/ip4/${host}/tcp/1`)
  }
  close(): void {
    this.isOpen = false
    this.dispatchEvent(new Event('close'))
  }
  abort(): void {
    this.close()
  }
}

function at(host: string): Connection & MultiaddrConnection {
  return new Connection(host) as Connection & MultiaddrConnection
}

test('a host that shakes no hands, or has many connections, gets no more, and others do', () => {
  const { gater } = new Turnstile(bounds, log)
  const isLetIn = (connection: MultiaddrConnection) => gater.denyInboundConnection!(connection) === false
  const shake = (connection: MultiaddrConnection) =>
    gater.denyInboundUpgradedConnection!('peer' as never, connection)
  const silent = [at('192.0.2.1'), at('192.0.2.1')]
  assert.deepEqual([...silent, at('192.0.2.1')].map(isLetIn), [true, true, false])
  assert(isLetIn(at('192.0.2.2')))

  silent[0]!.close()
  const third = at('192.0.2.1')
  assert(isLetIn(third), 'a place that is given up is free')
  const open = [silent[1]!, third]
  for (const connection of open) assert.equal(shake(connection), false)
  for (let more = 0; more < 3; more += 1) {
    const connection = at('192.0.2.1')
    assert(isLetIn(connection), 'who has shaken hands is not pending')
    shake(connection)
    open.push(connection)
  }
  assert(!isLetIn(at('192.0.2.1')))
  assert(isLetIn(at('192.0.2.2')))
  open[0]!.close()
  assert(isLetIn(at('192.0.2.1')))
})

/** A door with a clock of its own, and peers that come to it as a test says. */
class Door {
  nowMs = 0
  readonly known = new Set<string>()
  readonly #node = new EventTarget() as EventTarget & Pick<Libp2p, 'getConnections' | 'addEventListener'>
  readonly #turnstile: Turnstile
  constructor(changes: Partial<typeof defaultBounds>) {
    this.#node.getConnections = () => []
    this.#turnstile = new Turnstile({ ...defaultBounds, ...changes }, log, () => this.nowMs)
    this.#turnstile.watch(this.#node, (peer) => this.known.has(peer))
  }

  /** Somebody shakes hands, and perhaps says who it is. Undefined: it was not let in. */
  come(host: string, { peer = crypto.randomUUID() as string, speaks = false } = {}) {
    const connection = at(host)
    const { gater } = this.#turnstile
    if (gater.denyInboundConnection!(connection) !== false) return undefined
    if (gater.denyInboundUpgradedConnection!(peer as never, connection) !== false) return undefined
    const made = { timeline: connection.timeline, streams: [] } as unknown as Libp2pConnection
    this.#node.dispatchEvent(new CustomEvent('connection:open', { detail: made }))
    if (speaks) this.#node.dispatchEvent(new CustomEvent('peer:identify', { detail: { connection: made } }))
    return connection
  }

  /** A handshake that comes to nothing. */
  fail(host: string): boolean {
    const connection = at(host)
    if (this.#turnstile.gater.denyInboundConnection!(connection) !== false) return false
    connection.close()
    return true
  }
}

const small = { connectionsMax: 10, reservedConnections: 2, connectionsPerHostMax: 8, silentPerHostMax: 8 }

test('when a node is full, the oldest connection that has said nothing for a minute makes room', () => {
  const door = new Door(small)
  const [first, second, ...rest] = Array.from({ length: 8 }, (_, i) => {
    door.nowMs = i
    return door.come(`192.0.2.${i}`)
  })
  assert.equal(door.come('198.51.100.1'), undefined, 'eight strangers of eight hosts, all of them young')
  door.nowMs = defaultBounds.silentMs
  assert(door.come('198.51.100.1'))
  assert.deepEqual([first!.isOpen, second!.isOpen], [false, true])
  door.nowMs += 1
  assert(door.come('198.51.100.2', { speaks: true }))
  assert.equal(second!.isOpen, false)
  assert(rest.every((one) => one!.isOpen))
})

test('who has said something keeps its place before those who have not, however old it is', () => {
  const door = new Door(small)
  const speaker = door.come('192.0.2.1', { speaks: true })
  for (let i = 2; i <= 8; i += 1) door.come(`192.0.2.${i}`)
  for (let i = 0; i < 20; i += 1) {
    door.nowMs += defaultBounds.silentMs
    assert(door.come(`198.51.100.${i}`))
  }
  assert(speaker!.isOpen)
})

test('a flood from two hosts, silent or not, gives up its own places for a newcomer from a third', () => {
  for (const speaks of [false, true]) {
    const door = new Door(small)
    const flood = Array.from({ length: 20 }, (_, i) => door.come(`192.0.2.${i % 2}`, { speaks }))
    const newcomers = [1, 2, 3].map((i) => door.come(`198.51.100.${i}`, { speaks: true }))
    assert(newcomers.every((one) => one?.isOpen))
    for (let i = 0; i < 20; i += 1) flood.push(door.come(`192.0.2.${i % 2}`, { speaks }))
    assert(
      newcomers.every((one) => one!.isOpen),
      'the flood takes its own places only',
    )
    assert.equal(flood.filter((one) => one?.isOpen).length, 5)
  }
})

test('a host has its share of silence: one more connection that says nothing ends its own oldest', () => {
  const door = new Door({ ...small, silentPerHostMax: 3 })
  const silent = Array.from({ length: 5 }, (_, i) => {
    door.nowMs = i
    return door.come('192.0.2.1')
  })
  assert.deepEqual(
    silent.map((one) => one!.isOpen),
    [false, false, true, true, true],
  )
})

test('peers that the node knows have a reserve, displace strangers, and never make room', () => {
  const door = new Door(small)
  for (let i = 1; i <= 8; i += 1) door.come(`192.0.2.${i}`, { speaks: true })
  assert.equal(door.come('198.51.100.1', { speaks: true }), undefined)
  const members = Array.from({ length: 10 }, (_, i) => `member ${i}`)
  for (const peer of members) door.known.add(peer)
  const inside = members.map((peer, i) => door.come(`203.0.113.${i % 3}`, { peer }))
  assert(inside.every((one) => one?.isOpen))
  door.nowMs += 10 * defaultBounds.silentMs
  for (let i = 0; i < 20; i += 1) assert.equal(door.come(`198.51.100.${i}`), undefined)
  assert(inside.every((one) => one!.isOpen))
})

test('peers that make themselves known give up their own places, too, once their host has more than its share', () => {
  const door = new Door({ ...small, knownPerHostMax: 3 })
  const join = (host: string) => {
    const peer = crypto.randomUUID()
    door.known.add(peer)
    return door.come(host, { peer, speaks: true })
  }
  const flood = Array.from({ length: 20 }, (_, i) => join(`192.0.2.${i % 2}`))
  const newcomers = [1, 2].map((i) => door.come(`198.51.100.${i}`, { speaks: true }))
  assert(newcomers.every((one) => one?.isOpen))
  for (let i = 0; i < 20; i += 1) flood.push(join(`192.0.2.${i % 2}`))
  assert(
    newcomers.every((one) => one!.isOpen),
    'the flood takes its own places only',
  )
  assert.equal(flood.filter((one) => one?.isOpen).length, 6)
})

test('handshakes that come to nothing are a host’s to spare, and grow again', () => {
  const door = new Door({ failedHandshakesMax: 10, failedHandshakesPerSecond: 2 })
  const failed = (host: string, count: number) =>
    Array.from({ length: count }, () => door.fail(host)).filter(Boolean).length
  assert.equal(failed('192.0.2.1', 50), 10)
  assert.equal(failed('192.0.2.2', 1), 1)
  door.nowMs += 3_000
  assert.equal(failed('192.0.2.1', 50), 6)
})

test('a host is an IPv4 address, or an IPv6 network', () => {
  const hosts = [
    '/ip4/192.0.2.1/tcp/1',
    '/ip6/2001:db8::1/tcp/1',
    '/ip6/2001:db8:0:0:1:2:3:4/tcp/1',
    '/ip6/::1/tcp/1',
  ]
  assert.deepEqual(
    hosts.map((address) => hostOf(multiaddr(address))),
    ['192.0.2.1', '2001:db8:0:0', '2001:db8:0:0', '0:0:0:0'],
  )
})
