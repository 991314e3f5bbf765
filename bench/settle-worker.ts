/**
 * One side of a pay-out of all that a ledger owes, in a process of its own, as in use: the node answers, and the command writes the
 * file. What would cross the socket between them is in files. argv: the side, the folder, the submitter.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { preparePayout } from '../src/cli/money/prepare.ts'
import { Payer } from '../src/host/ledger/payer.ts'
import { Payouts } from '../src/host/ledger/payouts.ts'
import type { SettleRequest, SettleView } from '../src/host/ledger/settle-contract.ts'
import { placeOf } from '../src/host/store/place.ts'
import { openStore } from '../src/host/store.ts'
import type { PeerId } from '../src/protocol/ids.ts'

const [, , side, folder, submitter] = process.argv as [string, string, 'node' | 'command', string, PeerId]
const wish = { thresholds: { '*': 0 }, executionDate: '2026-12-28', alsoUnheard: false }
const answer = (action: string) => join(folder, `${action}.json`)

const figures = side === 'node' ? await asNode() : await asCommand()
console.log(JSON.stringify({ ...figures, rssMiB: process.resourceUsage().maxRSS / 1024 }))

async function asNode() {
  const store = openStore(join(folder, 'node'))
  const payer = new Payer(store.database, submitter, placeOf(store.directory.databasePath))
  payer.begin(0)
  const payouts = new Payouts(store.database, store.books, payer)
  const readMs = performance.now()
  let bare = 0
  for (let rows = 1; rows > 0; bare += rows)
    rows = store.database.all('SELECT * FROM ledger_entries WHERE serial > ? LIMIT 2000', bare).length
  const bareSeconds = (performance.now() - readMs) / 1000
  const took = stopwatch()
  const say = async (request: SettleRequest) => {
    const view = await payouts.settle(request, Date.now())
    writeFileSync(answer(request.action), JSON.stringify(view))
    return view
  }
  await say({ action: 'preview', thresholds: wish.thresholds })
  const of = (await say({ action: 'prepare', payees: null, ...wish })).payout!.name
  const { noted } = await say({
    action: 'note',
    news: [{ of, state: 'paid', reference: 'bench', reason: '' }],
  })
  store.close()
  return { ...took(), bare, bareSeconds, noted }
}

async function asCommand() {
  const took = stopwatch()
  const settle = async ({ action }: SettleRequest): Promise<SettleView> =>
    JSON.parse(readFileSync(answer(action), 'utf8'))
  const paths = { payeesPath: join(folder, 'payees.json'), painPath: join(folder, 'pain.xml') }
  await preparePayout({ settle }, { ...wish, ...paths })
  return took()
}

function stopwatch(): () => { readonly seconds: number; readonly cpuSeconds: number } {
  const [startedMs, before] = [performance.now(), process.cpuUsage()]
  return () => {
    const { user, system } = process.cpuUsage(before)
    return { seconds: (performance.now() - startedMs) / 1000, cpuSeconds: (user + system) / 1e6 }
  }
}
