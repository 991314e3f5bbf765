/** `carpool bans`: the owners that the running node gives no work to, because they lied, and how to forgive one. */
import type { Command } from 'commander'
import type { BanRow } from '../../host/api.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { formatCount, formatDuration, shortPeer } from '../format.ts'
import { ownerFrom } from '../ids.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { print, printJson } from '../output.ts'
import { type Column, formatTable } from '../table.ts'

export function bansCommand(program: Command): void {
  const bans = program
    .command('bans')
    .summary('list the owners that get no work, and why')
    .description(
      'Lists the owners that get no work from the running node, because one of their vehicles lied: it signed two ' +
        'results for one page, which convinces every node, or this node computed another result itself.',
    )
    .action(async (flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const rows = await withNode(dataDir, (node) => node.bans())
      if (json) rows.forEach(printJson)
      else for (const line of describeBans(rows, Date.now())) print(line)
    })
  addOptions(bans, clientOptionNames)

  const lift = bans
    .command('lift')
    .argument('<owner>', 'the owner, as carpool bans --json or carpool bans lists it')
    .summary('give an owner work again')
    .description(
      'Ends the ban of an owner on this node. What its vehicles did in jobs that have begun by now does not ban it ' +
        'again; a new lie does. In a fleet, carpool fleet clear does it for every member.',
    )
    .action(async (owner: string, flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, { ...bans.opts(), ...flags })
      const known = ownerFrom(owner)
      const ban = await withNode(dataDir, (node) => node.liftBan(known))
      if (json) printJson({ event: 'lifted', ...ban })
      else print(`owner ${ban.owner} may work for this node again; forgiven: ${ban.evidence}`)
    })
  addOptions(lift, clientOptionNames)
}

/** Returns a table and, below it, the command to run next. */
function describeBans(rows: readonly BanRow[], nowMs: number): string[] {
  const total = `${formatCount(rows.length, 'owner')} banned`
  return [
    ...formatTable(columns(nowMs), rows),
    rows.length === 0 ? total : `${total}: carpool bans lift <owner>`,
  ]
}

function columns(nowMs: number): readonly Column<BanRow>[] {
  return [
    { title: 'VEHICLE', cell: ({ peer }) => shortPeer(peer) },
    { title: 'SINCE', align: 'right', cell: ({ sinceMs }) => formatDuration(nowMs - sinceMs) },
    { title: 'WHY', cell: ({ because }) => inWords[because] },
    { title: 'EVIDENCE', cell: ({ evidence }) => evidence || '–' },
    { title: 'OWNER', cell: ({ owner }) => owner },
  ]
}

const inWords: Readonly<Record<BanRow['because'], string>> = {
  equivocation: 'signed two results for one place',
  recomputed: 'this node computed another result',
}
