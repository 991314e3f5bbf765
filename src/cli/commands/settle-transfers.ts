/** `carpool settle list`, `show`, `mark`, `return` and `import`: what becomes of the transfers of pay-outs. */
import { resolve } from 'node:path'
import { Argument, type Command } from 'commander'
import type { SettleView, TransferNews } from '../../host/ledger/settle-contract.ts'
import type { RemoteApi } from '../../host/local/client.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure } from '../failure.ts'
import { formatCount } from '../format.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { readBankAnswer } from '../money/bank-answer.ts'
import { describePayout, describePayouts } from '../money/settle-views.ts'
import { print, printJson } from '../output.ts'

/** A request has room for so many with all their texts (host/local/messages.ts). */
const newsAtOnce = 1_000

interface NewsFlags {
  readonly reference?: string
  readonly reason?: string
}

export function addTransferCommands(settle: Command): void {
  // A flag that settle has as well is taken by settle, wherever it stands in the line.
  const all = <Flags extends object>(flags: Flags): Flags => ({ ...settle.opts(), ...flags })
  const list = settle
    .command('list')
    .summary('list all pay-outs, and where they stand')
    .description('Lists the pay-outs that were made ready here, with the sums of their transfers by state.')
    .action((flags) => ask(all(flags), async (node, json) => say(await preview(node), json, describePayouts)))
  const show = settle
    .command('show')
    .argument('<name>', 'a pay-out, or one of its transfers')
    .summary('show the transfers of a pay-out')
    .description(
      'Shows where each transfer of a pay-out stands; of one transfer also each step that it took.',
    )
    .action((of: string, flags) =>
      ask(all(flags), async (node, json) =>
        say(await node.settle({ action: 'show', of }), json, describePayout),
      ),
    )
  const mark = settle
    .command('mark')
    .argument('<name>', 'a pay-out, or one of its transfers')
    .addArgument(
      new Argument('<state>', 'where it stands now').choices(['sent', 'paid', 'rejected', 'cancelled']),
    )
    .summary('note where a pay-out, or a transfer, stands')
    .description(
      'Notes what became of a pay-out, or of one transfer of it: sent to the bank, paid by it, rejected, or cancelled before it was sent. What was rejected or cancelled is owed again. Of a pay-out, transfers that have come to an end stay as they are.',
    )
    .option('--reference <text>', 'what the bank calls the payment')
    .option('--reason <text>', 'why')
    .action((of: string, state: TransferNews['state'], flags: NewsFlags) =>
      ask(all(flags), (node, json) => noteNews(node, [newsOf(of, state, all(flags))], json)),
    )
  const back = settle
    .command('return')
    .argument('<name>', 'a transfer, or a pay-out')
    .summary('note that the bank sent a payment back')
    .description('Notes that money came back. It is owed again, and goes into the next pay-out.')
    .option('--reference <text>', 'what the bank calls it')
    .option('--reason <text>', 'why it came back')
    .action((of: string, flags: NewsFlags) =>
      ask(all(flags), (node, json) => noteNews(node, [newsOf(of, 'returned', all(flags))], json)),
    )
  const read = settle
    .command('import')
    .argument('<file...>', 'pain.002, camt.054 or camt.053 of the bank, as XML')
    .summary("note what the bank's answers say")
    .description(
      'Reads the answers of a bank (ISO 20022): the report on the file that it was given (pain.002), and the notifications and statements of the account (camt.054, camt.053). Payments that are none of a pay-out are passed over. To read a file again changes nothing.',
    )
    .action((files: readonly string[], flags) =>
      ask(all(flags), async (node, json) => {
        const answers = files.map((file) => readBankAnswer(resolve(file)))
        const others = answers.reduce((sum, answer) => sum + answer.others, 0)
        if (others > 0 && !json) print(`${formatCount(others, 'payment')} of the account: none of a pay-out`)
        await noteNews(
          node,
          answers.flatMap(({ news }) => news),
          json,
        )
      }),
    )
  for (const command of [list, show, mark, back, read]) addOptions(command, clientOptionNames)
}

/** Throws CommandFailure where something did not fit; the rest is noted. */
export async function noteNews(node: RemoteApi, news: readonly TransferNews[], json: boolean): Promise<void> {
  const refused: SettleView['refused'][number][] = []
  let noted = 0
  for (let at = 0; at < news.length; at += newsAtOnce) {
    const view = await node.settle({ action: 'note', news: news.slice(at, at + newsAtOnce) })
    refused.push(...view.refused)
    noted += view.noted
  }
  if (json) printJson({ event: 'noted', noted, refused })
  else {
    print(noted === 0 ? 'nothing new' : `${formatCount(noted, 'transfer')} noted`)
    for (const { why } of refused.slice(1)) print(why)
  }
  const [first] = refused
  if (first !== undefined) throw new CommandFailure(first.why)
}

function newsOf(
  of: string,
  state: TransferNews['state'],
  { reference = '', reason = '' }: NewsFlags,
): TransferNews {
  return { of, state, reference, reason }
}

function preview(node: RemoteApi): Promise<SettleView> {
  return node.settle({ action: 'preview', thresholds: {} })
}

function say(view: SettleView, json: boolean, describe: (view: SettleView) => string[]): void {
  if (json) printJson({ event: 'settlement', ...view })
  else for (const line of describe(view)) print(line)
}

async function ask(flags: object, action: (node: RemoteApi, json: boolean) => Promise<void>): Promise<void> {
  const { dataDir, json } = resolveConfig(clientOptionNames, { ...flags })
  await withNode(dataDir, (node) => action(node, json))
}
