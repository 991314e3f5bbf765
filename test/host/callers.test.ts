/** Stewards that have work call vehicles which they cannot dial, and these come. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../src/host/clock.ts'
import { Callers, callersMax, redrawMs } from '../../src/host/membership/callers.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import type { Capacity } from '../../src/protocol/membership/advert.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { JobsStage, vehicleOf } from '../support/jobs-stage.ts'
import { connected, startNetwork } from '../support/network.ts'

const timeout = 400_000

/** A vehicle behind a router, and its mesh. */
class Stage {
  sought: readonly PeerId[] = []
  own: Capacity = { ...vehicleOf(peerNamed('car')), reach: 'outbound' }
  mesh: readonly Capacity[] = []
  readonly callers: Callers
  #nowMs = 0
  #waiting: (() => void)[] = []

  constructor() {
    const clock: Clock = {
      now: () => this.#nowMs,
      monotonicMs: () => this.#nowMs,
      after: (_delayMs, action) => {
        this.#waiting.push(action)
        return () => {}
      },
    }
    this.callers = new Callers({
      self: this.own.peer,
      everybody: () => [this.own, ...this.mesh],
      seek: (peers) => {
        this.sought = peers
      },
      clock,
    })
  }

  pass(ms: number): void {
    this.#nowMs += ms
    this.callers.look()
    for (const action of this.#waiting.splice(0)) action()
  }
}

function steward(name: string, more: Partial<Capacity> = {}): Capacity {
  return { ...vehicleOf(peerNamed(name), 0), reach: 'direct', calls: ['engine'], ...more }
}

test('a vehicle behind a router connects to the stewards that call for its engine, and to no others', () => {
  const stage = new Stage()
  stage.mesh = [
    steward('hub'),
    steward('quiet', { calls: undefined }),
    steward('other', { calls: ['another-engine'] }),
    steward('hidden', { reach: 'outbound' }),
  ]
  stage.pass(0)
  assert.deepEqual(stage.sought, [peerNamed('hub')])
  stage.mesh = [steward('hub', { calls: undefined })]
  stage.pass(0)
  assert.deepEqual(stage.sought, [], 'it has ceased to call')
})

for (const [what, change] of [
  ['that others can dial', { reach: 'direct' }],
  ['that may not work', { mode: 'stop' }],
  ['without slots', { slots: { total: 0, free: 0 } }],
] as const)
  test(`a vehicle ${what} stays where it is`, () => {
    const stage = new Stage()
    stage.own = { ...stage.own, ...change }
    stage.mesh = [steward('hub')]
    stage.pass(0)
    assert.deepEqual(stage.sought, [])
  })

test('many that call for nothing keep nobody out: others are drawn after a while', () => {
  const stage = new Stage()
  stage.mesh = Array.from({ length: 4 * callersMax }, (_, i) => steward(`s${i}`))
  const met = new Set<PeerId>()
  for (let draws = 0; met.size < stage.mesh.length; draws += 1) {
    assert(draws < 1_000, `only ${met.size} of them were met`)
    stage.pass(redrawMs)
    assert.equal(stage.sought.length, callersMax)
    for (const peer of stage.sought) met.add(peer)
  }
})

test('a steward calls for the engine of its job from when it acts until the job has ended', async (t) => {
  const stage = new JobsStage()
  t.after(() => stage.close())
  const { job } = await stage.plant('job', 1)
  await stage.jobs.status(job)
  assert.deepEqual(stage.calls, [['engine']])
  await stage.jobs.cancel(job)
  assert.deepEqual(stage.calls, [['engine'], []])
})

test('a peer that is sought is connected though the node has neighbours enough, and again when it was lost', {
  timeout,
}, async (t) => {
  const bounds = { fullMeshPeersMax: 0, degreeMin: 0, redialMinMs: 1, yieldDialMs: 0 }
  const [node, hub] = [await startNetwork(t, { bounds }), await startNetwork(t)]
  node.learn(hub.peer, hub.addresses())
  assert.deepEqual(node.connectedPeers(), [])
  node.seek([hub.peer])
  await Promise.all([connected(node, hub.peer), connected(hub, node.peer)])
  const again = new Promise<void>((resolve) => {
    node.onPeer(({ type, peer }) => {
      if (type === 'disconnected' && peer === hub.peer) resolve(connected(node, hub.peer) as Promise<never>)
    })
  })
  await hub.disconnect(node.peer)
  await again
})
