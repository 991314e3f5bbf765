/** `carpool id`: the peer id of the node on a data directory, before it has ever run: certificates and credentials need it. */
import { join } from 'node:path'
import type { Command } from 'commander'
import { addOptions, resolveConfig } from '../config/config.ts'
import { print, printJson } from '../output.ts'
import { makeKey } from './owner.ts'

const optionNames = ['dataDir', 'json', 'logLevel'] as const

export function idCommand(program: Command): void {
  const id = program
    .command('id')
    .summary('print the peer id of the node, and make its key if there is none')
    .description(
      "Prints the peer id of the node on this data directory, and makes its key if there is none. So an owner's certificate and a " +
        "fleet's credential can be made before the node starts. A node may be running.",
    )
    .action((flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(optionNames, flags)
      const key = join(dataDir, 'node.key')
      const { peerId } = makeKey(key, 'node')
      if (json) printJson({ event: 'id', peer: peerId, key })
      else print(peerId)
    })
  addOptions(id, optionNames)
}
