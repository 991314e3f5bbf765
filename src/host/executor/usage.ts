/**
 * Reads from Linux's /proc what a process has used so far; null where it cannot be read (gone, or not Linux).
 *
 * Read synchronously: /proc answers from memory in some tens of microseconds, less than a trip through the
 * thread pool, and a sample that arrives late would be held against the wrong record.
 */
import { readFileSync } from 'node:fs'

export interface Usage {
  /** User and system time of all threads, in steps of 10 ms. */
  readonly cpuMs: number
  /**
   * The memory that it alone keeps from others. Pages of files are not counted: slots that map the same weights share them, and the
   * kernel drops them when somebody needs the room.
   */
  readonly privateBytes: number
}

export interface Stat {
  /** A letter of proc(5): R running, S sleeping, T stopped, Z ended and not waited for. */
  readonly state: string
  readonly cpuMs: number
  /** In ticks since the machine started: with the pid, a name that no other process will ever have. */
  readonly startedTicks: number
}

/** USER_HZ, which is 100 on every architecture that Node supports, whatever the kernel's own tick. */
const msPerTick = 10

export function usageOf(pid: number): Usage | null {
  const stat = statOf(pid)
  if (stat === null) return null
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const [anonymous, shared] = [/^RssAnon:\s*(\d+) kB$/m, /^RssShmem:\s*(\d+) kB$/m].map((line) =>
      Number(line.exec(status)?.[1] ?? 0),
    )
    return { cpuMs: stat.cpuMs, privateBytes: (anonymous! + shared!) * 1024 }
  } catch {
    return null
  }
}

export function statOf(pid: number): Stat | null {
  try {
    // The command's name may hold spaces and brackets, so fields are counted from its last bracket.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return {
      state: fields[0]!,
      cpuMs: (Number(fields[11]) + Number(fields[12])) * msPerTick,
      startedTicks: Number(fields[19]),
    }
  } catch {
    return null
  }
}
