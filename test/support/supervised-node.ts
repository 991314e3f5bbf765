/** Plays a node that will be killed: its supervisor, and a slot's process that nothing but the supervisor would end. */
import { spawn } from 'node:child_process'
import { pino } from 'pino'
import { statOf } from '../../src/host/executor/usage.ts'
import { SupervisedWatch } from '../../src/host/supervisor/supervised-watch.ts'
import { defaultPreferences } from '../../src/protocol/rules/preferences.ts'

const watch = await SupervisedWatch.start({
  preferences: { ...defaultPreferences, settleMs: 0 },
  signals: [process.argv[2]!],
  network: 'unmetered',
  slotWatts: 10,
  journal: { getSetting: () => undefined, putSetting: () => undefined },
  trafficBytes: () => 0,
  log: pino({ level: 'silent' }),
})
// A shell of its own process group, so that the test's runner does not wait for it either.
const slot = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore', detached: true })
watch.began(slot.pid!, statOf(slot.pid!)!.startedTicks)
process.send!({ supervisor: watch.pid, slot: slot.pid })
