import type { Mutation } from './mutation.ts'

export const signals: readonly Mutation[] = [
  {
    name: 'A signal that was read in the future counts as one of now.',
    file: 'src/host/signals/values.ts',
    find: 'if (atMs > nowMs + clockSkewMsMax)',
    replace: 'if (Number.isNaN(nowMs))',
    caughtBy: ['test/host/signals-command.test.ts'],
  },
  {
    name: 'A dead signal gets the time at which a VISS server repeats it.',
    file: 'src/host/signals/viss.ts',
    find: 'const stamped = this.#options.held',
    replace: 'const stamped = nowMs > 0',
    caughtBy: ['test/host/signals-viss.test.ts'],
  },
  {
    name: 'A dead signal gets the time at which a databroker repeats it.',
    file: 'src/host/signals/kuksa.ts',
    find: 'const stamped = held',
    replace: 'const stamped = nowMs > 0',
    caughtBy: ['test/host/signals-kuksa.test.ts'],
  },
  {
    name: 'A VISS message of signals may be of any size.',
    file: 'src/host/signals/viss.ts',
    find: '      maxPayload: messageBytesMax,\n',
    replace: '',
    caughtBy: ['test/host/signals-viss.test.ts'],
  },
  {
    name: 'Only the first process of a signal command is killed.',
    file: 'src/host/signals/command.ts',
    find: "process.kill(-pid, 'SIGKILL')",
    replace: "process.kill(pid, 'SIGKILL')",
    caughtBy: ['test/host/signals-command.test.ts'],
  },
  {
    name: 'A flood of signals is read without measure.',
    file: 'src/host/signals/throttle.ts',
    find: '    this.#source.pause()\n',
    replace: '',
    caughtBy: ['test/host/signals-command.test.ts'],
  },
  {
    name: 'An older signal takes the place of a newer one.',
    file: 'src/host/signals/latest.ts',
    find: 'atMs >= (this.#newestMs.get(path) ?? Number.NEGATIVE_INFINITY)',
    replace: 'atMs >= 0 && path !== undefined',
    caughtBy: ['test/host/signals-merge.test.ts'],
  },
  {
    name: 'A network that NetworkManager guesses to be metered is a signal of a free one.',
    file: 'src/host/signals/network-manager.ts',
    find: 'const value = metered === 1 || metered === 3',
    replace: 'const value = metered === 1',
    caughtBy: ['test/host/signals-network.test.ts'],
  },
  {
    name: 'After the clock was set back, readings count only once they are newer than those from before.',
    file: 'src/host/signals/latest.ts',
    find: 'if (this.#steps.take() < 0) this.#newestMs.clear()',
    replace: '',
    caughtBy: ['test/host/signals-merge.test.ts'],
  },
  {
    name: 'A reading from before the clock was set back is believed for some seconds.',
    file: 'src/protocol/rules/readings.ts',
    find: 'known.atMs <= nowMs) continue',
    replace: 'known.atMs <= nowMs + aheadMsMax) continue',
    caughtBy: ['test/host/signals-merge.test.ts'],
  },
]
