/** Fairness of a vehicle among submitters, whatever these say that their leases cost. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { FairQueue } from '../../src/protocol/worker/fair-queue.ts'
import { Paces } from '../../src/protocol/worker/paces.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { parseCommand } from '../support/core-script.ts'
import { WorkerStage } from '../support/core-worker-stage.ts'

for (const slots of [1, 4])
  for (const costMs of [0, 1, 1_000_000])
    test(`who says that its leases cost ${costMs} ms has no more of ${slots} slots than who says what they take`, () => {
      const stage = new WorkerStage()
      const tell = (line: string) => stage.run(parseCommand(line))
      tell(`worker slots=${slots}`)
      const costs = { honest: 2_000, other: costMs }
      const runs = { honest: 0, other: 0 }
      const running: { readonly name: string; readonly by: keyof typeof costs }[] = []
      const names = new Map<string, keyof typeof costs>()
      const offer = (by: keyof typeof costs) => {
        const name = `${by}-${names.size}`
        names.set(name, by)
        const lines = tell(`offer ${name} job=${by} submitter=${by} cost=${costs[by]} shards=1`)
        return [...lines, ...tell(`prepared ${name}`)]
      }
      const hear = (lines: readonly string[]) => {
        for (const line of lines) {
          const name = /^run (\S+) in slot/.exec(line)?.[1]
          if (name !== undefined) running.push({ name, by: names.get(name)! })
        }
      }
      for (const by of ['honest', 'other'] as const) for (let i = 0; i < 2 * slots; i += 1) hear(offer(by))
      for (let i = 0; i < 200; i += 1) {
        const { name, by } = running.shift()!
        hear(tell(`wake ${slots === 1 ? '2s' : '1s'}`))
        tell(`done ${name} 0 result-${i}`)
        hear(tell(`run-ended ${name}`))
        runs[by] += 1
        hear(offer(by))
      }
      assert(runs.other - runs.honest <= 4 * slots, `${runs.honest} : ${runs.other}`)
    })

test('who brings one long lease at a time has no more of a slot than who always waits', () => {
  const stage = new WorkerStage()
  const tell = (line: string) => stage.run(parseCommand(line))
  tell('worker slots=1')
  const hadSeconds = { long: 0, short: 0 }
  let [now, last] = ['', 0]
  const hear = (lines: readonly string[]) => {
    for (const line of lines) now = /^run (\S+) in slot/.exec(line)?.[1] ?? now
  }
  const offer = (by: keyof typeof hadSeconds) => {
    last += 1
    hear(tell(`offer ${by}-${last} job=${by} submitter=${by} cost=1000 shards=1`))
    hear(tell(`prepared ${by}-${last}`))
  }
  for (const by of ['short', 'short', 'long'] as const) offer(by)
  for (let i = 0; i < 400; i += 1) {
    const by = now.split('-')[0] as keyof typeof hadSeconds
    const seconds = by === 'long' ? 60 : 1
    hadSeconds[by] += seconds
    tell(`wake ${seconds}s`)
    tell(`done ${now} 0 result-${i}`)
    hear(tell(`run-ended ${now}`))
    offer(by)
  }
  assert(hadSeconds.long - hadSeconds.short <= 60, JSON.stringify(hadSeconds))
})

test('who comes to a vehicle is not behind one that says its lease under way costs a year', () => {
  const stage = new WorkerStage()
  const tell = (line: string) => stage.run(parseCommand(line))
  tell('worker slots=1')
  for (const name of ['a1', 'a2', 'a3'])
    tell(`offer ${name} job=a submitter=boaster cost=${365 * 86_400_000} shards=1`)
  tell('prepared a1 a2 a3')
  tell('offer b1 job=b submitter=honest cost=1000 shards=1')
  tell('prepared b1')
  tell('wake 1s')
  tell('done a1 0 result')
  assert.deepEqual(
    tell('run-ended a1').filter((line) => line.startsWith('run ')),
    ['run b1 in slot 0'],
  )
})

test('who comes new starts level with those who wait, and makes up for no time before', () => {
  const queue = new FairQueue()
  const [old, fresh] = [peerNamed('old'), peerNamed('fresh')]
  queue.join(old, new Set())
  queue.serve(old, 0, 60_000)
  queue.join(fresh, new Set([old]))
  const got = { [old]: 0, [fresh]: 0 }
  for (let i = 0; i < 10; i += 1) {
    const next = queue.next([old, fresh], (peer) => peer)!
    got[next]! += 1
    queue.serve(next, 0, 1_000)
  }
  assert.deepEqual(got, { [old]: 5, [fresh]: 5 })
})

test('what one submitter says of its work makes a vehicle no slower for another', () => {
  const paces = new Paces()
  const [honest, liar] = [peerNamed('honest'), peerNamed('liar')]
  for (let i = 0; i < 50; i += 1) paces.measure(honest, 2_000, 1_000)
  for (let i = 0; i < 50; i += 1) paces.measure(liar, 10_000, 1)
  assert.equal(Math.round(paces.of(honest)), 2)
  assert.equal(Math.round(paces.of(liar)), 100)
  assert.equal(Math.round(paces.of(peerNamed('new'))), 2)
})
