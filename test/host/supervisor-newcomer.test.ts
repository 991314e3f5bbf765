/** The supervisor's own process, spoken to as its node does: what is done by the time that it answers. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { statOf } from '../../src/host/executor/usage.ts'
import { nothingKept } from '../../src/host/supervisor/kept.ts'
import type { ToSupervisor } from '../../src/host/supervisor/messages.ts'
import { defaultPreferences } from '../../src/protocol/rules/preferences.ts'
import { stateOf } from '../support/wasm/executor.ts'

const program = fileURLToPath(new URL('../../src/host/supervisor/main.ts', import.meta.url))
const skip = process.platform === 'linux' ? false : 'reads /proc'

test('a process that starts during a stop is told to stand still before anything else is answered', {
  skip,
  timeout: 400_000,
}, async (t) => {
  const slot = spawn('nice', ['-n', '19', 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' })
  const supervisor = spawn(process.execPath, [program], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  const socket = supervisor.stdio[3] as Duplex
  t.after(async () => {
    slot.kill('SIGKILL')
    const ended = once(supervisor, 'exit')
    socket.destroy() // its node is gone: it ends, and what reads signals for it
    await ended
  })
  const say = (message: ToSupervisor) => socket.write(`${JSON.stringify(message)}\n`)
  say({
    type: 'begin',
    preferences: defaultPreferences,
    signals: ['command:exec sleep 600'], // nothing is known of the vehicle
    network: 'unmetered',
    slotWatts: 10,
    kept: nothingKept,
    pause: null,
    logLevel: 'silent',
  })
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  const answer = async () => {
    say({ type: 'tick', trafficBytes: 0 })
    for (let type = ''; type !== 'tock'; ) type = JSON.parse((await lines.next()).value as string).type
  }
  // By then it has read what its network is, after which it would stop the slot as well.
  for (let turns = 0; turns < 10; turns += 1) await answer()
  say({ type: 'child', pid: slot.pid!, startedTicks: statOf(slot.pid!)!.startedTicks })
  await answer()
  const isStopped = () => stateOf(slot.pid!) === 'T'
  // Twice: it may heed the signal between the first look and the second.
  assert(isStopped() || isToStop(slot.pid!) || isStopped())
})

/** Has SIGSTOP, and has not been given a processor to heed it. */
function isToStop(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const pending = BigInt(`0x${/^ShdPnd:\s*([0-9a-f]+)$/m.exec(status)![1]}`)
  return (pending & (1n << 18n)) !== 0n
}
