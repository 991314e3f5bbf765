/** `carpool completion`: a script by which a shell completes Carpool's commands, flags and files. */
import { Argument, Command } from 'commander'
import { type Shell, scriptFor, shells } from '../completion/scripts.ts'
import { shapesOf } from '../completion/shape.ts'
import { print } from '../output.ts'

/** `addAll`: adds all commands to a program, since this one is loaded without the others. */
export function completionCommand(program: Command, addAll: (program: Command) => Promise<void>): void {
  program
    .command('completion')
    .summary('write a script that completes commands in a shell')
    .description(
      'Writes a script by which a shell completes commands, flags and files. It belongs to this version: write it again after an update.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action(async (shell: Shell) => {
      const whole = new Command('carpool').version('', '--version', 'print the version')
      await addAll(whole)
      for (const line of scriptFor(shell, shapesOf(whole)).trimEnd().split('\n')) print(line)
    })
    .addHelpText(
      'after',
      `
Examples:
  $ carpool completion bash > ~/.local/share/bash-completion/completions/carpool
  $ carpool completion zsh > ~/.zfunc/_carpool           with fpath=(~/.zfunc $fpath) before compinit
  $ carpool completion fish > ~/.config/fish/completions/carpool.fish`,
    )
}
