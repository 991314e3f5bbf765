import type { Mutation } from './mutation.ts'

export const state: readonly Mutation[] = [
  {
    name: 'Records get in that no steward of the job signed.',
    file: 'src/protocol/state/job-state.ts',
    find: "signedByOf(entry.kind) === 'steward' && !this.isSteward(record.signer)",
    replace: "entry.kind === 'handover' && !this.isSteward(record.signer)",
    caughtBy: ['test/protocol/job-state-judging.test.ts'],
  },
  {
    name: 'A verdict stands though nobody who lives has its result.',
    file: 'src/protocol/job/standing.ts',
    find: '((alike && reached) || hasEnded)',
    replace: '(alike || hasEnded)',
    caughtBy: ['test/protocol/scenarios.test.ts'],
  },
  {
    name: 'Of two verdicts that differ, the first stands.',
    file: 'src/protocol/job/standing.ts',
    find: 'const alike = standing.every(({ verdict }) => verdict.result === result)',
    replace: 'const alike = true',
    caughtBy: ['test/protocol/scenarios.test.ts'],
  },
  {
    name: 'Of two receipts for one place the one that comes first counts, whatever its turn.',
    file: 'src/protocol/state/job-state.ts',
    find: 'if (byTurn(entry, known.first) < 0) Object.assign(known, { first: entry, result })',
    replace: '',
    caughtBy: ['test/protocol/job-state-judging.test.ts'],
  },
  {
    name: 'A vehicle that signs two results for one place keeps its voice in the fold of a job’s records.',
    file: 'src/protocol/state/job-state.ts',
    find: 'if (known.result !== result) lease.equivocated = true',
    replace: '',
    caughtBy: ['test/protocol/job-state-judging.test.ts'],
  },
  {
    name: 'A record of another job gets in.',
    file: 'src/protocol/state/job-state.ts',
    find: "if (record.job !== this.job) return 'of-another-job'",
    replace: '',
    caughtBy: ['test/protocol/job-state-judging.test.ts'],
  },
  {
    name: 'A cancelled end stands before a complete one.',
    file: 'src/protocol/job/standing.ts',
    find: 'complete: 0, cancelled: 1',
    replace: 'complete: 1, cancelled: 0',
    caughtBy: ['test/protocol/job-state.test.ts'],
  },
  {
    name: 'Of verdicts made apart, the one that comes first stands.',
    file: 'src/protocol/job/standing.ts',
    find: 'decisions.sort(inOrder)',
    replace: 'decisions',
    caughtBy: ['test/protocol/job-state.test.ts'],
  },
  {
    name: 'A verdict’s own signer counts as the second disk that has its results.',
    file: 'src/protocol/state/holders.ts',
    find: 'if (this.#signers.get(verdict) !== signer) this.#unheld.delete(verdict)',
    replace: 'this.#unheld.delete(verdict)',
    caughtBy: ['test/protocol/job-state-judging.test.ts'],
  },
  {
    name: 'Of several ends the one that came first counts.',
    file: 'src/protocol/job/standing.ts',
    find: 'return [...ends].sort(',
    replace: 'return [...ends].filter(',
    caughtBy: ['test/protocol/job-state.test.ts'],
  },
]
