/** `carpool peers`: the roster, as the running node believes it. */
import type { Command } from 'commander'
import type { PeerRow } from '../../host/api.ts'
import type { Notice } from '../../host/notices.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { formatCount, formatDuration, formatNumber, shortOwner, shortPeer } from '../format.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { print, printJson } from '../output.ts'
import { type Column, formatTable } from '../table.ts'

export function peersCommand(program: Command): void {
  const command = program
    .command('peers')
    .summary('list the vehicles that the running node knows')
    .description(
      `Lists the vehicles that the running node knows. A * marks owners whose voices count. REACH is how others reach a node, as it
says itself: they dial it (direct), they go through a relay (relayed), or only its own dials connect it (outbound).`,
    )
    .action(async (flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const { rows, notices } = await withNode(dataDir, async (node) => ({
        rows: await node.peers(),
        notices: (await node.info()).notices,
      }))
      if (json) rows.forEach(printJson)
      else for (const line of describePeers(rows, notices)) print(line)
    })
  addOptions(command, clientOptionNames)
}

/** Returns a table and, below it, the number of vehicles, the worth of their word, and notices of the mesh. */
export function describePeers(rows: readonly PeerRow[], notices: readonly Notice[] = []): string[] {
  const owners = new Set(rows.map(({ owner }) => owner)).size
  // Who has left is among them for some minutes.
  const lost = rows.filter(({ connected, self, mode }) => !connected && !self && mode === 'stop').length
  const unsure = lost === 0 ? '' : `, ${formatNumber(lost)} of them stopped and not connected`
  const total = `${formatCount(rows.length, 'peer')} of ${formatCount(owners, 'owner')}${unsure}`
  const isOpen = rows.some(({ counts }) => counts === null)
  return [
    ...formatTable(columns, rows),
    isOpen ? `${total}; open mesh: nobody vouches for owners, so no error bound` : total,
    ...notices.map(({ text }) => text),
  ]
}

const columns: readonly Column<PeerRow>[] = [
  { title: 'NAME', cell: ({ name, self }) => (self ? `${name} (this node)`.trim() : name) },
  { title: 'PEER', cell: ({ peer }) => shortPeer(peer) },
  { title: 'OWNER', cell: ({ owner, counts }) => `${shortOwner(owner)}${counts === true ? '*' : ''}` },
  { title: 'FREE', align: 'right', cell: ({ slots }) => `${slots.free}/${slots.total}` },
  { title: 'ENGINES (UNITS/H)', cell: ({ engines }) => engines.map(describeEngine).join(', ') || '–' },
  { title: 'REACH', cell: ({ reach }) => reach ?? '–' },
  { title: 'CONNECTED', cell: ({ connected, self }) => (self ? '–' : connected ? 'yes' : 'no') },
  { title: 'AGE', align: 'right', cell: ({ ageMs }) => formatDuration(ageMs) },
  { title: 'VERSION', cell: ({ software }) => software.replace(/^carpool\//, '') },
  { title: 'MODE', cell: ({ mode, banned }) => (banned ? 'banned' : mode) },
  { title: 'WHY', cell: ({ reasons }) => reasons.join(', ') },
]

/** A speed of 0 stands for "not measured yet". */
function describeEngine({ runtime, engine, unitsPerHour }: PeerRow['engines'][number]): string {
  const name = `${runtime}/${engine}`
  return unitsPerHour === 0 ? name : `${name} (${formatNumber(unitsPerHour)})`
}
