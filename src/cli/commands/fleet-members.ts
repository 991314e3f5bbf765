/** The members of a fleet: who waits, who is let in, and who is put out. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { RemoteApi } from '../../host/local/client.ts'
import { credentialText, signCredential } from '../../host/membership/certificates.ts'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { credentialTtlMs } from '../../protocol/limits.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { wholeNumber, words } from '../flags.ts'
import { formatCount, formatDuration, shortOwner } from '../format.ts'
import { isOwner, ownerFrom, peerFrom, userName } from '../ids.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { print, printJson } from '../output.ts'
import { type Column, formatTable } from '../table.ts'
import { existingKey, keyPath, writeOrPrint } from './owner.ts'

type FleetMemberRow = Awaited<ReturnType<RemoteApi['fleetMembers']>>[number]
type FleetDecision = Awaited<ReturnType<RemoteApi['fleetAdmit']>>
type Flags = Readonly<Record<string, unknown>>

const hoursMax = credentialTtlMs / 3_600_000

export function addFleetMembers(fleet: Command): void {
  const admit = fleet
    .command('admit')
    .argument('[peer]', 'the peer id of the node, as carpool id prints it')
    .summary('let a vehicle in before it asks')
    .description(
      'Lets a vehicle in before it asks. With --output it signs a credential by hand, which belongs into the ' +
        'data directory of the vehicle as credential.json, and needs no registrar: one that sees it renews it, unless it is for ' +
        'fewer hours than a day. One that was in, or was revoked, keeps its name and owner unless they are said anew, and is not ' +
        'revoked any more.',
    )
    .option('--from <file>', 'admit all that are in, as listed there by carpool fleet list --json')
    .option('--owner <owner>', 'admit it only as a vehicle of this owner')
    .option('--vehicle <name>', "the fleet's name for the vehicle", words(64), '')
    .option(
      '--key <file>',
      "for --output: file of the fleet's key (default: fleet.key in the data directory)",
    )
    .option(
      '--hours <count>',
      'for --output: hours for which the credential is valid',
      wholeNumber(1, hoursMax),
      hoursMax,
    )
    .option('-o, --output <file>', 'file for the credential')
    .action(admitVehicle)
  addOptions(admit, clientOptionNames)

  const approve = fleet
    .command('approve')
    .argument('[peers...]', 'those who asked, as carpool fleet list shows them')
    .summary('let vehicles in that asked')
    .description(
      'Lets vehicles in that asked. They get a credential as soon as they ask again, within seconds. A vehicle that ' +
        'has changed its name or its owner since it was listed, or that came since and was not named by its peer id, is shown, and not let in. Names are what vehicles call ' +
        'themselves; owners are proven.',
    )
    .action((peers: string[], flags: Flags) =>
      decide(flags, peers, 'approve', {
        one: (node, peer) => node.fleetApprove(peer, userName()),
        waiting: (node, meant) => node.fleetApproveWaiting(meant, userName()),
      }),
    )
  addWaiting(approve)
  addOptions(approve, clientOptionNames)

  const reject = fleet
    .command('reject')
    .argument('[peers...]', 'those who asked, as carpool fleet list shows them')
    .summary('say no to vehicles that asked')
    .description(
      'Says no to vehicles that asked. They are not listed again for a day, and may be approved later. Nobody else ' +
        'hears of it; a vehicle that is in is put out with: carpool fleet revoke.',
    )
    .action((peers: string[], flags: Flags) =>
      decide(flags, peers, 'reject', {
        one: (node, peer) => node.fleetReject(peer, userName()),
        waiting: (node, meant) => node.fleetRejectWaiting(meant, userName()),
      }),
    )
  addWaiting(reject)
  addOptions(reject, clientOptionNames)

  const revoke = fleet
    .command('revoke')
    .argument('<id>', 'a peer id, or an owner id for all its vehicles')
    .summary('put a vehicle or an owner out')
    .description(
      'Puts a vehicle or an owner out. No node of the fleet deals with it any more, and its connections end within seconds.',
    )
    .action(async (id: string, flags: Flags) => {
      const known = isOwner(id) ? id : peerFrom(id)
      await changed(flags, (node) => node.fleetRevoke(known, userName()))
    })
  addOptions(revoke, clientOptionNames)

  const clear = fleet
    .command('clear')
    .argument('<owner>', 'the owner, as carpool bans lists it')
    .summary('forgive an owner whose vehicle lied')
    .description(
      'Forgives an owner what its vehicles did in jobs that have begun by now, for instance with a key that was ' +
        'stolen. Every node of the fleet ends its ban; a new lie bans the owner again. An owner that was revoked is not ' +
        'any more: its vehicles wait, and carpool fleet approve --owner lets them in.',
    )
    .action(async (owner: string, flags: Flags) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const known = ownerFrom(owner)
      const cleared = await withNode(dataDir, (node) => node.fleetClear(known, userName()))
      if (json) printJson({ event: 'cleared', ...cleared })
      else
        print(
          `owner ${cleared.owner} is cleared; nodes of the fleet end their bans as the charter reaches them`,
        )
    })
  addOptions(clear, clientOptionNames)

  const list = fleet
    .command('list')
    .summary('list the vehicles that wait, are in, or are out')
    .action(async (flags: Flags) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const rows = await withNode(dataDir, (node) => node.fleetMembers())
      if (json) rows.forEach(printJson)
      else for (const line of describeMembers(rows, Date.now())) print(line)
    })
  addOptions(list, clientOptionNames)
}

async function admitVehicle(text: string | undefined, flags: Flags): Promise<void> {
  const { dataDir, json } = resolveConfig(clientOptionNames, flags)
  if ((text === undefined) === (flags.from === undefined))
    throw new CommandFailure('name a peer to admit, or a list of them with --from', usageExitCode)
  if (text === undefined) {
    const listed = admittedIn(resolve(flags.from as string))
    await changed(flags, async (node) => {
      const rows: FleetDecision[] = []
      for (const { peer, owner, vehicle } of listed)
        rows.push(await node.fleetAdmit(peer, owner, vehicle, userName()))
      return rows
    })
    return
  }
  const peer = peerFrom(text)
  const vehicle = flags.vehicle as string
  const owner = flags.owner === undefined ? null : ownerFrom(flags.owner as string)
  if (flags.output === undefined) {
    await changed(flags, async (node) => [await node.fleetAdmit(peer, owner, vehicle, userName())])
    return
  }
  if (owner === null)
    throw new CommandFailure(
      'a credential that is signed by hand must name its owner: add --owner <owner>, as carpool owner init prints it',
    )
  const key = existingKey(keyPath(flags.key, dataDir, 'fleet'), 'fleet')
  const ttlMs = (flags.hours as number) * 3_600_000
  writeOrPrint(credentialText(signCredential(key, { peer, vehicle, owner }, { ttlMs })), flags.output, json)
}

/** Throws CommandFailure for a file that is not a list of members. */
function admittedIn(path: string): Pick<FleetMemberRow, 'peer' | 'owner' | 'vehicle'>[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    const { state, peer, owner, vehicle } = memberIn(line, `${path}, line ${i + 1}`)
    return state === 'admitted' ? [{ peer, owner, vehicle }] : []
  })
}

function memberIn(line: string, where: string): Pick<FleetMemberRow, 'state' | 'peer' | 'owner' | 'vehicle'> {
  let row: Partial<Record<'state' | 'peer' | 'owner' | 'vehicle', unknown>>
  try {
    row = JSON.parse(line) ?? {}
  } catch {
    row = {}
  }
  const { state, peer, owner, vehicle } = row
  if (typeof state !== 'string' || typeof peer !== 'string' || typeof vehicle !== 'string')
    throw new CommandFailure(`${where} is no member of a fleet, as carpool fleet list --json prints it`)
  return {
    state: state as FleetMemberRow['state'],
    peer: peerFrom(peer),
    owner: owner === null ? null : ownerFrom(String(owner)),
    vehicle,
  }
}

function addWaiting(command: Command): void {
  command
    .option('--all', 'everybody who waits', false)
    .option('--name <pattern>', 'those who wait and call themselves so; * stands for any letters', words(64))
    .option('--owner <owner>', 'those who wait and belong to this owner')
}

interface Deciding {
  readonly one: (node: RemoteApi, peer: PeerId) => Promise<FleetDecision>
  readonly waiting: (
    node: RemoteApi,
    meant: { readonly vehicle: string | null; readonly owner: OwnerId | null },
  ) => Promise<FleetDecision[]>
}

/** Throws CommandFailure where nobody is meant, or some wait that have changed since they were listed. */
async function decide(flags: Flags, peers: readonly string[], what: string, by: Deciding): Promise<void> {
  const isFiltered = flags.name !== undefined || flags.owner !== undefined
  const ways = [peers.length > 0, flags.all === true, isFiltered].filter(Boolean).length
  if (ways !== 1)
    throw new CommandFailure(
      `name the peers to ${what}, or say --all for everybody who waits, or whom by --name and --owner`,
      usageExitCode,
    )
  if (peers.length > 0) {
    const known = peers.map(peerFrom)
    await changed(flags, (node) => Promise.all(known.map((peer) => by.one(node, peer))))
    return
  }
  const vehicle = (flags.name as string | undefined) ?? null
  const owner = flags.owner === undefined ? null : ownerFrom(flags.owner as string)
  const rows = await changed(flags, (node) => by.waiting(node, { vehicle, owner }))
  if (rows.length === 0)
    throw new CommandFailure(`nobody waits whom that means; carpool fleet list shows who waits`)
  const left = rows.filter(({ state }) => state === 'pending')
  if (left.length > 0)
    throw new CommandFailure(
      `${formatCount(left.length, 'vehicle')} came, or changed name or owner, since the list was last shown, and still ${left.length === 1 ? 'waits' : 'wait'}: look at carpool fleet list, and ${what} again`,
    )
}

async function changed(
  flags: Flags,
  ask: (node: RemoteApi) => Promise<FleetDecision[]>,
): Promise<FleetDecision[]> {
  const { dataDir, json } = resolveConfig(clientOptionNames, flags)
  const rows = await withNode(dataDir, ask)
  for (const row of rows) {
    if (json) printJson(row)
    else print(describeDecision(row))
  }
  return rows
}

function describeDecision({ vehicle, peer, owner, state, before }: FleetDecision): string {
  const whose = owner === null ? 'any owner' : `owner ${shortOwner(owner)}`
  const isBack = before === 'revoked' && state === 'admitted'
  return `${vehicle || peer} of ${whose} is ${state}${isBack ? ': it was revoked, and is not any more' : ''}`
}

/** Returns a table and, below it, the commands to run next. */
export function describeMembers(rows: readonly FleetMemberRow[], nowMs: number): string[] {
  const columns: readonly Column<FleetMemberRow>[] = [
    { title: 'STATE', cell: ({ state }) => state },
    { title: 'VEHICLE', cell: ({ vehicle }) => vehicle || '–' },
    { title: 'OWNER', cell: ({ owner }) => (owner === null ? 'any' : shortOwner(owner)) },
    { title: 'SINCE', align: 'right', cell: ({ sinceMs }) => formatDuration(nowMs - sinceMs) },
    { title: 'CREDENTIAL', align: 'right', cell: (row) => describeCredential(row, nowMs) },
    { title: 'FROM', cell: ({ host }) => host || '–' },
    { title: 'PEER', cell: ({ peer }) => peer },
  ]
  const waiting = rows.filter(({ state }) => state === 'pending').length
  const total = formatCount(rows.length, 'vehicle')
  if (waiting === 0) return [...formatTable(columns, rows), total]
  return [
    ...formatTable(columns, rows),
    `${total}; ${waiting} waiting: carpool fleet approve <peer>, or carpool fleet reject <peer>`,
  ]
}

/** How long its credential is still good; it is renewed when half of a day is left. */
function describeCredential({ credentialUntilMs, state }: FleetMemberRow, nowMs: number): string {
  if (credentialUntilMs === null || state === 'revoked') return '–'
  const leftMs = credentialUntilMs - nowMs
  return leftMs > 0 ? `${formatDuration(leftMs)} left` : `over for ${formatDuration(-leftMs)}`
}
