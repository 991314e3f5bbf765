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
    find: 'advertSpacingMs - this.#clock.monotonicMs()',
    replace: 'advertSpacingMs - this.#clock.now()',
    caughtBy: ['test/host/membership-clock.test.ts'],
  },
  {
    name: 'A step of the clock is not noticed.',
    file: 'src/host/clock.ts',
    find: 'if (Math.abs(byMs) < stepMsMin) return 0',
    replace: 'if (Math.abs(byMs) < 1e12) return 0',
    caughtBy: ['test/host/clock.test.ts'],
  },
  {
    name: 'A node makes answers for a client that reads none.',
    file: 'src/host/local/server.ts',
    find: '!this.#socket.write(encode(answered)) && !(await this.#drained())',
    replace: '!this.#socket.write(encode(answered)) && this.#gone.signal.aborted',
    caughtBy: ['test/host/local.test.ts'],
  },
  {
    name: 'A peer is heard as often as it likes with words that cost more than their reading.',
    file: 'src/host/node/routing.ts',
    find: '    if (waitMs > 0) await elapsed(clock, waitMs)\n',
    replace: '    if (waitMs < 0) await elapsed(clock, waitMs)\n',
    caughtBy: ['test/mesh/hostile-vehicle.test.ts'],
  },
  {
    name: 'A peer that floods a node holds up all that say the same.',
    file: 'src/host/network/rates.ts',
    find: 'return this.#rates.spend(',
    replace: "return this.#rates.spend('all' || ",
    caughtBy: ['test/host/door.test.ts'],
  },
  {
    name: 'Whoever floods a node gathers what it may say for ever.',
    file: 'src/host/network/rates.ts',
    find: 'Math.min(burst, had)',
    replace: 'Math.min(burst * 4, had)',
    caughtBy: ['test/host/door.test.ts'],
  },
  {
    name: 'A stranger’s job is recomputed on a standby without end.',
    file: 'src/host/stewardship/strangers-time.ts',
    find: 'jobMs - (this.#spent.peek(job) ?? 0)',
    replace: 'jobMs',
    caughtBy: ['test/host/recomputer.test.ts'],
  },
  {
    name: 'All strangers’ jobs together are recomputed on a standby all day.',
    file: 'src/host/stewardship/strangers-time.ts',
    find: '    this.#leftMs -= ms\n',
    replace: '',
    caughtBy: ['test/host/recomputer.test.ts'],
  },
]
