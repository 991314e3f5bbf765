/** `carpool results`: prints the verified results, in the order of the submission. */
import type { Command } from 'commander'
import type { ResultsEnd } from '../../host/api.ts'
import type { RemoteApi } from '../../host/local/client.ts'
import { addOptions } from '../config/config.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { followResults } from '../followed-results.ts'
import { describeEnd } from '../job-view.ts'
import { jobOptionNames, withAnyNode } from '../local-node.ts'
import { stdoutPath } from '../output.ts'
import {
  addOutputOptions,
  isLines,
  type Output,
  type OutputFlags,
  outputOf,
  overwrites,
  placeOf,
} from '../output-choice.ts'
import { checkOutput, refuseErrors, refuseMissing, writeResults } from '../results-output.ts'

/** Throws CommandFailure, as for results at the end of a job. */
async function followToEnd(node: RemoteApi, job: string, output: Output): Promise<ResultsEnd> {
  const end = await followResults(node, job, placeOf(output), overwrites(output))
  refuseMissing(job, end)
  const status = await node.status(job)
  if (status.state !== 'complete') throw new CommandFailure(describeEnd(status))
  return end
}

export function resultsCommand(program: Command): void {
  const command = addOutputOptions(
    program
      .command('results')
      .argument('<job>', 'a job, or the beginning of its id')
      .summary("write a job's verified results")
      .description(
        "Writes a job's verified results as JSON lines, or in another format, in the order of the submission. When some are missing, or cannot be shown in the format, stderr names them and the exit code is 3. When all are there and some documents ended in an error, stderr counts the errors and the exit code is 4. A PDF takes the pictures of the pages from the job's documents: ask on the machine that it was submitted from.",
      ),
    "file for the results; '-' is stdout (default: stdout)",
  )
    .option(
      '--follow',
      'write results as they are verified, until the job has ended; with -o, go on where an earlier call has stopped',
    )
    .action(async (job: string, flags: Record<string, unknown> & OutputFlags) => {
      const output = outputOf(flags) ?? stdoutPath
      if (flags.follow === true && !isLines(output))
        throw new CommandFailure(
          '--follow writes lines of JSON as they come: leave out --format text and --output-dir',
          usageExitCode,
        )
      checkOutput(output, flags.follow === true)
      const end = await withAnyNode(flags, (node) =>
        flags.follow === true ? followToEnd(node, job, output) : writeResults(node, job, output),
      )
      refuseErrors(end)
    })
  addOptions(command, jobOptionNames)
}
