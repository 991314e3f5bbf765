/** Ends programs that an owner names, with all that they have started. */
import type { ChildProcess } from 'node:child_process'

/** `child`: was spawned detached, so that it leads a group of processes of its own. */
export function killGroup({ pid }: Pick<ChildProcess, 'pid'>): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody of it is left.
  }
}
