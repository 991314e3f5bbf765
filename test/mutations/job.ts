import type { Mutation } from './mutation.ts'

export const job: readonly Mutation[] = [
  {
    name: 'A receipt is accepted whose opening does not match its commitment.',
    file: 'src/protocol/job/lease.ts',
    find: 'expected.length !== root.length || expected.some((byte, i) => byte !== root[i])',
    replace: 'expected.length !== root.length',
    caughtBy: ['test/protocol/receipt.test.ts'],
  },
  {
    name: 'A receipt is accepted for the lease of another vehicle.',
    file: 'src/protocol/job/lease.ts',
    find: 'receipt.signer !== lease.payload.vehicle ||',
    replace: '',
    caughtBy: ['test/protocol/receipt.test.ts'],
  },
  {
    name: 'A node becomes a steward by a consent that it gave to another handover.',
    file: 'src/protocol/job/handover.ts',
    find: '    consent.payload.lost === lost &&\n',
    replace: '',
    caughtBy: ['test/protocol/handover.test.ts'],
  },
  {
    name: 'A steward makes as many others as it likes.',
    file: 'src/protocol/job/handover.ts',
    find: '      if (left === 0) break\n',
    replace: '',
    caughtBy: ['test/protocol/handover.test.ts'],
  },
  {
    name: 'A handover holds by any record that made somebody a steward.',
    file: 'src/protocol/job/handover.ts',
    find: ' && next.signer === giver',
    replace: '',
    caughtBy: ['test/protocol/handover.test.ts'],
  },
  {
    name: 'Owners are drawn by how many vehicles they have.',
    file: 'src/protocol/job/draw.ts',
    find: '(best.owner === owner ? lots.wins(peer, best.peer) : lots.wins(owner, best.owner))',
    replace: 'lots.wins(peer, best.peer)',
    caughtBy: ['test/protocol/draw.test.ts'],
  },
  {
    name: 'Handovers of one giver hold in the order in which they come.',
    file: 'src/protocol/job/handover.ts',
    find: 'given.sort((a, b) => a.serial - b.serial || compareText(a.id, b.id))',
    replace: 'given',
    caughtBy: ['test/protocol/handover.test.ts'],
  },
  {
    name: 'Checks are not drawn: always the first of a window.',
    file: 'src/protocol/job/window.ts',
    find: 'const j = i + chance.below(order.length - i)',
    replace: 'const j = i',
    caughtBy: ['test/protocol/windows.test.ts'],
  },
  {
    name: 'A steward gives a liar its voice back by settling what contradicts it.',
    file: 'src/protocol/job/standing.ts',
    find: '    return this.of(position).flatMap(',
    replace:
      '    const left = this.of(position).filter(({ record }) => !this.isSettled(record.id))\n    return left.flatMap(',
    caughtBy: ['test/protocol/decisions.test.ts'],
  },
  {
    name: 'A gift to another steward costs its giver nothing.',
    file: 'src/protocol/state/allowances.ts',
    find: '      purse.given += cost\n',
    replace: '',
    caughtBy: ['test/protocol/allowance.test.ts'],
  },
  {
    name: 'A steward may write off the leases of another.',
    file: 'src/protocol/state/allowances.ts',
    find: 'known.record.signer !== signer || known.record.serial >= serial',
    replace: 'known.record.serial >= serial',
    caughtBy: ['test/protocol/allowance.test.ts'],
  },
  {
    name: 'The bytes of a document count for each of its pages.',
    file: 'src/protocol/job/split.ts',
    find: 'bytes += document.file === lastDocument ? 0 : document.bytes',
    replace: 'bytes += document.bytes',
    caughtBy: ['test/protocol/splitting.test.ts'],
  },
]
