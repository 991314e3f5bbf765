/** `carpool fleet`: lets a person decide which vehicles may join. */
import { lstatSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { RemoteApi } from '../../host/local/client.ts'
import {
  charterText,
  credentialText,
  signCharter,
  signCredential,
} from '../../host/membership/certificates.ts'
import { makeMeshKey } from '../../host/network/mesh-key.ts'
import { publicKeyOf } from '../../host/store/keys.ts'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { credentialTtlMs } from '../../protocol/limits.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { isPeerAddress, peerAddressExample } from '../config/options.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { percentage, wholeNumber, words } from '../flags.ts'
import { formatCount, formatDuration, quoted, shortOwner } from '../format.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { note, print, printJson } from '../output.ts'
import { type Column, formatTable } from '../table.ts'
import { existingKey, keyPath, makeKey, writeOrPrint } from './owner.ts'

type FleetMemberRow = Awaited<ReturnType<RemoteApi['fleetMembers']>>[number]
type Flags = Readonly<Record<string, unknown>>

export function fleetCommand(program: Command): void {
  const fleet = program.command('fleet').summary('decide which vehicles may join')

  const init = fleet
    .command('init')
    .summary('make a fleet')
    .description(
      "Makes a fleet's key and its charter. A node that is started with both is the fleet's registrar; every other " +
        'node needs the charter only.',
    )
    .requiredOption('--name <name>', 'name of the fleet for people', words(64))
    .option(
      '--registrar <multiaddr>',
      'address at which vehicles reach the registrar, with its peer id; repeat for several',
      gatherPeers,
      [],
    )
    .option(
      '--operator-share <percent>',
      "share of the vehicles' earnings that the operator keeps, such as 15%",
      percentage,
      0,
    )
    .option('--key <file>', "file of the fleet's key (default: fleet.key in the data directory)")
    .option('--mesh-key <file>', 'also make a key that every node of the mesh must have')
    .option('-o, --output <file>', 'file for the charter (default: fleet.json in the data directory)')
    .action(initFleet)
  addOptions(init, clientOptionNames)

  const admit = fleet
    .command('admit')
    .argument('<peer>', 'the peer id of the node, as carpool node prints it')
    .summary('let a vehicle in before it asks')
    .description(
      'Lets a vehicle in before it asks. With --output it signs a credential by hand, which belongs into the ' +
        'data directory of the vehicle as credential.json, and needs no registrar.',
    )
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
    .argument('<peers...>', 'those who asked, as carpool fleet list shows them')
    .summary('let vehicles in that asked')
    .description(
      'Lets vehicles in that asked. They get a credential as soon as they ask again, within seconds. A vehicle that ' +
        'has changed its name or its owner since it was listed is shown anew, and not let in.',
    )
    .action(async (peers: string[], flags: Flags) => {
      const known = peers.map(peerFrom)
      await changed(flags, (node) => Promise.all(known.map((peer) => node.fleetApprove(peer))))
    })
  addOptions(approve, clientOptionNames)

  const reject = fleet
    .command('reject')
    .argument('[peers...]', 'those who asked, as carpool fleet list shows them')
    .summary('say no to vehicles that asked')
    .description(
      'Says no to vehicles that asked. They are not listed again for a day, and may be approved later. Nobody else ' +
        'hears of it; a vehicle that is in is put out with: carpool fleet revoke.',
    )
    .option('--all', 'everybody who waits', false)
    .action(async (peers: string[], flags: Flags) => {
      if ((peers.length === 0) === (flags.all !== true))
        throw new CommandFailure(
          'name the peers to reject, or say --all for everybody who waits',
          usageExitCode,
        )
      const known = flags.all === true ? [null] : peers.map(peerFrom)
      await changed(flags, async (node) =>
        (await Promise.all(known.map((peer) => node.fleetReject(peer)))).flat(),
      )
    })
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
      await changed(flags, (node) => node.fleetRevoke(known))
    })
  addOptions(revoke, clientOptionNames)

  const clear = fleet
    .command('clear')
    .argument('<owner>', 'the owner, as carpool bans lists it')
    .summary('forgive an owner whose vehicle lied')
    .description(
      'Forgives an owner what its vehicles did in jobs that have begun by now, for instance with a key that was ' +
        'stolen. Every node of the fleet ends its ban; a new lie bans the owner again.',
    )
    .action(async (owner: string, flags: Flags) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const known = ownerFrom(owner)
      const cleared = await withNode(dataDir, (node) => node.fleetClear(known))
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

  const rotate = fleet
    .command('rotate')
    .summary("change the fleet's key")
    .description(
      'Makes a new key, which signs from now on, while credentials of the old one stay good. A day later, when none ' +
        'of them lives any more, --finish ends the old key.',
    )
    .option('--finish', 'end the old key', false)
    .action(async (flags: Flags) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const { keys } = await withNode(dataDir, (node) => node.fleetRotate(flags.finish === true))
      if (json) printJson({ event: 'rotated', keys })
      else print(`${formatCount(keys.length, 'key')} in force: ${keys.join(' and ')}`)
    })
  addOptions(rotate, clientOptionNames)
}

const hoursMax = credentialTtlMs / 3_600_000

function initFleet(flags: Flags): void {
  const { dataDir, json } = resolveConfig(clientOptionNames, flags)
  const path = keyPath(flags.key, dataDir, 'fleet')
  const output = typeof flags.output === 'string' ? resolve(flags.output) : join(dataDir, 'fleet.json')
  const meshKey = typeof flags.meshKey === 'string' ? [resolve(flags.meshKey)] : []
  refuseExisting([path, output, ...meshKey])
  const key = makeKey(path, 'fleet')
  const charter = {
    name: flags.name as string,
    keys: [key.peerId],
    registrars: flags.registrar as string[],
    operatorPpm: flags.operatorShare as number,
    revoked: [],
  }
  writeOrPrint(charterText(signCharter(key, charter, Date.now())), output, json)
  for (const file of meshKey) {
    writeFileSync(file, makeMeshKey(), { mode: 0o600, flag: 'wx' })
  }
  if (json) return
  const hidden = meshKey.map((file) => ` --mesh-key ${quoted(file)}`).join('')
  const everybody = `--fleet ${quoted(output)}${hidden}`
  note(`the registrar: carpool node ${everybody} --fleet-key ${quoted(path)}; every other node: ${everybody}`)
}

/**
 * A fleet is its key: a second charter of the same key would replace the first on every node, and forget who is
 * revoked. Nothing is written before all is known to be new. Throws CommandFailure.
 */
function refuseExisting(paths: readonly string[]): void {
  const twice = paths.find((path, i) => paths.indexOf(path) !== i)
  if (twice !== undefined) throw new CommandFailure(`${twice} cannot be two files at once`, usageExitCode)
  const existing = paths.find((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
  if (existing === undefined) return
  throw new CommandFailure(
    `there is a fleet already: ${existing} exists, and stays as it is; for another fleet, name other files with --key and --output`,
  )
}

async function admitVehicle(text: string, flags: Flags): Promise<void> {
  const { dataDir, json } = resolveConfig(clientOptionNames, flags)
  const peer = peerFrom(text)
  const vehicle = flags.vehicle as string
  const owner = flags.owner === undefined ? null : ownerFrom(flags.owner as string)
  if (flags.output === undefined) {
    await changed(flags, async (node) => [await node.fleetAdmit(peer, owner, vehicle)])
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

async function changed(flags: Flags, ask: (node: RemoteApi) => Promise<FleetMemberRow[]>): Promise<void> {
  const { dataDir, json } = resolveConfig(clientOptionNames, flags)
  for (const row of await withNode(dataDir, ask)) {
    if (json) printJson(row)
    else
      print(
        `${row.vehicle || row.peer} of ${row.owner === null ? 'any owner' : `owner ${shortOwner(row.owner)}`} is ${row.state}`,
      )
  }
}

/** Returns a table and, below it, the commands to run next. */
export function describeMembers(rows: readonly FleetMemberRow[], nowMs: number): string[] {
  const columns: readonly Column<FleetMemberRow>[] = [
    { title: 'STATE', cell: ({ state }) => state },
    { title: 'VEHICLE', cell: ({ vehicle }) => vehicle || '–' },
    { title: 'OWNER', cell: ({ owner }) => (owner === null ? 'any' : shortOwner(owner)) },
    { title: 'SINCE', align: 'right', cell: ({ sinceMs }) => formatDuration(nowMs - sinceMs) },
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

function gatherPeers(text: string, before: readonly string[]): string[] {
  if (!isPeerAddress(text))
    throw new InvalidArgumentError(`Must be a multiaddr with a peer id, such as ${peerAddressExample}.`)
  return [...before, text]
}

function peerFrom(text: string): PeerId {
  if (publicKeyOf(text as PeerId) !== undefined) return text as PeerId
  throw new CommandFailure(`'${text}' is not a peer id; carpool node prints its own, such as 12D3KooW…`)
}

function isOwner(text: string): text is OwnerId {
  return /^[0-9a-f]{64}$/.test(text)
}

/** Throws CommandFailure. */
export function ownerFrom(text: string): OwnerId {
  if (isOwner(text)) return text
  throw new CommandFailure(`'${text}' is not an owner id; carpool owner init prints one`)
}
