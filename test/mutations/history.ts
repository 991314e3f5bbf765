import type { Mutation } from './mutation.ts'

export const history: readonly Mutation[] = [
  {
    name: 'Each of a thousand leases a second is a line of the log.',
    file: 'src/host/history/log-lines.ts',
    find: 'if (said < linesMax) {',
    replace: 'if (said >= 0) {',
    caughtBy: ['test/host/history.test.ts'],
  },
  {
    name: 'The log does not say how much it left out when the node stops.',
    file: 'src/host/history/log-lines.ts',
    find: '    this.#callOff?.()\n    this.#endWindow()',
    replace: '    this.#callOff?.()',
    caughtBy: ['test/host/history.test.ts'],
  },
  {
    name: 'A pause over midnight counts for the day on which it ended.',
    file: 'src/host/history/history.ts',
    find: '[today, Math.min(passedMs, ofTodayMs)]',
    replace: '[today, passedMs]',
    caughtBy: ['test/host/history.test.ts'],
  },
  {
    name: 'An idle vehicle writes its history every minute.',
    file: 'src/host/history/history.ts',
    find: 'if (this.#isWorkUnsaved || this.#countedMs - this.#savedMs >= idleSaveMs) this.#save()',
    replace: 'this.#save()',
    caughtBy: ['test/host/history.test.ts'],
  },
  {
    name: 'On a full disk the history of the last minutes is lost.',
    file: 'src/host/history/tallies.ts',
    find: '    const unsaved = this.#unsaved\n',
    replace: '    const unsaved = this.#unsaved\n    this.#unsaved = new Map()\n',
    caughtBy: ['test/host/history.test.ts'],
  },
  {
    name: 'The history is never forgotten.',
    file: 'src/host/history/tallies.ts',
    find: "      this.#database.run('DELETE FROM history WHERE day <= ?', today - daysKept)\n",
    replace: '',
    caughtBy: ['test/host/history.test.ts'],
  },
  {
    name: 'A connection that flaps is told again and again.',
    file: 'src/host/history/connections.ts',
    find: 'else if (this.#isTold) log.info',
    replace: 'else log.info',
    caughtBy: ['test/host/history.test.ts'],
  },
  {
    name: 'A lease that an earlier run took is never counted as done.',
    file: 'src/host/vehicle/restore.ts',
    find: 'if (released === undefined) news.leaseKept(',
    replace: 'if (released === null) news.leaseKept(',
    caughtBy: ['test/host/history.test.ts'],
  },
  {
    name: 'Earnings of other vehicles are in the history of this one.',
    file: 'src/host/history/money-by-day.ts',
    find: ': claim.vehicle !== self) continue',
    replace: ': false) continue',
    caughtBy: ['test/host/history.test.ts'],
  },
  {
    name: 'The log says durations in milliseconds.',
    file: 'src/cli/log.ts',
    find: 'if (/[a-z]Ms$/.test(name)',
    replace: 'if (/[a-z]Msec$/.test(name)',
    caughtBy: ['test/cli/views.test.ts'],
  },
]
