/** One pay-out of all that a ledger owes, in a process of its own, so that its memory can be told: argv is the folder and the payees. */
import { join } from 'node:path'
import { preparePayout } from '../src/cli/money/prepare.ts'
import type { SettleRequest } from '../src/host/ledger/contract.ts'
import { Payer } from '../src/host/ledger/payer.ts'
import { Payouts } from '../src/host/ledger/payouts.ts'
import { placeOf } from '../src/host/store/place.ts'
import { openStore } from '../src/host/store.ts'
import type { PeerId } from '../src/protocol/ids.ts'

const [, , folder, submitter] = process.argv as [string, string, string, PeerId]
const store = openStore(join(folder, 'node'))
const payer = new Payer(store.database, submitter, placeOf(store.directory.databasePath))
payer.begin(0)
const payouts = new Payouts(store.database, store.books, payer)
const settle = (request: SettleRequest) => payouts.settle(request, Date.now())

let startedMs = performance.now()
const bare = store.database.all('SELECT * FROM ledger_entries').length
const bareSeconds = (performance.now() - startedMs) / 1000

startedMs = performance.now()
const { payout } = await preparePayout(
  { settle },
  {
    ...{ payeesPath: join(folder, 'payees.json'), painPath: join(folder, 'pain.xml') },
    ...{ thresholds: { '*': 0 }, executionDate: '2026-12-28', alsoUnheard: false },
  },
)
const preparedSeconds = (performance.now() - startedMs) / 1000
const { noted } = await settle({
  action: 'note',
  news: [{ of: payout!.name, state: 'paid', reference: 'bench', reason: '' }],
})
const seconds = (performance.now() - startedMs) / 1000
store.close()
const rssMiB = process.resourceUsage().maxRSS / 1024
console.log(JSON.stringify({ seconds, preparedSeconds, bareSeconds, bare, noted, rssMiB }))
