/**
 * The scenarios of test/scenarios: text in, golden trace out. A scenario whose first command is `worker` plays
 * a worker, one that begins with `council` the stewards of one job together, with `rules` an owner's, any other a steward. After a change that is
 * meant:
 *
 *   CARPOOL_REWRITE=1 node test/protocol/scenarios.test.ts
 *
 * writes the traces anew; read the difference before you keep it.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { CouncilStage } from '../support/core-council-stage.ts'
import { RulesStage } from '../support/core-rules-stage.ts'
import { parseCommand, parseScript, printScript } from '../support/core-script.ts'
import { StewardStage } from '../support/core-steward-stage.ts'
import { WorkerStage } from '../support/core-worker-stage.ts'

const folder = new URL('../scenarios/', import.meta.url)
const rewrite = process.env.CARPOOL_REWRITE === '1'

for (const file of readdirSync(folder).sort()) {
  if (!file.endsWith('.txt')) continue
  test(`the scenario ${file} gives its golden trace`, () => {
    const blocks = parseScript(readFileSync(new URL(file, folder), 'utf8'))
    const first = blocks[0]!
    assert(first.comments[0]?.startsWith('#'), 'a scenario opens with what it proves')
    const stage = stageFor(parseCommand(first.command).verb)
    const traces = blocks.map(({ command }, i) => {
      try {
        return stage.run(parseCommand(command)).join('\n') || 'nothing'
      } catch (cause) {
        throw new Error(`'${command}' (command ${i + 1} of ${file}) cannot be carried out`, { cause })
      }
    })
    if (rewrite) writeFileSync(new URL(file, folder), printScript(blocks, traces))
    else
      for (const [i, { command, expected }] of blocks.entries())
        assert.equal(traces[i], expected, `after '${command}' (command ${i + 1} of ${file})`)
  })
}

function stageFor(verb: string): WorkerStage | CouncilStage | RulesStage | StewardStage {
  if (verb === 'rules') return new RulesStage()
  if (verb === 'worker') return new WorkerStage()
  return verb === 'council' ? new CouncilStage() : new StewardStage()
}
