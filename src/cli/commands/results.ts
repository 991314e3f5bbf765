/** `carpool results`: prints the verified results, in the order of the submission. */
import type { Command } from 'commander'
import { addOptions } from '../config/config.ts'
import { jobOptionNames, withAnyNode } from '../local-node.ts'
import { stdoutPath } from '../output.ts'
import { addOutputOptions, type OutputFlags, outputOf } from '../output-choice.ts'
import { checkOutput, refuseErrors, writeResults } from '../results-output.ts'

export function resultsCommand(program: Command): void {
  const command = addOutputOptions(
    program
      .command('results')
      .argument('<job>', 'a job, or the beginning of its id')
      .summary("write a job's verified results")
      .description(
        "Writes a job's verified results as JSON lines, or in another format, in the order of the submission. When some are missing, stderr names each of them and the exit code is 3. When all are there and some documents ended in an error, stderr counts the errors and the exit code is 4. A PDF takes the pictures of the pages from the job's documents: ask on the machine that it was submitted from.",
      ),
    "file for the results; '-' is stdout (default: stdout)",
  ).action(async (job: string, flags: Record<string, unknown> & OutputFlags) => {
    const output = outputOf(flags) ?? stdoutPath
    await checkOutput(output)
    refuseErrors(await withAnyNode(flags, (node) => writeResults(node, job, output)))
  })
  addOptions(command, jobOptionNames)
}
