/** `carpool fleet sign`: the list of owners whose voices count. Admission by commands of its own comes later. */
import type { Command } from 'commander'
import { fleetText, signFleetList, validDaysDefault } from '../../host/certificates.ts'
import type { OwnerId } from '../../protocol/ids.ts'
import { addOptions, resolveConfig } from '../config.ts'
import { CommandFailure } from '../failure.ts'
import { wholeNumber } from '../flags.ts'
import { keyPath, makeKey, validDaysMax, writeOrPrint } from './owner.ts'

const optionNames = ['dataDir', 'json', 'logLevel'] as const

export function fleetCommand(program: Command): void {
  const fleet = program.command('fleet').summary('say which owners count')
  const sign = fleet
    .command('sign')
    .argument('<owners...>', 'owner ids, as carpool owner init prints them')
    .summary('sign the list of owners that count')
    .description(
      'Signs the list of owners that count, making the fleet key if there is none. A list signed later replaces it.',
    )
    .requiredOption('--name <name>', 'what people call the fleet')
    .option('--key <file>', 'where the fleet key is (default: fleet.key in the data directory)')
    .option('--days <count>', 'how long it is valid', wholeNumber(1, validDaysMax), validDaysDefault)
    .option('-o, --output <file>', 'where to; stdout if left out')
    .action((owners: string[], flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(optionNames, flags)
      const wrong = owners.find((owner) => !/^[0-9a-f]{64}$/.test(owner))
      if (wrong !== undefined)
        throw new CommandFailure(`'${wrong}' is not an owner id; carpool owner init prints one`)
      const key = makeKey(keyPath(flags.key, dataDir, 'fleet'), 'fleet')
      const distinct = [...new Set(owners)].sort() as OwnerId[]
      const record = signFleetList(key, flags.name as string, distinct, { days: flags.days as number })
      writeOrPrint(fleetText(record), flags.output, json)
    })
  addOptions(sign, optionNames)
}
