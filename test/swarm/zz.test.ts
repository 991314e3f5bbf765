import test from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { cars, startSwarm, testTimeout, untilAtWork, wasmJob, writeSlowDocuments } from '../support/swarm.ts'
test('x', testTimeout, async (t) => {
  const swarm = await startSwarm(t, { vehicles: cars(2), logLevel: 'debug' })
  const { submitter } = swarm
  const { job } = await submitter.node.submit(await wasmJob(t, 'slow', writeSlowDocuments(t, 6, 5)))
  const start = Date.now()
  void (async () => { for await (const s of submitter.node.watch(job, t.signal)) console.log('WATCH', Date.now() - start, s.executions, JSON.stringify(s.shards)) })()
  await untilAtWork(swarm.vehicle('car-1'))
  await swarm.vehicle('car-1').node.setMode('stop')
  for (let i = 0; i < 16; i++) {
    const s = await submitter.node.status(job)
    const vs = []
    for (const v of swarm.vehicles()) vs.push(await v.node.info().then((x) => x.vehicle))
    console.log(Date.now() - start, s.state, JSON.stringify(s.shards), s.executions, JSON.stringify(vs))
    if (s.state !== 'running') break
    await delay(1000)
  }
  for (const member of swarm.members()) console.log(member.name, member.log().slice(-6000))
})
