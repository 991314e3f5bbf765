/** A vehicle to be killed: one child frozen, one in an endless loop, one idle. Says "ready" when they are. */
import { ProcessExecutor } from '../../../src/host/executor/executor.ts'
import { childPids, sessionOf, silent, stateOf, until } from './executor.ts'

const executor = new ProcessExecutor({ log: silent })
const [frozen, looping, idle] = [executor.openSlot(), executor.openSlot(), executor.openSlot()]
await frozen.prepare(sessionOf('no-op'))
frozen.freeze()
const [pid] = childPids()
await until(() => stateOf(pid!) === 'T')
await looping.prepare(sessionOf('moody'))
void looping.run(Buffer.from('s'), 0).catch(() => undefined)
await idle.prepare(sessionOf('echo'))
process.stdout.write('ready\n')
