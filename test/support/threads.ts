/** The threads of another process, by Linux's /proc. */
import { readdirSync, readFileSync } from 'node:fs'

/** True where all of its threads are stopped, or ended: a stop reaches one after the other, and a process says it as soon as its first one is. */
export function standsStill(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')
      return ['T', 'Z', 'X'].includes(stat.charAt(stat.lastIndexOf(')') + 2))
    })
  } catch (error) {
    // It is gone, or one of its threads went meanwhile: then the next look tells.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && !isThere(pid)
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
