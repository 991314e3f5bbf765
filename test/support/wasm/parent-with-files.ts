/** Started with files above its standard three: says how many it was given, and how many of them its child has. */
import { readdirSync, readlinkSync } from 'node:fs'
import { ProcessExecutor } from '../../../src/host/executor/executor.ts'
import { childPids, sessionOf, silent } from './executor.ts'

const given = filesOf(process.pid)
const executor = new ProcessExecutor({ log: silent })
await executor.openSlot().prepare(sessionOf('echo'))
const reached = filesOf(childPids()[0]!)
await executor.close()
console.log(JSON.stringify({ given: given.length, reached: reached.length }))

/** Descriptors of ordinary files with a name in the tests' own tree. */
function filesOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  const paths = readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)]
    } catch {
      return []
    }
  })
  return paths.filter((path) => path.endsWith('.test.ts'))
}
