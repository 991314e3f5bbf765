/**
 * What a process has used so far, read from Linux's /proc; null where it cannot be read (gone, or not Linux).
 *
 * Read synchronously: /proc answers from memory in some tens of microseconds, less than a trip through the
 * thread pool, and a sample that arrives late would be held against the wrong record.
 */
import { readFileSync } from 'node:fs'

export interface Usage {
  /** User and system time of all threads, in steps of 10 ms. */
  readonly cpuMs: number
  readonly residentBytes: number
}

/** USER_HZ, which is 100 on every architecture that Node supports, whatever the kernel's own tick. */
const msPerTick = 10

export function usageOf(pid: number): Usage | null {
  try {
    // The command's name may hold spaces and brackets, so fields are counted from its last bracket.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const resident = /VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return {
      cpuMs: (Number(fields[11]) + Number(fields[12])) * msPerTick,
      residentBytes: Number(resident?.[1] ?? 0) * 1024,
    }
  } catch {
    return null
  }
}
