/** The commands about money, in the order in which help shows them. */
import { billCommand } from './bill.ts'
import { earningsCommand } from './earnings.ts'
import { ledgerCommand } from './ledger.ts'
import { paymentsCommand } from './payments.ts'
import { settleCommand } from './settle.ts'

export const moneyCommands = [earningsCommand, paymentsCommand, billCommand, settleCommand, ledgerCommand]
