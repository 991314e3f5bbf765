import type { Mutation } from './mutation.ts'

export const node: readonly Mutation[] = [
  {
    name: 'A node that starts again leaves its jobs alone.',
    file: 'src/host/node/node.ts',
    find: '  jobs.resume()\n',
    replace: '',
    caughtBy: ['test/mesh/node.test.ts'],
  },
  {
    name: 'Whoever asks for a block gets it.',
    file: 'src/host/node/routing.ts',
    find: '    jobs.mayRead(peer, cid) ||',
    replace: '    true ||',
    caughtBy: ['test/mesh/sealing.test.ts'],
  },
  {
    name: 'A node whose clock was set back waits with its advert for as long as the step was.',
    file: 'src/host/membership/membership.ts',
    find: 'Math.max(0, this.#clock.now() - this.#lastAdvertMs)',
    replace: '(this.#clock.now() - this.#lastAdvertMs)',
    caughtBy: ['test/host/membership-clock.test.ts'],
  },
]
