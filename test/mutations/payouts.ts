import type { Mutation } from './mutation.ts'

export const payouts: readonly Mutation[] = [
  {
    name: 'An open pay-out’s money is offered again.',
    file: 'src/host/ledger/payouts.ts',
    find: "      if (state === 'open')\n",
    replace: "      if (state === 'paid')\n",
    caughtBy: ['test/host/payouts.test.ts'],
  },
  {
    name: 'Less than the threshold is paid out.',
    file: 'src/host/ledger/payouts.ts',
    find: 'payableMicros: whole >= thresholdMicros ? whole : 0',
    replace: 'payableMicros: whole',
    caughtBy: ['test/host/payouts.test.ts'],
  },
  {
    name: 'A ledger that was changed behind the node’s back is paid by.',
    file: 'src/host/ledger/payouts.ts',
    find: "damagedAt !== null && request.action !== 'preview'",
    replace: "damagedAt !== null && request.action === 'cancel'",
    caughtBy: ['test/host/payouts.test.ts'],
  },
  {
    name: 'A pay-out is prepared for everybody, whoever was named.',
    file: 'src/host/ledger/payouts.ts',
    find: ' || (payees !== null && !payees.includes(payee))',
    replace: '',
    caughtBy: ['test/host/payouts.test.ts'],
  },
  {
    name: 'A pay-out that was paid can be cancelled.',
    file: 'src/host/ledger/payouts.ts',
    find: "if (payout.state === 'paid') throw",
    replace: "if (payout.state === 'open' && payout.name === '') throw",
    caughtBy: ['test/host/payouts.test.ts'],
  },
  {
    name: 'A bank is given fractions of a cent.',
    file: 'src/host/ledger/payouts.ts',
    find: 'Math.floor(owedMicros / minor) * minor',
    replace: 'owedMicros',
    caughtBy: ['test/host/payouts.test.ts'],
  },
  {
    name: 'The operator’s share is never paid out.',
    file: 'src/host/ledger/payouts.ts',
    find: '    for (const row of this.#database.all<Account>(shared, submitterAccount(this.#payer))) add(row)\n',
    replace: '',
    caughtBy: ['test/host/payouts.test.ts'],
  },
  {
    name: 'What was paid is owed again.',
    file: 'src/host/ledger/payouts.ts',
    find: '      add({ account, currency, micros: -micros })\n    for (const { state',
    replace: '      add({ account, currency, micros: 0 * micros })\n    for (const { state',
    caughtBy: ['test/host/payouts.test.ts'],
  },
]
