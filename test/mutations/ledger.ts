import type { Mutation } from './mutation.ts'

export const ledger: readonly Mutation[] = [
  {
    name: 'The ledger owes what was written off.',
    file: 'src/protocol/ledger/claims.ts',
    find: ' && !this.#isWrittenOff(known.claim)',
    replace: '',
    caughtBy: ['test/protocol/ledger.test.ts'],
  },
  {
    name: 'One owner is paid twice in a ledger for a shard that stewards apart leased to him twice.',
    file: 'src/protocol/ledger/claims.ts',
    find: 'if (counts) paidOwners.add(known.claim.owner)',
    replace: '',
    caughtBy: ['test/protocol/ledger.test.ts'],
  },
  {
    name: 'A ledger takes back what was paid when it hears of the receipt again.',
    file: 'src/protocol/ledger/ledger.ts',
    find: 'posted: { pending: [],',
    replace: "posted: { pending: ['reversed', 'pending'],",
    caughtBy: ['test/protocol/ledger.test.ts'],
  },
  {
    name: 'An older statement undoes what a newer one said in a vehicle’s ledger.',
    file: 'src/protocol/ledger/receivables.ts',
    find: 'known.statement.serial > statement.serial',
    replace: 'false',
    caughtBy: ['test/protocol/settlement.test.ts'],
  },
  {
    name: 'A statement for the ledger that was lost is not said again.',
    file: 'src/protocol/ledger/payables.ts',
    find: 'return waiting ? toldMs! + repeatMs : Number.POSITIVE_INFINITY',
    replace: 'return Number.POSITIVE_INFINITY',
    caughtBy: ['test/protocol/settlement.test.ts'],
  },
  {
    name: 'Who cancels a job owes nothing for what agreed.',
    file: 'src/protocol/steward/finish.ts',
    find: '  settleOpenShards(desk, nowMs)\n',
    replace: '',
    caughtBy: ['test/protocol/scenarios.test.ts'],
  },
  {
    name: 'A claim that nobody else made is owed when a job is cancelled.',
    file: 'src/protocol/steward/unverified.ts',
    find: 'Math.min(2, replicas)',
    replace: '1',
    caughtBy: ['test/protocol/scenarios.test.ts'],
  },
  {
    name: 'A verdict that the job ended counts while it runs.',
    file: 'src/protocol/job/standing.ts',
    find: "hasEnded || verdict.because !== 'ended'",
    replace: 'true',
    caughtBy: ['test/protocol/ledger.test.ts'],
  },
  {
    name: 'In the audit a shard without a result may owe anybody.',
    file: 'src/protocol/audit/verdicts.ts',
    find: 'owners.size < enough || owners.size <= against',
    replace: 'owners.size < 1',
    caughtBy: ['test/protocol/audit-verdicts.test.ts'],
  },
  {
    name: 'A steward tells nobody what it owes for as long as its clock was set back.',
    file: 'src/protocol/ledger/payables.ts',
    find: 'payee.toldMs += input.byMs',
    replace: 'payee.toldMs += 0',
    caughtBy: ['test/protocol/clock-set.test.ts'],
  },
]
