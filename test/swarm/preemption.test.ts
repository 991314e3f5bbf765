/** A vehicle whose signals say that it drives, in the middle of a job. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import type { Member } from '../../src/cli/swarm/member.ts'
import { statOf } from '../../src/host/executor/usage.ts'
import {
  cars,
  slowTexts,
  startSwarm,
  temporaryFolder,
  testTimeout,
  textsOf,
  until,
  untilEnded,
  untilStatus,
  wasmJob,
  writeSlowDocuments,
} from '../support/swarm.ts'
import { standsStill } from '../support/threads.ts'
import { driving, parked, VehicleBus } from '../support/vehicle-bus.ts'
import { childPids } from '../support/wasm/executor.ts'

test(
  'a vehicle that drives off computes nothing from then on, keeps what it finished, and works again when it is parked',
  testTimeout,
  async (t) => {
    const bus = new VehicleBus(temporaryFolder(t))
    t.after(() => bus.close())
    bus.say(parked)
    const environment = {
      CARPOOL_SIGNALS: bus.source,
      CARPOOL_NETWORK: 'unmetered',
      CARPOOL_SETTLE_MS: '1s',
    }
    const [first, ...others] = cars(3)
    const swarm = await startSwarm(t, { vehicles: [{ ...first!, environment }, ...others] })
    const { submitter } = swarm
    const car = swarm.vehicle(first!.name)
    const { job } = await submitter.node.submit(await wasmJob(t, 'slow', writeSlowDocuments(t, 10, 5)))
    await until('it has finished something, and is at the next', async () => {
      const { vehicle } = await car.node.info()
      return vehicle.shardsDone > 0 && vehicle.leases > 0 && slotPids(car).length > 0
    })

    const pids = slotPids(car)
    bus.say(driving)
    await until('its slots stand still', () => pids.every(standsStill))
    const standing = pids.map((pid) => statOf(pid))
    const standStill = () => {
      for (const [i, pid] of pids.entries()) {
        const [then, now] = [standing[i], statOf(pid)]
        // One that is killed meanwhile works once more, to give its memory back.
        const isStopped = now?.state === 'T' && now.startedTicks === then?.startedTicks
        if (isStopped) assert.equal(now.cpuMs, then.cpuMs)
      }
    }
    await until('its node knows', async () => {
      standStill()
      return (await car.node.info()).vehicle.mode === 'stop'
    })
    await until('its slots are gone', () => {
      standStill()
      return slotPids(car).length === 0
    })
    await until('its leases are handed back', async () => {
      const { leases, slots } = (await car.node.info()).vehicle
      return leases === 0 && slots.free === 0
    })
    const { vehicle } = await car.node.info()
    await until('the others know why', async () => {
      const row = (await submitter.node.peers()).find(({ peer }) => peer === car.peer)
      return row?.mode === 'stop' && row.reasons.includes('driving')
    })

    // The other two owners are enough for what is left.
    const status = await untilEnded(submitter, job)
    assert.equal(status.state, 'complete')
    assert.deepEqual(slotPids(car), [], 'nothing runs there while it drives')
    assert.equal((await car.node.info()).vehicle.shardsDone, vehicle.shardsDone)
    const claims = status.vehicles.find(({ peer }) => peer === car.peer)
    assert.deepEqual([claims?.claims, claims?.agreed], [vehicle.shardsDone, vehicle.shardsDone])
    assert.deepEqual(await textsOf(submitter, job), slowTexts(10, 5))

    bus.say(parked)
    await swarm.untilKnown(3)
    const next = await submitter.node.submit(await wasmJob(t, 'slow', writeSlowDocuments(t, 6, 1)))
    await untilStatus(submitter, next.job, 'it works again', ({ vehicles }) =>
      vehicles.some(({ peer, claims }) => peer === car.peer && claims > 0),
    )
  },
)

/** The node's children that execute work; its supervisor is another. */
function slotPids({ pid }: Member): number[] {
  return childPids(pid).filter((child) => {
    try {
      const command = readFileSync(`/proc/${child}/cmdline`, 'utf8')
      return /runtimes\/main\.m[jt]s/.test(command) && !command.includes('--describe')
    } catch {
      return false
    }
  })
}
