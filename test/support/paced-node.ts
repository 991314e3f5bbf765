/**
 * A node, or a submission that is one, whose slots compute nothing: each document takes as many tenths of a second as its first character says, and
 * its text is the result. Of documents that begin with `hold` and a path, a node does one at once, and the others when there is a file at
 * that path: then it is in the middle of its work for as long as a test wants. For tests of what happens to jobs and nodes while work takes its time; without a process for
 * each slot and without load, several such nodes fit on a core.
 */
import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Command } from 'commander'
import { nodeCommand } from '../../src/cli/commands/node.ts'
import { submitCommand } from '../../src/cli/commands/submit.ts'
import { ScriptedExecutor } from './scripted-executor.ts'

const begun = new Set<string>()

async function inItsTime(text: string): Promise<string> {
  const [, gate] = /^hold (\S+)/.exec(text) ?? []
  if (gate === undefined) await delay((text.charCodeAt(0) - 48) * 100)
  else if (begun.has(gate)) while (!existsSync(gate)) await delay(20)
  else begun.add(gate)
  return text
}

const createExecutor = () => new ScriptedExecutor(inItsTime)
const program = new Command()
nodeCommand(program, createExecutor)
submitCommand(program, createExecutor)
await program.parseAsync(process.argv)
