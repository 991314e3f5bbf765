/** The command line: one file a command in commands/, and their shared parts beside this file. */
import { Command } from 'commander'
import { clean } from '../base/printable.ts'
import { commands } from './commands/all.ts'
import { describeFailure } from './failure.ts'
import { note, tolerateClosedPipes } from './output.ts'
import { version } from './software.ts'
import { keepUserUmask } from './user-files.ts'

/**
 * Runs one command. A failure is reported in one line on stderr, and by the process's exit code. `userUmask`: of the shell,
 * where the process itself has a stricter one.
 */
export async function main(argv: string[], userUmask: number | null = null): Promise<void> {
  if (userUmask !== null) keepUserUmask(userUmask)
  tolerateClosedPipes()
  try {
    await createProgram().parseAsync(argv, { from: 'user' })
  } catch (error) {
    const { exitCode, lines } = describeFailure(error, isDebugging(argv))
    for (const line of lines) note(line)
    process.exitCode = exitCode
  }
}

/** Throws CommanderError where commander by itself would end the process. */
function createProgram(): Command {
  const program = new Command('carpool')
    .description('Pools the idle computers of parked vehicles into one machine for verified batch inference.')
    .version(version, '--version', 'print the version')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`carpool: ${clean(onOneLine(text))}\n`) })
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
