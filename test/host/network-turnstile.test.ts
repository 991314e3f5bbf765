/** Who is let in while one host wants all the room there is. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { defaultBounds } from '../../src/host/network/bounds.ts'
import { hostOf, Turnstile } from '../../src/host/network/turnstile.ts'

const bounds = { ...defaultBounds, connectionsPerHostMax: 5, pendingPerHostMax: 2 }

class Connection extends EventTarget {
  readonly remoteAddr
  constructor(host: string) {
    super()
    this.remoteAddr = multiaddr(`/ip4/${host}/tcp/1`)
  }
  close(): void {
    this.dispatchEvent(new Event('close'))
  }
}

function at(host: string): Connection & MultiaddrConnection {
  return new Connection(host) as Connection & MultiaddrConnection
}

test('a host that shakes no hands, or has many connections, gets no more, and others do', () => {
  const { gater } = new Turnstile(bounds)
  const isLetIn = (connection: MultiaddrConnection) => gater.denyInboundConnection!(connection) === false
  const shake = (connection: MultiaddrConnection) =>
    gater.denyInboundUpgradedConnection!(undefined as never, connection)
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
