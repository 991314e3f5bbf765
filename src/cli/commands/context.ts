/** `carpool context`: names for the meshes that commands about jobs reach without a node of their own. */
import type { Command } from 'commander'
import { addOptions, resolveConfig } from '../config/config.ts'
import { isBootstrapAddress, peerAddressExample } from '../config/options.ts'
import { type Contexts, contextNamePattern, readContexts, writeContexts } from '../contexts.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { print, printJson } from '../output.ts'
import { formatTable } from '../table.ts'

const optionNames = ['dataDir', 'json', 'logLevel'] as const

export function contextCommand(program: Command): void {
  const context = program.command('context').summary('name the meshes that commands reach')

  const add = context
    .command('add')
    .argument('<name>', 'a name for the mesh')
    .argument('<multiaddr...>', 'addresses of its bootstrap peers')
    .summary('name a mesh, and use it from now on')
    .description(
      'Keeps the addresses of bootstrap peers under a name. Commands about jobs use the context in use where no --bootstrap is given; carpool node does not.',
    )
    .action((name: string, addresses: string[], flags: Record<string, unknown>) => {
      if (!contextNamePattern.test(name))
        throw new CommandFailure(
          `'${name}' is not a name for a context: letters, digits, '.', '-' and '_'`,
          usageExitCode,
        )
      for (const address of addresses)
        if (!isBootstrapAddress(address))
          throw new CommandFailure(
            `'${address}' is not the address of a peer: a multiaddr with a peer id, such as ${peerAddressExample}, or /dnsaddr/ and a domain`,
            usageExitCode,
          )
      change(flags, ({ meshes }) => ({ used: name, meshes: { ...meshes, [name]: addresses } }))
    })
  const use = context
    .command('use')
    .argument('<name>', 'a context')
    .summary('use another context')
    .action((name: string, flags: Record<string, unknown>) =>
      change(flags, (contexts) => ({ ...contexts, used: existing(contexts, name) })),
    )
  const remove = context
    .command('remove')
    .argument('<name>', 'a context')
    .summary('forget a context')
    .action((name: string, flags: Record<string, unknown>) =>
      change(flags, (contexts) => {
        const { [existing(contexts, name)]: _, ...meshes } = contexts.meshes
        return { used: contexts.used === name ? null : contexts.used, meshes }
      }),
    )
  const list = context
    .command('list')
    .summary('list the contexts')
    .action((flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(optionNames, flags)
      show(readContexts(dataDir), json)
    })
  for (const command of [add, use, remove, list]) addOptions(command, optionNames)
}

/** Throws CommandFailure. */
function existing({ meshes }: Contexts, name: string): string {
  if (Object.hasOwn(meshes, name)) return name
  const known = Object.keys(meshes)
  throw new CommandFailure(
    `there is no context '${name}'; ${known.length === 0 ? 'there is none yet: carpool context add' : `there are ${known.join(', ')}`}`,
  )
}

function change(flags: Record<string, unknown>, to: (contexts: Contexts) => Contexts): void {
  const { dataDir, json } = resolveConfig(optionNames, flags)
  const contexts = to(readContexts(dataDir))
  writeContexts(dataDir, contexts)
  show(contexts, json)
}

function show({ used, meshes }: Contexts, json: boolean): void {
  const rows = Object.entries(meshes).map(([name, bootstrap]) => ({ name, isUsed: name === used, bootstrap }))
  if (json) rows.forEach(printJson)
  else
    for (const line of formatTable(
      [
        { title: 'CONTEXT', cell: (row: (typeof rows)[0]) => row.name },
        { title: 'IN USE', cell: ({ isUsed }) => (isUsed ? 'yes' : '') },
        { title: 'BOOTSTRAP', cell: ({ bootstrap }) => bootstrap.join(' ') },
      ],
      rows,
    ))
      print(line)
}
