/** `carpool weights`: the weights on the running node's disk, and which of them stay there. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { NamedModel, ShelvedWeights } from '../../host/api.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { formatCount, formatDuration } from '../format.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { print, printJson } from '../output.ts'
import { type Column, formatTable } from '../table.ts'

export function weightsCommand(program: Command): void {
  const weights = program
    .command('weights')
    .summary('list the weights on this node, and choose which stay')
    .description(
      'Lists the weights that lie on the disk of the running node, each as one file that its slots share. Those that no job uses are ' +
        'kept within --cache-bytes-max, and the least recently used go first; pinned ones stay.',
    )
  const list = weights
    .command('list', { isDefault: true })
    .summary('list them, the largest first')
    .action(async (flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const rows = await withNode(dataDir, (node) => node.weights())
      if (json) rows.forEach(printJson)
      else for (const line of describeWeights(rows, Date.now())) print(line)
      const models = await withNode(dataDir, (node) => node.models())
      if (json) models.forEach(printJson)
      else
        for (const { name, bytes } of models)
          print(`the model ${name}, ${mebibytes(bytes)}, by its name over HTTP`)
    })
  addOptions(list, clientOptionNames)
  addAction(
    weights,
    'add',
    '<path>',
    'keep a file as weights that no peer has to send, pinned',
    (node, path) => node.addWeights(resolve(path)),
  ).option(
    '--name <name>',
    'the name by which programs ask for this model over HTTP (node --http), instead of pinning it',
  )
  addAction(weights, 'pin', '<weights>', 'keep them also when no job uses them', (node, file) =>
    node.pinWeights(file, true),
  )
  addAction(weights, 'unpin', '<weights>', 'let them go when the disk needs the room', (node, file) =>
    node.pinWeights(file, false),
  )
  addAction(
    weights,
    'remove',
    '<weights>',
    'delete them now, if no job uses them; or a model, by its name',
    async (node, file) =>
      (await node.models()).some(({ name }) => name === file)
        ? node.removeModel(file)
        : node.removeWeights(file),
  )
}

function addAction(
  weights: Command,
  name: 'add' | 'pin' | 'unpin' | 'remove',
  argument: string,
  summary: string,
  act: (node: WeightsClient, argument: string) => Answer | Promise<Answer>,
): Command {
  const command = weights
    .command(name)
    .argument(argument)
    .summary(summary)
    .action(async (given: string, flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const row = await withNode(dataDir, async (node) =>
        typeof flags.name === 'string' ? node.addModel(resolve(given), flags.name) : act(node, given),
      )
      if (row !== null && 'name' in row) {
        if (json) printJson({ event: said[name], model: row })
        else print(`${said[name]} the model ${row.name}, ${mebibytes(row.bytes)}`)
      } else if (json) printJson({ event: said[name], weights: row })
      else
        print(
          row === null ? 'gone: the cache had no room for them' : `${said[name]} ${row.file}, ${sizeOf(row)}`,
        )
    })
  return addOptions(command, clientOptionNames)
}

type Answer = ShelvedWeights | NamedModel | null
type WeightsClient = Parameters<Parameters<typeof withNode<Answer>>[1]>[0]

const said = { add: 'added', pin: 'pinned', unpin: 'unpinned', remove: 'removed' } as const

/** Returns a table and, below it, the sum. */
function describeWeights(rows: readonly ShelvedWeights[], nowMs: number): string[] {
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0)
  const total = `${formatCount(rows.length, 'file')} of weights`
  return [...formatTable(columns(nowMs), rows), rows.length === 0 ? total : `${total}, ${mebibytes(bytes)}`]
}

function columns(nowMs: number): readonly Column<ShelvedWeights>[] {
  return [
    { title: 'WEIGHTS', cell: ({ file }) => file },
    { title: 'SIZE', align: 'right', cell: sizeOf },
    {
      title: 'HERE',
      align: 'right',
      cell: ({ parts, partsHere }) => `${Math.floor((100 * partsHere) / parts)} %`,
    },
    { title: 'JOBS', align: 'right', cell: ({ jobs }) => String(jobs) },
    {
      title: 'USED',
      align: 'right',
      cell: ({ usedAtMs }) => (usedAtMs === null ? '–' : `${formatDuration(nowMs - usedAtMs)} ago`),
    },
    {
      title: '',
      cell: ({ isPinned, isLinked }) =>
        [isPinned && 'pinned', isLinked && 'linked'].filter(Boolean).join(', '),
    },
  ]
}

function sizeOf({ bytes }: ShelvedWeights): string {
  return mebibytes(bytes)
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}
