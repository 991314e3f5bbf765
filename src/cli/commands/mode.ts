/** `carpool mode`: pausing a vehicle by hand, until its owner's rules do it. */
import { Argument, type Command } from 'commander'
import type { WorkerMode } from '../../protocol/worker/contract.ts'
import { addOptions, resolveConfig } from '../config.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { print, printJson } from '../output.ts'

export function modeCommand(program: Command): void {
  const command = program
    .command('mode')
    .addArgument(new Argument('<mode>').choices(['run', 'drain', 'stop']))
    .summary('pause the running node by hand, or let it work again')
    .description('run: takes work. drain: finishes what it has. stop: computes nothing from now on.')
    .action(async (mode: WorkerMode, flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      await withNode(dataDir, (node) => node.setMode(mode))
      if (json) printJson({ event: 'mode', mode })
      else print(inWords[mode])
    })
  addOptions(command, clientOptionNames)
}

const inWords: Readonly<Record<WorkerMode, string>> = {
  run: 'the vehicle takes work',
  drain: 'the vehicle finishes what it has and takes nothing new',
  stop: 'the vehicle computes nothing',
}
