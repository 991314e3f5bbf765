/**
 * `carpool settle`: shows the debts, net for each payee, and prepares pay-outs of them. Carpool itself moves no
 * money.
 */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type {
  SettleRequest,
  SettleView,
  Thresholds,
  TransferNews,
} from '../../host/ledger/settle-contract.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure } from '../failure.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { bankingDay } from '../money/banking-days.ts'
import { preparePayout } from '../money/prepare.ts'
import { describeSettlement } from '../money/settle-views.ts'
import { print, printJson } from '../output.ts'
import { addTransferCommands, noteNews } from './settle-transfers.ts'

interface SettleFlags {
  readonly threshold?: Thresholds
  readonly payees?: string
  readonly pain?: string
  readonly date?: string
  readonly alsoUnheard?: true
  readonly paid?: string
  readonly cancel?: string
  readonly takeOver?: true
  readonly reference: string
}

export function settleCommand(program: Command): void {
  const command = program
    .command('settle')
    // What stands behind the name of one of its commands is that command's.
    .enablePositionalOptions()
    .summary("pay out what this node's jobs owe")
    .description(
      'Shows what the jobs submitted on this node owe, net for each payee. With --pain it makes a pay-out ready and writes the file that a bank takes (ISO 20022 pain.001.001.09). What became of its transfers is read from the answers of the bank (settle import), or said by hand (settle mark, settle return).',
    )
    .option(
      '--threshold <amount>',
      'leave out payees that are owed less than this, such as 5EUR; again for another currency (default: one whole unit of each)',
      parseThreshold,
    )
    .option('--payees <file>', 'names, IBANs and BICs of the payer and of payees, as JSON')
    .option('--pain <file>', 'make a pay-out ready, and write it here as XML')
    .option(
      '--date <day>',
      'when the bank is to carry it out, or on the banking day after that (default: today)',
      parseDay,
    )
    .option(
      '--also-unheard',
      'after a take-over: pay also those whose vehicles have not said what they were paid',
    )
    .option('--paid <name>', 'note that the bank has paid this pay-out, or transfer (as settle mark … paid)')
    .option(
      '--cancel <name>',
      'give up a pay-out, or transfer, that was not sent (as settle mark … cancelled)',
    )
    .option('--reference <text>', 'what the bank calls the payment', '')
    .option('--take-over', 'pay from here for jobs that another data directory with this key submitted')
    .action((flags: SettleFlags) => settle(flags))
  addOptions(command, clientOptionNames).addHelpText(
    'after',
    `
The file of payees:
  {"payer":  {"name": "…", "iban": "…", "bic": "…"},
   "payees": {"<owner id, or operator:fleet>": {"name": "…", "iban": "…", "bic": "…"}}}
Names are written in the characters that all banks take. The BIC may be left out within the European Economic Area.

Examples:
  $ carpool settle --threshold 5EUR
  $ carpool settle --threshold 5EUR --payees payees.json --pain june.xml
  $ carpool settle import answer-of-the-bank.xml
  $ carpool settle show P260630-Ab3dE9-1k2m3n4
  $ carpool settle mark P260630-Ab3dE9-1k2m3n4 paid --reference 'statement 42, line 7'
  $ carpool settle return P260630-Ab3dE9-1k2m3n4-17 --reason 'account closed'`,
  )
  addTransferCommands(command)
}

async function settle(flags: SettleFlags): Promise<void> {
  const { dataDir, json } = resolveConfig(clientOptionNames, { ...flags })
  const { threshold: thresholds = {}, payees, pain, paid, cancel, takeOver, reference } = flags
  if ([pain, paid, cancel, takeOver].filter((flag) => flag !== undefined).length > 1)
    throw new CommandFailure(
      '--pain, --paid, --cancel and --take-over exclude each other: use one of them',
      2,
    )
  if (pain !== undefined && payees === undefined)
    throw new CommandFailure('a bank needs names and IBANs: add --payees <file>', 2)
  await withNode(dataDir, async (node) => {
    const of = paid ?? cancel
    if (of !== undefined) {
      const state: TransferNews['state'] = paid === undefined ? 'cancelled' : 'paid'
      await noteNews(node, [{ of, state, reference, reason: '' }], json)
      return
    }
    if (pain === undefined) {
      const request: SettleRequest = takeOver ? { action: 'take-over' } : { action: 'preview', thresholds }
      say(await node.settle(request), json)
      return
    }
    const today = new Date().toISOString().slice(0, 10)
    if (flags.date !== undefined && flags.date < today)
      throw new CommandFailure(`--date ${flags.date} is over`, 2)
    const executionDate = bankingDay(flags.date ?? today)
    const view = await preparePayout(node, {
      ...{ thresholds, executionDate, alsoUnheard: flags.alsoUnheard === true },
      ...{ payeesPath: resolve(payees!), painPath: resolve(pain) },
    })
    say(view, json)
    if (json) return
    if (executionDate !== (flags.date ?? today))
      print(
        `the bank is to carry it out on ${executionDate}, the first banking day from ${flags.date ?? today} on`,
      )
    print(
      `${pain}: take it to the bank, and then tell what becomes of it: carpool settle import <its answer>, or: carpool settle mark ${view.payout!.name} paid --reference <text>`,
    )
  })
}

function say(view: SettleView, json: boolean): void {
  if (json) printJson({ event: 'settlement', ...view })
  else for (const line of describeSettlement(view)) print(line)
}

/** An amount and its currency; without one, for every currency. Throws InvalidArgumentError. */
function parseThreshold(text: string, before: Thresholds = {}): Thresholds {
  const [, whole, fraction = '', currency = '*'] =
    /^(\d{1,9})(?:\.(\d{1,6}))? ?([A-Z]{3})?$/.exec(text.trim()) ?? []
  if (whole === undefined)
    throw new InvalidArgumentError('Say an amount and its currency, such as 5EUR or 2.50EUR.')
  return { ...before, [currency]: Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0')) }
}

/** Throws InvalidArgumentError. */
function parseDay(text: string): string {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined
  if (date === undefined || Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== text)
    throw new InvalidArgumentError('Say a day, such as 2026-12-28.')
  return text
}
