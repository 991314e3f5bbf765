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
    name: 'Handovers beside the bound are refused, so that the order in which they come decides.',
    file: 'src/protocol/job/handover.ts',
    find: '    all.push(handover)\n',
    replace: '    if (chain.length < handoverRecordsMax) all.push(handover)\n',
    caughtBy: ['test/protocol/council.test.ts'],
  },
  {
    name: 'Owners are drawn by how many vehicles they have.',
    file: 'src/protocol/job/draw.ts',
    find: '(best.owner === owner ? isBefore(peer, best.peer) : isBefore(owner, best.owner))',
    replace: 'isBefore(peer, best.peer)',
    caughtBy: ['test/protocol/draw.test.ts'],
  },
  {
    name: 'Handovers of one predecessor hold in the order in which they come.',
    file: 'src/protocol/job/handover.ts',
    find: '[...handovers].sort((a, b) => a.epoch - b.epoch || compareText(a.id, b.id))',
    replace: '[...handovers]',
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
    name: 'A gift to another steward costs its giver nothing.',
    file: 'src/protocol/job/allowance.ts',
    find: '(this.#allowed.get(signer) ?? 0) - micros',
    replace: '(this.#allowed.get(signer) ?? 0)',
    caughtBy: ['test/protocol/allowance.test.ts'],
  },
  {
    name: 'A steward may write off the leases of another.',
    file: 'src/protocol/job/allowance.ts',
    find: '    if (known.signer !== signer) return\n',
    replace: '',
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
