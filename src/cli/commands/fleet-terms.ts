/** The terms of a fleet, which its registrar may change: name, share, registrars and key; its charter as a file; and its log. */
import { type Command, InvalidArgumentError } from 'commander'
import type { RemoteApi } from '../../host/local/client.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { isPeerAddress, peerAddressExample } from '../config/options.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { percentage, wholeNumber, words } from '../flags.ts'
import { formatCount, shortOwner } from '../format.ts'
import { userName } from '../ids.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { print, printJson } from '../output.ts'
import { type Column, formatTable } from '../table.ts'
import { writeOrPrint } from './owner.ts'

type Flags = Readonly<Record<string, unknown>>
type FleetTerms = Awaited<ReturnType<RemoteApi['fleetTerms']>>
type FleetLogEntry = Awaited<ReturnType<RemoteApi['fleetLog']>>[number]

export function addFleetTerms(fleet: Command): void {
  const set = fleet
    .command('set')
    .summary("change the fleet's name or the operator's share")
    .description(
      'Signs a charter with another name or share, which reaches all nodes. Leases that were given keep the share that they ' +
        'were given with; each member logs the change.',
    )
    .option('--name <name>', 'name of the fleet for people', words(64))
    .option(
      '--operator-share <percent>',
      "share of the vehicles' earnings that the operator keeps",
      percentage,
    )
    .action(async (flags: Flags) => {
      const [name = null, share = null] = [flags.name, flags.operatorShare] as [string?, number?]
      if (name === null && share === null)
        throw new CommandFailure('say what is to change: --name, --operator-share, or both', usageExitCode)
      await changeTerms(flags, (node) => node.fleetSet(name, share, userName()))
    })
  addOptions(set, clientOptionNames)
  addRegistrars(fleet)

  const charter = fleet
    .command('charter')
    .summary('print the charter for newcomers')
    .description(
      'Prints the charter with all that changed since the fleet was made, or writes it into a file: the one with which newcomers start. ' +
        'A registrar keeps the file of its --fleet as new as this. Any member of the fleet has it.',
    )
    .option('-o, --output <file>', 'where to; stdout if left out')
    .action(async (flags: Flags) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      writeOrPrint(await withNode(dataDir, (node) => node.fleetCharter()), flags.output, json)
    })
  addOptions(charter, clientOptionNames)

  const rotate = fleet
    .command('rotate')
    .summary("change the fleet's key")
    .description(
      'Makes a new key, which signs from now on, while credentials of the old one stay good. A day later, when none ' +
        'of them lives any more, --finish ends the old key. Every other registrar needs a copy of the new key by then.',
    )
    .option('--finish', 'end the old key', false)
    .action(async (flags: Flags) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const { keys } = await withNode(dataDir, (node) => node.fleetRotate(flags.finish === true, userName()))
      if (json) printJson({ event: 'rotated', keys })
      else print(`${formatCount(keys.length, 'key')} in force: ${keys.join(' and ')}`)
    })
  addOptions(rotate, clientOptionNames)

  const log = fleet
    .command('log')
    .summary('list who decided what')
    .description(
      'Lists what was decided at this registrar, and by which user of its machine; what it learnt from other registrars has no user.',
    )
    .option('--last <count>', 'so many decisions', wholeNumber(1, 10_000), 100)
    .action(async (flags: Flags) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const entries = await withNode(dataDir, (node) => node.fleetLog(flags.last as number))
      if (json) entries.forEach(printJson)
      else for (const line of describeFleetLog(entries)) print(line)
    })
  addOptions(log, clientOptionNames)
}

function addRegistrars(fleet: Command): void {
  const registrar = fleet.command('registrar').summary('name the registrars of the fleet')
  const list = registrar
    .command('list')
    .summary("list the registrars' addresses, and what else the charter says")
    .action((flags: Flags) => changeTerms(flags, (node) => node.fleetTerms()))
  const add = registrar
    .command('add')
    .argument(
      '<multiaddr>',
      'address at which vehicles reach it, with its peer id',
      (text) => gatherPeers(text, [])[0],
    )
    .summary('name one more registrar')
    .description(
      "Names one more registrar. Before, copy the fleet's key there, and start the node with --fleet and --fleet-key. It learns " +
        'who is in from the credentials that vehicles show, and renews them while another registrar is away.',
    )
    .action((address: string, flags: Flags) =>
      changeTerms(flags, (node) => node.fleetAddRegistrar(address, userName())),
    )
  const remove = registrar
    .command('remove')
    .argument('<registrar>', 'an address, or a peer id for all its addresses')
    .summary('name a registrar no more')
    .description(
      "Names a registrar no more. Whoever has the fleet's key can still sign: where it may be in wrong hands, change it with carpool fleet rotate.",
    )
    .action((address: string, flags: Flags) =>
      changeTerms(flags, (node) => node.fleetRemoveRegistrar(address, userName())),
    )
  for (const command of [list, add, remove]) addOptions(command, clientOptionNames)
}

async function changeTerms(flags: Flags, ask: (node: RemoteApi) => Promise<FleetTerms>): Promise<void> {
  const { dataDir, json } = resolveConfig(clientOptionNames, flags)
  const terms = await withNode(dataDir, ask)
  if (json) printJson(terms)
  else for (const line of describeTerms(terms)) print(line)
}

function describeTerms({ name, operatorPpm, registrars, keys, serial }: FleetTerms): string[] {
  return [
    `fleet ${name}: its operator keeps ${operatorPpm / 10_000} % of what vehicles earn`,
    ...registrars.map((address) => `registrar ${address}`),
    ...(registrars.length === 0
      ? ['no registrar has an address here: vehicles find one only where they are told its address']
      : []),
    `${formatCount(keys.length, 'key')} in force, charter of ${new Date(serial).toISOString()}`,
  ]
}

const actionWords: Readonly<Record<FleetLogEntry['action'], string>> = {
  approved: 'approved',
  admitted: 'admitted',
  rejected: 'rejected',
  revoked: 'revoked',
  cleared: 'cleared',
  set: 'terms changed',
  'registrar-added': 'registrar added',
  'registrar-removed': 'registrar removed',
  'key-changed': 'key changed',
  'key-ended': 'old key ended',
  'let-in-elsewhere': 'let in elsewhere',
  'revoked-elsewhere': 'revoked elsewhere',
  'put-back': 'put back',
}

function describeFleetLog(entries: readonly FleetLogEntry[]): string[] {
  const columns: readonly Column<FleetLogEntry>[] = [
    { title: 'WHEN', cell: ({ atMs }) => new Date(atMs).toISOString().slice(0, 19).replace('T', ' ') },
    { title: 'BY', cell: ({ by }) => by || '–' },
    { title: 'DECISION', cell: ({ action }) => actionWords[action] },
    { title: 'VEHICLE', cell: ({ vehicle }) => vehicle || '–' },
    { title: 'OWNER', cell: ({ owner }) => (owner === null ? '–' : shortOwner(owner)) },
    { title: 'PEER', cell: ({ peer }) => peer ?? '–' },
    { title: 'WHAT', cell: ({ detail }) => detail || '–' },
  ]
  return [...formatTable(columns, entries), `${formatCount(entries.length, 'decision')}; times are UTC`]
}

export function gatherPeers(text: string, before: readonly string[]): string[] {
  if (!isPeerAddress(text))
    throw new InvalidArgumentError(`Must be a multiaddr with a peer id, such as ${peerAddressExample}.`)
  return [...before, text]
}
