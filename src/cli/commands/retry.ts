/** `carpool retry`: makes a new job of the documents of another one that came to nothing. */
import type { Command } from 'commander'
import { connectLocal } from '../../host/local/client.ts'
import { addOptions } from '../config/config.ts'
import { nodeOptionNames, resolveNodeConfig } from '../config/node-config.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { stdoutPath } from '../output.ts'
import { addOutputOptions, outputOf } from '../output-choice.ts'
import { checkOutput } from '../results-output.ts'
import { type Order, submitToOwnNode, submitToRunningNode } from '../submission.ts'

export function retryCommand(program: Command): void {
  const command = program
    .command('retry')
    .argument('<job>', 'a job that has ended, or the beginning of its id')
    .summary('make a new job of the documents of a job that failed')
    .description(
      'Makes a new job of the documents of a job that has ended and that have no output: they ended in an error, or their shard failed or was open at its end. Options, owners that must agree and prices are the same, and the documents are those on this node: their files are not read again.',
    )
    .option('--failed', 'the documents that ended in an error or without a result')
    .option('--wait', 'follow the job until it has ended')
    .action(async (job: string, flags: Record<string, unknown>) => {
      if (flags.failed !== true)
        throw new CommandFailure('say which documents to do again: add --failed', usageExitCode)
      const config = resolveNodeConfig(flags)
      const output = outputOf(flags)
      if (output !== undefined) checkOutput(output)
      const order: Order = {
        // Whether it waits for owners is as in the other job, which the node knows.
        shortage: 'wait',
        submit: (node, onProgress) => node.retry({ job }, onProgress),
      }
      const wish = { wait: flags.wait === true, detach: false, output }
      const running = await connectLocal(config.dataDir)
      if (running === undefined) {
        await submitToOwnNode(config, order, { ...wish, output: output ?? stdoutPath })
        return
      }
      try {
        await submitToRunningNode(running, config, order, wish)
      } finally {
        running.close()
      }
    })
  addOutputOptions(command, "wait, then write the results there; '-' is stdout")
  addOptions(command, nodeOptionNames)
}
