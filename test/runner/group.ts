/** Process groups: a test file's process and all that it starts end together. */
import { setTimeout as delay } from 'node:timers/promises'

/** For processes that the file's own had told to end. */
const leaveMs = 5_000

/** Tells whether others of the group outlived its leader for longer than they take to end; if so, ends them. */
export async function leftProcesses(group: number): Promise<boolean> {
  const endMs = performance.now() + leaveMs
  while (signalGroup(group, 0)) {
    if (performance.now() > endMs) return signalGroup(group, 'SIGKILL')
    await delay(50)
  }
  return false
}

/** Tells whether there was anybody in the group. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}
