import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { openNetwork } from '../../src/host/signals/network.ts'
import { openNetworkManager } from '../../src/host/signals/network-manager.ts'
import { openProviders } from '../../src/host/signals/open.ts'
import type { SignalPath } from '../../src/protocol/rules/signals.ts'
import { Bus, NetworkManager } from '../support/network-manager.ts'
import { eventually, type Listener, listen, recordedLog } from '../support/signals.ts'

const metered = 'Carpool.Network.IsMetered' satisfies SignalPath

test('what NetworkManager knows or guesses is a reading; when it does not know, there is none', async (t) => {
  const bus = await Bus.start(t)
  const manager = await NetworkManager.start(t, bus.address, 0)
  const { listener, log } = listening(t, bus.address)
  await eventually(() => manager.asked > 0, 'it is asked')
  assert.deepEqual(listener.known, {})
  for (const [value, isMetered] of [
    [1, true],
    [2, false],
    [3, true],
    [4, false],
  ] as const) {
    const began = Date.now()
    manager.set(value)
    await listener.until((known) => known[metered]?.value === isMetered && known[metered].atMs >= began)
  }
  manager.set(0)
  await listener.until((known) => known[metered]?.value === null)
  assert.deepEqual(log, [])
})

test('a network that stays as it is gets fresh readings all the same', async (t) => {
  const bus = await Bus.start(t)
  await NetworkManager.start(t, bus.address, 4)
  const { listener } = listening(t, bus.address)
  await listener.until((known) => metered in known)
  const { atMs } = listener.known[metered]!
  await listener.until((known) => known[metered]!.atMs > atMs)
})

test('without a bus, without NetworkManager, and with one that talks nonsense, nothing is known, and the log says why', async (t) => {
  const none = listening(t, 'unix:path=/nowhere/bus')
  const bus = await Bus.start(t)
  const empty = listening(t, bus.address)
  for (const { log } of [none, empty]) {
    await eventually(() => log.length > 0, 'a line')
    assert.match(
      log[0]!,
      /^no readings, will keep trying: NetworkManager cannot be asked whether the network is metered \(the option network can say it\): /,
    )
  }
  const other = await Bus.start(t)
  await NetworkManager.start(t, other.address, 'yes', 's')
  const nonsense = listening(t, other.address)
  await eventually(() => nonsense.log.length > 0, 'a line')
  assert.match(nonsense.log[0]!, /: its answer is none that is known$/)
  assert.deepEqual(
    [none, empty, nonsense].flatMap(({ listener }) => listener.states),
    [],
  )
})

test('a NetworkManager that starts later is found', async (t) => {
  const bus = await Bus.start(t)
  const { listener, log } = listening(t, bus.address)
  await eventually(() => log.length > 0, 'a line')
  await NetworkManager.start(t, bus.address, 1)
  await listener.until((known) => known[metered]?.value === true)
})

test("the owner's word needs no bus, and holds", async (t) => {
  const { log, lines } = recordedLog()
  for (const [kind, isMetered] of [
    ['metered', true],
    ['unmetered', false],
  ] as const) {
    const listener = listen(t, openNetwork(kind, log))
    await listener.until((known) => known[metered]?.value === isMetered)
    const { atMs } = listener.known[metered]!
    await listener.until((known) => known[metered]!.atMs > atMs)
  }
  assert.deepEqual(lines, [])
})

test('all that is known of a vehicle and its network comes as one', async (t) => {
  const { log } = recordedLog()
  const line = JSON.stringify({ 'Vehicle.Speed': 0 })
  const provider = openProviders([`command:echo '${line}'; sleep 1000`], 'unmetered', log)
  assert.equal(provider.name, `command:echo '${line}'; sleep 1000, network:unmetered`)
  const listener = listen(t, provider)
  await listener.until((known) => 'Vehicle.Speed' in known && metered in known)
})

function listening(
  t: TestContext,
  address: string,
): { readonly listener: Listener; readonly log: readonly string[] } {
  const { log, lines } = recordedLog()
  return { listener: listen(t, openNetworkManager('network:auto', address, log)), log: lines }
}
