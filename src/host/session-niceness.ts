/**
 * The niceness of a whole session. Where Linux shares the processor out among sessions first (autogroups, sched(7), which many systems
 * have switched on), the niceness of a process counts only among those of its own session.
 */
import { writeFileSync } from 'node:fs'

/** `pid`: of any process in the session, or `self`. Does nothing where the system has no autogroups, or this user may not. */
export function setSessionNiceness(pid: number | 'self', niceness: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness))
  } catch {
    // It stays as the system has it.
  }
}
