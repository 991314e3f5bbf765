/** The bytes that a process sends and receives, as its nodes count them. */
import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { type TestContext, test } from 'node:test'
import { Traffic } from '../../src/host/network/traffic.ts'

/** A socket as Node tells of it. */
class Told extends EventEmitter {
  bytesRead = 0
  bytesWritten = 0
  readonly remoteAddress: string

  constructor(remoteAddress: string) {
    super()
    this.remoteAddress = remoteAddress
    channel('net.client.socket').publish({ socket: this })
  }
}

function start(t: TestContext): Traffic {
  const traffic = new Traffic()
  t.after(() => traffic.close())
  return traffic
}

test('each node counts what came and went since it began, open sockets and closed ones, and not what stayed here', (t) => {
  const first = start(t)
  const [away, here] = [new Told('203.0.113.7'), new Told('127.0.0.1')]
  away.bytesRead = 1_000
  here.bytesRead = 5_000
  const second = start(t)
  away.bytesWritten = 200
  assert.deepEqual([first.bytes, second.bytes], [1_200, 200])
  away.emit('close')
  assert.deepEqual([first.bytes, second.bytes], [1_200, 200])
  new Told('::ffff:198.51.100.1').bytesRead = 30
  assert.deepEqual([first.bytes, second.bytes], [1_230, 230])
})

test('many nodes in a process put one listener on a socket', (t) => {
  for (let i = 0; i < 20; i += 1) start(t)
  assert.equal(new Told('203.0.113.7').listenerCount('close'), 1)
})

test('a node that begins after all others have ended counts from there', (t) => {
  const before = new Traffic()
  const old = new Told('203.0.113.7')
  old.bytesRead = 100
  before.close()
  old.bytesRead = 900
  old.emit('close')
  const next = start(t)
  new Told('203.0.113.8').bytesRead = 7
  assert.equal(next.bytes, 7)
})
