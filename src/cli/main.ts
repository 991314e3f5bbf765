/** The command line: one file a command in commands/, what they share beside this file. */
import { Command } from 'commander'
import { auditCommand } from './commands/audit.ts'
import { billCommand } from './commands/bill.ts'
import { configCommand } from './commands/config.ts'
import { earningsCommand } from './commands/earnings.ts'
import { fleetCommand } from './commands/fleet.ts'
import { jobCommands } from './commands/jobs.ts'
import { ledgerCommand } from './commands/ledger.ts'
import { metricsCommand } from './commands/metrics.ts'
import { nodeCommand } from './commands/node.ts'
import { ownerCommand } from './commands/owner.ts'
import { pauseCommands } from './commands/pause.ts'
import { peersCommand } from './commands/peers.ts'
import { quoteCommand } from './commands/quote.ts'
import { resultsCommand } from './commands/results.ts'
import { settleCommand } from './commands/settle.ts'
import { simCommand } from './commands/sim.ts'
import { statusCommand } from './commands/status.ts'
import { submitCommand } from './commands/submit.ts'
import { swarmCommand } from './commands/swarm.ts'
import { whyCommand } from './commands/why.ts'
import { describeFailure } from './failure.ts'
import { note, tolerateClosedPipes } from './output.ts'
import { version } from './software.ts'

/** Runs one command. A failure is reported in one line on stderr, and by the process's exit code. */
export async function main(argv: string[]): Promise<void> {
  tolerateClosedPipes()
  try {
    await createProgram().parseAsync(argv, { from: 'user' })
  } catch (error) {
    const { exitCode, text } = describeFailure(error, isDebugging(argv))
    if (text !== null) note(text)
    process.exitCode = exitCode
  }
}

/** Throws CommanderError where commander by itself would end the process. */
function createProgram(): Command {
  const program = new Command('carpool')
    .description('Pools the idle computers of parked vehicles into one machine for verified batch inference.')
    .version(version, '--version', 'print the version')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`carpool: ${onOneLine(text)}\n`) })
    .configureHelp({ sortSubcommands: false })
    .addHelpText(
      'after',
      `
Examples:
  $ carpool swarm                                        see it work on this machine
  $ carpool node --listen /ip4/0.0.0.0/tcp/4001          offer this machine to a mesh
  $ carpool submit scans/ --runtime ocr -o text.jsonl    read a folder of scans
  $ carpool help submit                                  what a command can do`,
    )
  const commands = [
    swarmCommand,
    nodeCommand,
    peersCommand,
    metricsCommand,
    whyCommand,
    pauseCommands,
    quoteCommand,
    submitCommand,
    statusCommand,
    resultsCommand,
    jobCommands,
    auditCommand,
    earningsCommand,
    billCommand,
    settleCommand,
    ledgerCommand,
    simCommand,
    ownerCommand,
    fleetCommand,
    configCommand,
  ]
  for (const add of commands) add(program)
  return program
}

/** commander puts its suggestion on a second line. */
function onOneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
}

/** Asked here once more, since the command line may be what is wrong. */
function isDebugging(argv: readonly string[]): boolean {
  const level = /(?:^|\0)--log-level[=\0](debug|trace)(?:\0|$)/.test(argv.join('\0'))
  return level || ['debug', 'trace'].includes(process.env.CARPOOL_LOG_LEVEL ?? '')
}
