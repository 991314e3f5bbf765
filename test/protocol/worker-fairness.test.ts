/** Fairness of a vehicle among submitters, whatever these say that their leases cost. */
import assert from 'node:assert/strict'
import test from 'node:test'
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

test('what one submitter says of its work makes a vehicle no slower for another', () => {
  const paces = new Paces()
  const [honest, liar] = [peerNamed('honest'), peerNamed('liar')]
  for (let i = 0; i < 50; i += 1) paces.measure(honest, 2_000, 1_000)
  for (let i = 0; i < 50; i += 1) paces.measure(liar, 10_000, 1)
  assert.equal(Math.round(paces.of(honest)), 2)
  assert.equal(Math.round(paces.of(liar)), 100)
  assert.equal(Math.round(paces.of(peerNamed('new'))), 2)
})
