/**
 * A node, or a submission that is one, whose slots compute nothing: each document takes as many tenths of a second as its first character says, and
 * its text is the result. For tests of what happens to jobs and nodes while work takes its time; without a process for
 * each slot and without load, several such nodes fit on a core.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Command } from 'commander'
import { nodeCommand } from '../../src/cli/commands/node.ts'
import { submitCommand } from '../../src/cli/commands/submit.ts'
import { ScriptedExecutor } from './scripted-executor.ts'

async function inItsTime(text: string): Promise<string> {
  await delay((text.charCodeAt(0) - 48) * 100)
  return text
}

const createExecutor = () => new ScriptedExecutor(inItsTime)
const program = new Command()
nodeCommand(program, createExecutor)
submitCommand(program, createExecutor)
await program.parseAsync(process.argv)
