/** The processor time that this process and its children have used: a measure that a busy machine hardly changes. */
import { readFileSync } from 'node:fs'

/** Seconds of all children that have ended and were waited for (proc_pid_stat(5), fields 16 and 17, in ticks of 10 ms). */
export function childrenCpuSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(13, 15)
  return (Number(user) + Number(system)) / 100
}

/** Seconds of this process, of all its threads, and of its children that have ended. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6 + childrenCpuSeconds()
}
