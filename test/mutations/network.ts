import type { Mutation } from './mutation.ts'

export const network: readonly Mutation[] = [
  {
    name: 'An answer without a header is read.',
    file: 'src/host/network/block-frames.ts',
    find: 'if (frame.byteLength < headerBytes) throw',
    replace: 'if (frame.byteLength < 0) throw',
    caughtBy: ['test/fuzz/fuzz.test.ts'],
  },
  {
    name: 'One host may have all places for those who shake no hands.',
    file: 'src/host/network/turnstile.ts',
    find: ' || pending >= this.#bounds.pendingPerHostMax',
    replace: '',
    caughtBy: ['test/host/network-turnstile.test.ts'],
  },
]
