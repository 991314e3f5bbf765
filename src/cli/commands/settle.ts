/**
 * `carpool settle`: shows the debts, net for each payee, and prepares pay-outs of them. Carpool itself moves no
 * money.
 */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { SettleRequest } from '../../host/ledger/contract.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure } from '../failure.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { painXml } from '../money/pain.ts'
import { readPayees } from '../money/payees.ts'
import { describeSettlement } from '../money/views.ts'
import { print, printJson } from '../output.ts'
import { handToUser } from '../user-files.ts'

interface SettleFlags {
  readonly threshold: number
  readonly payees?: string
  readonly pain?: string
  readonly paid?: string
  readonly cancel?: string
  readonly reference: string
}

export function settleCommand(program: Command): void {
  const command = program
    .command('settle')
    .summary("pay out what this node's jobs owe")
    .description(
      'Shows what the jobs submitted on this node owe, net for each payee. With --pain it makes a pay-out ready and writes the file that a bank takes (ISO 20022 pain.001.001.09); once the bank has paid, say so with --paid.',
    )
    .addOption(
      new Option('--threshold <amount>', 'leave out payees that are owed less than this')
        .argParser(parseAmount)
        .default(0, '0'),
    )
    .option('--payees <file>', 'names, IBANs and BICs of the payer and of payees, as JSON')
    .option('--pain <file>', 'make a pay-out ready, and write it here as XML')
    .option('--paid <pay-out>', 'note that the bank has paid it')
    .option('--cancel <pay-out>', 'give up a pay-out that was not paid')
    .option('--reference <text>', 'what the bank calls the payment', '')
    .action((flags: SettleFlags) => settle(flags))
  addOptions(command, clientOptionNames).addHelpText(
    'after',
    `
The file of payees:
  {"payer":  {"name": "…", "iban": "…", "bic": "…"},
   "payees": {"<owner id, or operator:fleet>": {"name": "…", "iban": "…"}}}

Examples:
  $ carpool settle --threshold 5
  $ carpool settle --threshold 5 --payees payees.json --pain june.xml
  $ carpool settle --paid P20260630-1 --reference 'statement 42, line 7'`,
  )
}

async function settle(flags: SettleFlags): Promise<void> {
  const { dataDir, json } = resolveConfig(clientOptionNames, { ...flags })
  const request = requestOf(flags)
  await withNode(dataDir, async (node) => {
    if (request.action === 'prepare') {
      // First all that can be wrong with the file: a pay-out that nobody can be paid by would only be in the way.
      const payees = readPayees(resolve(flags.payees!))
      const { owed } = await node.settle({ ...request, action: 'preview' })
      const due = owed.filter(({ payableMicros }) => payableMicros > 0).map(({ payee }) => payee)
      const missing = due.filter((payee) => !payees.payees.has(payee))
      if (missing.length > 0)
        throw new CommandFailure(`${flags.payees} has no name and IBAN for ${missing.join(', ')}`)
      const view = await node.settle({ ...request, payees: due })
      await write(resolve(flags.pain!), painXml(view.payout!, payees, Date.now()), () =>
        node.settle({ ...request, action: 'cancel', payout: view.payout!.name }),
      )
      say(view, json)
      if (!json)
        print(
          `${flags.pain}: take it to the bank, then: carpool settle --paid ${view.payout!.name} --reference <text>`,
        )
      return
    }
    say(await node.settle(request), json)
  })
}

/** A pay-out whose file could not be written is none. Throws CommandFailure. */
async function write(path: string, text: string, undo: () => Promise<unknown>): Promise<void> {
  try {
    writeFileSync(path, text, { flag: 'wx' })
    handToUser(path)
  } catch (error) {
    await undo()
    throw new CommandFailure(
      `${path} was not written, and no pay-out was made ready: ${(error as Error).message}`,
    )
  }
}

function say(view: Parameters<typeof describeSettlement>[0], json: boolean): void {
  if (json) printJson({ event: 'settlement', ...view })
  else for (const line of describeSettlement(view)) print(line)
}

/** Throws CommandFailure. */
function requestOf({ threshold, payees, pain, paid, cancel, reference }: SettleFlags): SettleRequest {
  if ([pain, paid, cancel].filter((flag) => flag !== undefined).length > 1)
    throw new CommandFailure('--pain, --paid and --cancel exclude each other: use one of them', 2)
  if (pain !== undefined && payees === undefined)
    throw new CommandFailure('a bank needs names and IBANs: add --payees <file>', 2)
  const action =
    pain !== undefined ? 'prepare' : paid !== undefined ? 'paid' : cancel !== undefined ? 'cancel' : 'preview'
  return { action, thresholdMicros: threshold, payees: null, payout: paid ?? cancel ?? null, reference }
}

/** Throws InvalidArgumentError. */
function parseAmount(text: string): number {
  const [, whole, fraction = ''] = /^(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text) ?? []
  if (whole === undefined) throw new InvalidArgumentError('Say an amount such as 5 or 2.50.')
  return Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0'))
}
