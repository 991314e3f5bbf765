/** `carpool why`: shows what the owner's rules say of this vehicle, and where each rule was set. */
import type { Command } from 'commander'
import type { WhyView } from '../../host/api.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { describeArrival, formatDuration } from '../format.ts'
import { heedSignals } from '../interruption.ts'
import { LiveLines } from '../live-lines.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { keepBelow, print, printJson } from '../output.ts'
import { type Column, formatTable } from '../table.ts'

export function whyCommand(program: Command): void {
  const command = program
    .command('why')
    .summary('tell why the vehicle works, or does not')
    .description(
      "Shows the verdict of the owner's rules, and for each rule the present value, the limit, and the place where the limit was set.",
    )
    .option('--watch', 'show each change as it happens')
    .action(async (flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const show = (view: WhyView) => {
        if (json) printJson(view)
        else for (const line of describeWhy(view, Date.now())) print(line)
      }
      if (flags.watch !== true) return show(await withNode(dataDir, (node) => node.why()))
      const interruption = heedSignals()
      const isLive = !json && process.stdout.isTTY
      const lines = new LiveLines(process.stdout)
      if (isLive) keepBelow(lines)
      await withNode(dataDir, async (node) => {
        for await (const view of node.watchWhy(interruption.signal))
          if (isLive) lines.draw(describeWhy(view, Date.now()))
          else show(view)
      })
      keepBelow(null)
      interruption.release()
    })
  addOptions(command, clientOptionNames)
}

/** The verdict first; a ! marks rules that stop work, a ~ those that let the page under way finish. */
export function describeWhy(view: WhyView, nowMs: number): string[] {
  const { sentence, rules, withheld = [], memory = [], mesh = [], fetching = [], availableUntilMs } = view
  const lines = [sentence, '', ...formatTable(columns, rules)]
  if (withheld.length + memory.length + mesh.length + fetching.length > 0) lines.push('')
  lines.push(...memory, ...mesh)
  for (const { file, ...weights } of fetching)
    lines.push(`fetching weights ${file}: ${describeArrival(weights)}`)
  for (const { runtime, engine, why } of withheld) lines.push(`${runtime}/${engine} is not offered: ${why}`)
  // While it drives, its stay is over.
  const isDriving = rules.some(({ code, verdict }) => code === 'driving' && verdict !== 'run')
  if (availableUntilMs === null || isDriving) return lines
  const until =
    availableUntilMs <= nowMs
      ? 'it usually has left by now'
      : `it will probably be here for ${formatDuration(availableUntilMs - nowMs)}`
  return [...lines, '', until]
}

const marks: Readonly<Record<WhyView['verdict'], string>> = { run: '', drain: '~', stop: '!' }

const columns: readonly Column<WhyView['rules'][number]>[] = [
  { title: ' ', cell: ({ verdict }) => marks[verdict] },
  { title: 'RULE', cell: ({ code }) => code },
  { title: 'IS', cell: ({ value }) => value },
  { title: 'ASKED FOR', cell: ({ limit }) => limit },
  {
    title: 'BY',
    cell: ({ preference, origin }) => (preference === null ? '–' : `${preference} (${origin ?? 'unknown'})`),
  },
]
