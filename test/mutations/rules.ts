import type { Mutation } from './mutation.ts'

export const rules: readonly Mutation[] = [
  {
    name: 'What nobody knows of a vehicle is taken for fine by its owner’s rules.',
    file: 'src/protocol/rules/rules.ts',
    find: "verdict: finding.isFine === true ? 'run' : says",
    replace: "verdict: finding.isFine !== false ? 'run' : says",
    caughtBy: ['test/protocol/rules.test.ts'],
  },
  {
    name: 'A stale reading is believed by the owner’s rules.',
    file: 'src/protocol/rules/readings.ts',
    find: '    if (staleMs <= this.#nowMs) return undefined\n',
    replace: '',
    caughtBy: ['test/protocol/rules.test.ts'],
  },
  {
    name: 'The owner’s rules do not settle.',
    file: 'src/protocol/rules/settling.ts',
    find: "if (bySignals === 'stop' || nowMs - this.#lastStopMs < settleMs) return 'stop'",
    replace: "if (bySignals === 'stop') return 'stop'",
    caughtBy: ['test/protocol/rules.test.ts'],
  },
  {
    name: 'The owner’s rules take readings before and after a sleep for one quiet night.',
    file: 'src/protocol/rules/rules.ts',
    find: '    if (nowMs >= this.#signalsHoldUntilMs) this.#look(nowMs)\n',
    replace: '',
    caughtBy: ['test/protocol/rules.test.ts'],
  },
  {
    name: 'Readings from before a clock was set back are believed by the owner’s rules.',
    file: 'src/protocol/rules/readings.ts',
    find: 'if (reading.atMs > this.#nowMs + aheadMsMax) {',
    replace: 'if (reading.atMs > Number.POSITIVE_INFINITY) {',
    caughtBy: ['test/protocol/rules.test.ts'],
  },
  {
    name: 'A temperature back at its limit is fine for the owner’s rules.',
    file: 'src/protocol/rules/measuring.ts',
    find: 'value <= (wasCrossed ? max - back : max)',
    replace: 'value <= max',
    caughtBy: ['test/protocol/rules.test.ts'],
  },
  {
    name: 'The owner’s rules look ahead over a change of the clocks.',
    file: 'src/protocol/rules/rules.ts',
    find: 'Math.min(this.#local.endOfQuarter(nowMs), nowMs + Math.round(edge * 60_000))',
    replace: 'nowMs + Math.round(edge * 60_000)',
    caughtBy: ['test/protocol/rules.test.ts'],
  },
  {
    name: 'An owner’s quiet hours end at Sunday midnight.',
    file: 'src/protocol/rules/week.ts',
    find: '(minute + weekMinutes >= start && minute + weekMinutes < end)',
    replace: 'false',
    caughtBy: ['test/protocol/rules-week.test.ts'],
  },
  {
    name: 'An unplugged vehicle works on, whatever its owner’s rules say.',
    file: 'src/protocol/rules/vehicle-rules.ts',
    find: 'isFine: isPlugged ?? null,',
    replace: 'isFine: true,',
    caughtBy: ['test/simulator/week.test.ts'],
  },
  {
    name: 'The same readings once more hide from the owner’s rules that a minute has passed since it was bad.',
    file: 'src/protocol/rules/rules.ts',
    find: '    this.#settling.settle(last.bySignals, nowMs)\n    const wakeAtMs',
    replace: '    const wakeAtMs',
    caughtBy: ['test/protocol/rules.test.ts'],
  },
]
