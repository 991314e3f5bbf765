/** `carpool results`: prints the verified results, in the order of the submission. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { addOptions } from '../config/config.ts'
import { jobOptionNames, withAnyNode } from '../local-node.ts'
import { checkOutput, refuseErrors, stdoutPath, writeResults } from '../results-output.ts'

export function resultsCommand(program: Command): void {
  const command = program
    .command('results')
    .argument('<job>', 'a job, or the beginning of its id')
    .summary("write a job's verified results")
    .description(
      "Writes a job's verified results as JSON lines, in the order of the submission. When some are missing, stderr names each of them and the exit code is 3. When all are there and some documents ended in an error, stderr counts the errors and the exit code is 4.",
    )
    .option('-o, --output <file>', "file for the results; '-' is stdout", stdoutPath)
    .action(async (job: string, flags: Record<string, unknown> & { output: string }) => {
      const output = outputPath(flags.output)
      await checkOutput(output)
      refuseErrors(await withAnyNode(flags, (node) => writeResults(node, job, output)))
    })
  addOptions(command, jobOptionNames)
}

export function outputPath(text: string): string {
  return text === stdoutPath ? text : resolve(text)
}
