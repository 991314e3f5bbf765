/** Following a job until it ends, in the form that suits the reader: drawn in place, JSON lines, or not at all. */
import type { JobStatus } from '../host/api.ts'
import type { RemoteApi } from '../host/local/client.ts'
import { describeStatus } from './job-view.ts'
import { LiveLines } from './live-lines.ts'
import { keepBelow } from './output.ts'

export type Display = (status: JobStatus) => void

/** The last status that was seen; undefined when the signal came before the first. Throws RequestError. */
export async function follow(
  node: RemoteApi,
  job: string,
  display: Display,
  signal: AbortSignal,
): Promise<JobStatus | undefined> {
  let last: JobStatus | undefined
  try {
    for await (const status of node.watch(job, signal)) {
      last = status
      display(status)
    }
  } finally {
    keepBelow(null)
  }
  return last
}

/** Draws on a terminal, a few times a second at most: that is what watch() promises. */
export function liveDisplay(terminal: NodeJS.WriteStream): Display {
  const lines = new LiveLines(terminal)
  keepBelow(lines)
  return (status) => lines.draw(describeStatus(status))
}
