import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { usageOf } from '../../src/host/executor/usage.ts'
import { standsStill } from '../support/threads.ts'
import { childPids, sessionOf, silent, stateOf, until } from '../support/wasm/executor.ts'

const skip = process.platform === 'linux' ? false : 'reads /proc'
const executor = new ProcessExecutor({ log: silent })
after(() => executor.close())

const busyWork = Uint8Array.of(255)

test('a frozen slot computes nothing while another one works, and then finishes as if nothing had been', {
  skip,
}, async () => {
  const [frozen, working] = [executor.openSlot(), executor.openSlot()]
  await frozen.prepare(sessionOf('floats'))
  const [pid] = childPids()
  const undisturbed = await frozen.run(busyWork, 0)
  await working.prepare(sessionOf('floats', 'working'))

  const disturbed = frozen.run(busyWork, 0)
  await until(() => stateOf(pid!) === 'R')
  frozen.freeze()
  await until(() => standsStill(pid!))
  const before = usageOf(pid!)!.cpuMs
  for (let run = 0; run < 5; run++) assert.equal((await working.run(busyWork, 0)).error, null)
  assert.equal(usageOf(pid!)!.cpuMs, before)

  frozen.resume()
  assert.deepEqual((await disturbed).output, undisturbed.output)
  await Promise.all([frozen.kill(), working.kill()])
})

test('frozen time counts for no limit', { skip }, async () => {
  const [frozen, looping] = [executor.openSlot(), executor.openSlot()]
  await frozen.prepare(sessionOf('echo'))
  await looping.prepare(sessionOf('moody'))
  frozen.freeze()
  const waiting = frozen.run(Buffer.from('x'), 0, { wallMsMax: 200 })
  const over = await looping.run(Buffer.from('s'), 0, { wallMsMax: 600 })
  assert.equal(over.error?.code, 'time-limit', 'three times the limit of the frozen one has passed')
  frozen.resume()
  const { text, wallMs } = await waiting
  assert.equal(text, 'x')
  assert.ok(wallMs < over.wallMs)
  await Promise.all([frozen.kill(), looping.kill()])
})

test('a slot that is frozen before it has a child starts none until it is resumed', { skip }, async () => {
  const slot = executor.openSlot()
  slot.freeze()
  let asked = 0
  const session = sessionOf('echo')
  const weights = () => {
    asked += 1
    return session.weights()
  }
  const prepared = slot.prepare({ ...session, weights })
  const other = executor.openSlot()
  await other.prepare(sessionOf('no-op'))
  assert.equal(asked, 0)
  assert.equal(childPids().length, 1)
  slot.resume()
  await prepared
  assert.equal(asked, 1)
  await Promise.all([slot.kill(), other.kill()])
})

test('a frozen slot can be killed', { skip }, async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('echo'))
  slot.freeze()
  await slot.kill()
  assert.deepEqual(childPids(), [])
})
