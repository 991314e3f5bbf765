import type { Mutation } from './mutation.ts'

export const submission: readonly Mutation[] = [
  {
    name: 'Of weights only the root is the job’s.',
    file: 'src/host/submission/submission.ts',
    find: '(block) => mine.put(block.cid, block.bytes, kind))',
    replace:
      "async (block) => { if (kind !== 'weights' || block.bytes.byteLength < 1_000) await mine.put(block.cid, block.bytes, kind) })",
    caughtBy: ['test/host/submission.test.ts'],
  },
  {
    name: 'A job begins whose budget cannot pay for what is expected.',
    file: 'src/host/submission/submission.ts',
    find: 'cost === null || budgetMicros >= cost.expectedMicros',
    replace: 'cost === null || budgetMicros >= 0',
    caughtBy: ['test/mesh/money.test.ts'],
  },
  {
    name: 'An open mesh promises an error bound.',
    file: 'src/host/submission/assurance.ts',
    find: 'market.fleet === null ? null : Math.ceil',
    replace: 'Math.ceil',
    caughtBy: ['test/host/assurance.test.ts'],
  },
  {
    name: 'A quote in an open mesh promises an error bound.',
    file: 'src/host/submission/submission.ts',
    find: 'errorBound: isVouchedFor ? plan.errorBound : null',
    replace: 'errorBound: plan.errorBound',
    caughtBy: ['test/host/assurance.test.ts'],
  },
  {
    name: 'A submitter counts its own vehicles among the owners.',
    file: 'src/host/submission/assurance.ts',
    find: 'owner === self || ',
    replace: '',
    caughtBy: ['test/host/assurance.test.ts'],
  },
  {
    name: 'Owners who ask more than a job pays count as supply.',
    file: 'src/host/submission/assurance.ts',
    find: 'able.filter(({ ask }) => isAffordable(ask, payment))',
    replace: 'able',
    caughtBy: ['test/host/assurance.test.ts', 'test/mesh/money.test.ts'],
  },
  {
    name: 'A job that has its steward decide begins on a node that cannot recompute.',
    file: 'src/host/submission/assurance.ts',
    find: "if (arbiter === 'steward' && !recomputes)",
    replace: "if (arbiter === 'steward' && runtime === '')",
    caughtBy: ['test/host/assurance.test.ts'],
  },
  {
    name: 'Hidden files are submitted with a folder.',
    file: 'src/host/submission/documents.ts',
    find: "part.startsWith('.')",
    replace: "part === '.'",
    caughtBy: ['test/mesh/submission.test.ts'],
  },
  {
    name: 'A request with another budget is the same job.',
    file: 'src/host/submission/submission.ts',
    find: '    category,\n    payment,\n  }',
    replace: '    category,\n  }',
    caughtBy: ['test/host/jobs-alike.test.ts'],
  },
  {
    name: 'A submission that fails half-way leaves its blocks behind.',
    file: 'src/host/submission/submission.ts',
    find: '    await context.blocks.release(job)\n',
    replace: '',
    caughtBy: ['test/host/submission.test.ts'],
  },
  {
    name: 'A document that changes while it is submitted becomes part of the job.',
    file: 'src/host/submission/submission.ts',
    find: 'if (root !== documents[i]!.file)',
    replace: 'if (root === undefined)',
    caughtBy: ['test/host/submission.test.ts'],
  },
  {
    name: 'A blind job’s keys are wrapped for all vehicles of one owner before any of another.',
    file: 'src/host/submission/submission.ts',
    find: 'a.turn - b.turn || compareText',
    replace: 'compareText',
    caughtBy: ['test/host/submission.test.ts'],
  },
]
