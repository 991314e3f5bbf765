import type { Mutation } from './mutation.ts'

export const verification: readonly Mutation[] = [
  {
    name: 'An owner with two vehicles counts twice.',
    file: 'src/protocol/verification/tally.ts',
    find: 'const voices = oneForEachOwner(claims)',
    replace: 'const voices = claims',
    caughtBy: ['test/protocol/tally.test.ts'],
  },
  {
    name: 'One replica fewer than the job bought is enough.',
    file: 'src/protocol/verification/tally.ts',
    find: ': assurance.replicas - best.length\n  if',
    replace: ': assurance.replicas - 1 - best.length\n  if',
    caughtBy: ['test/protocol/tally.test.ts'],
  },
  {
    name: 'Those who disagree do not weigh against a lead.',
    file: 'src/protocol/verification/tally.ts',
    find: 'assurance.lead - (best.length - others)',
    replace: 'assurance.lead - best.length',
    caughtBy: ['test/protocol/tally.test.ts'],
  },
  {
    name: 'Receipts that do not contradict each other count as evidence.',
    file: 'src/protocol/verification/evidence.ts',
    find: "if (!contradicts) throw nothingProven('the receipts do not contradict each other')",
    replace: '',
    caughtBy: ['test/protocol/evidence.test.ts'],
  },
  {
    name: 'Under a tolerance claims are joined through a third.',
    file: 'src/protocol/verification/tally.ts',
    find: 'const rest = candidates.slice(i + 1).filter((other) => areWithin(tolerance, next[0]!, other[0]!))',
    replace: 'const rest = candidates.slice(i + 1)',
    caughtBy: ['test/protocol/tally.test.ts'],
  },
  {
    name: 'A certificate that was over accuses its owner.',
    file: 'src/protocol/verification/evidence.ts',
    find: 'certificate.expiresMs <= begunMs)',
    replace: 'certificate.expiresMs <= 0)',
    caughtBy: ['test/protocol/evidence.test.ts'],
  },
  {
    name: 'A lease that anybody signed is evidence.',
    file: 'src/protocol/verification/evidence.ts',
    find: 'if (!successionOf(manifest.id, manifest.payload, opened).signers.has(lease.signer))',
    replace: 'if (opened.length > 100)',
    caughtBy: ['test/protocol/evidence.test.ts'],
  },
]
