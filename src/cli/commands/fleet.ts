/** `carpool fleet`: makes a fleet, and says what holds in it. */
import { lstatSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { charterText, signCharter } from '../../host/membership/certificates.ts'
import { makeMeshKey } from '../../host/network/mesh-key.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { percentage, words } from '../flags.ts'
import { quoted } from '../format.ts'
import { clientOptionNames } from '../local-node.ts'
import { note } from '../output.ts'
import { addFleetMembers } from './fleet-members.ts'
import { addFleetTerms, gatherPeers } from './fleet-terms.ts'
import { keyPath, makeKey, writeOrPrint } from './owner.ts'

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
  addFleetMembers(fleet)
  addFleetTerms(fleet)
}

function initFleet(flags: Readonly<Record<string, unknown>>): void {
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
  // The charter names the registrar's peer id, which is that of a data directory.
  const where = flags.dataDir === undefined ? '' : ` --data-dir ${quoted(dataDir)}`
  note(
    `the registrar: carpool node ${everybody} --fleet-key ${quoted(path)}${where}; every other node: ${everybody}`,
  )
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
