/** Makes a pay-out ready: first all that can be wrong with it is looked at, then the node notes it, and the file is written. */
import { writeFileSync } from 'node:fs'
import { areSame, sumsInWords, sumsOf } from '../../host/ledger/control-sums.ts'
import type { Debt, SettleRequest, SettleView } from '../../host/ledger/settle-contract.ts'
import { CommandFailure } from '../failure.ts'
import { handToUser } from '../user-files.ts'
import { painXml } from './pain.ts'
import { objectionTo, type Payees, readPayees } from './payees.ts'

export interface PayoutWish
  extends Pick<
    Extract<SettleRequest, { action: 'prepare' }>,
    'thresholds' | 'executionDate' | 'alsoUnheard'
  > {
  readonly payeesPath: string
  readonly painPath: string
}

interface Settling {
  settle(request: SettleRequest): Promise<SettleView>
}

/** Payees that are named in a sentence; of more it says how many. */
const namedMax = 10

/** Throws CommandFailure, and what the node throws. */
export async function preparePayout(
  node: Settling,
  { payeesPath, painPath, thresholds, executionDate, alsoUnheard }: PayoutWish,
): Promise<SettleView> {
  const payees = readPayees(payeesPath)
  const { owed } = await node.settle({ action: 'preview', thresholds })
  refuseUnpayable(payeesPath, owed, payees)
  const view = await node.settle({ action: 'prepare', thresholds, payees: null, executionDate, alsoUnheard })
  const payout = view.payout!
  try {
    const kept = view.payouts.find(({ name }) => name === payout.name)?.sums ?? []
    if (!areSame(sumsOf(payout.lines), kept))
      throw new CommandFailure(
        `no pay-out was made ready: the node keeps ${sumsInWords(kept)}, and its list has ${sumsInWords(sumsOf(payout.lines))}`,
      )
    // Somebody may have come to be owed since.
    refuseUnpayable(
      payeesPath,
      payout.lines.map(({ payee, currency, micros }) => ({ payee, currency, payableMicros: micros })),
      payees,
    )
    writeFileSync(painPath, painXml(payout, payees, Date.now()), { flag: 'wx' })
    handToUser(painPath)
  } catch (error) {
    // A pay-out whose file could not be written is none.
    const news = [
      { of: payout.name, state: 'cancelled', reference: '', reason: 'no file was written' },
    ] as const
    await node.settle({ action: 'note', news })
    if (error instanceof CommandFailure) throw error
    throw new CommandFailure(
      `${painPath} was not written, and no pay-out was made ready: ${(error as Error).message}`,
    )
  }
  return view
}

/** Throws CommandFailure. */
function refuseUnpayable(
  path: string,
  owed: readonly Pick<Debt, 'payee' | 'currency' | 'payableMicros'>[],
  { payer, payees }: Payees,
): void {
  const due = owed.filter(({ payableMicros }) => payableMicros > 0)
  const missing = [...new Set(due.filter(({ payee }) => !payees.has(payee)).map(({ payee }) => payee))]
  if (missing.length > 0) {
    const more = missing.length > namedMax ? `, and ${missing.length - namedMax} more` : ''
    throw new CommandFailure(
      `${path} has no name and IBAN for ${missing.slice(0, namedMax).join(', ')}${more}`,
    )
  }
  for (const { payee, currency } of due)
    for (const [name, party] of [
      ['payer', payer],
      [payee, payees.get(payee)!],
    ] as const) {
      const why = objectionTo(party, currency)
      if (why !== null) throw new CommandFailure(`${path}: ${name}: ${why}`)
    }
}
