/** The command line: one file a command in commands/, and their shared parts beside this file. */
import { Command, type Option } from 'commander'
import { clean } from '../base/printable.ts'
import { version } from '../host/software.ts'
import { addCommands } from './commands/all.ts'
import { describeFailure } from './failure.ts'
import { note, tolerateClosedPipes } from './output.ts'
import { endWithParents } from './parents.ts'
import { keepUserUmask } from './user-files.ts'

/**
 * Runs one command. A failure is reported in one line on stderr, and by the process's exit code. `userUmask`: of the shell,
 * where the process itself has a stricter one.
 */
export async function main(argv: string[], userUmask: number | null = null): Promise<void> {
  if (userUmask !== null) keepUserUmask(userUmask)
  endWithParents()
  tolerateClosedPipes()
  try {
    const asked = helpAsFlag(argv)
    await (await createProgram(asked)).parseAsync(asked, { from: 'user' })
  } catch (error) {
    const { exitCode, lines } = describeFailure(error, isDebugging(argv))
    for (const line of lines) note(line)
    process.exitCode = exitCode
  }
}

/** With the command that `argv` begins with, or with all. It throws CommanderError where commander would end the process. */
export async function createProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command('carpool')
    .description('Pools the idle computers of parked vehicles into one machine for verified batch inference.')
    .version(version, '--version', 'print the version')
    .exitOverride()
    // A group such as settle has options of its own: what stands behind one of its commands is that command's.
    .enablePositionalOptions()
    .configureOutput({
      outputError: (text, write) => write(`carpool: ${clean(onOneLine(text))}${orderHint(argv, text)}\n`),
    })
    .configureHelp({ sortSubcommands: false })
    .addHelpText(
      'after',
      `
Examples:
  $ carpool swarm                                        see it work on this machine
  $ carpool node --listen /ip4/0.0.0.0/tcp/4001          offer this machine to a mesh
  $ carpool submit scans/ --runtime ocr -o text.jsonl    read a folder of scans
  $ carpool help submit                                  what a command can do

Exit codes: 0 all of it worked, 1 it did not, 2 it was asked wrongly, 3 results are missing, 4 documents ended in an error`,
    )
  await addCommands(program, argv[0])
  askLateForRequired(program)
  return program
}

/** commander's `help` knows commands, and not the commands of a group: `help fleet init` is `fleet init --help`. */
function helpAsFlag(argv: string[]): string[] {
  const [first, ...names] = argv
  const isOfGroup = first === 'help' && names.length > 1 && names.every((name) => /^[a-z]/.test(name))
  return isOfGroup ? [...names, '--help'] : argv
}

/** commander puts its suggestion on a second line. */
function onOneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
}

/** commander complains of an option that is missing before one that is misspelt, and hides the misspelling thereby. */
function askLateForRequired(program: Command): void {
  const required = new Set<Option>()
  const walk = (command: Command) => {
    for (const option of command.options) {
      if (!option.mandatory) continue
      required.add(option)
      option.mandatory = false
    }
    command.commands.forEach(walk)
  }
  walk(program)
  program.hook('preAction', (_, command) => {
    for (const option of command.options)
      if (required.has(option) && command.getOptionValue(option.attributeName()) === undefined)
        command.error(`error: required option '${option.flags}' not specified`)
  })
}

function orderHint([first = '']: readonly string[], text: string): string {
  const isFlagFirst = first.startsWith('-') && /unknown option/.test(text)
  return isFlagFirst ? '; options come after the command, as in: carpool peers --json' : ''
}

/** Asked here once more, since the command line may be what is wrong. */
function isDebugging(argv: readonly string[]): boolean {
  const level = /(?:^|\0)--log-level[=\0](debug|trace)(?:\0|$)/.test(argv.join('\0'))
  return level || ['debug', 'trace'].includes(process.env.CARPOOL_LOG_LEVEL ?? '')
}
