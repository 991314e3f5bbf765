/** Events of a batch as a stream (server-sent events): all of it at once, and again after each change, until it is over. */
import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import { type Batches, batchObject, isOver } from './batches.ts'
import type { Runner } from './runner.ts'

/** Proxies end connections that are silent for a minute. */
const pulseMs = 15_000

export interface EventsContext {
  readonly batches: Batches
  readonly runner: Runner
  /** The key that asked is still in force. */
  readonly isAllowed: () => boolean
}

/** Nothing is replayed, since each event is complete. Where the batch is over already, 204 ends an EventSource. */
export function batchEvents(c: Context, id: string, { batches, runner, isAllowed }: EventsContext): Response {
  const isFirst = c.req.header('last-event-id') === undefined
  if (!isFirst && isOver(batches.byId(id)!.status)) return c.body(null, 204)
  return streamSSE(c, async (stream) => {
    let [serial, last]: [number, string] = [0, '']
    let wake = () => {}
    const changed = (which: string) => {
      if (which === id) wake()
    }
    runner.changes.on('change', changed)
    stream.onAbort(() => wake())
    try {
      while (!stream.aborted) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve
        })
        const batch = isAllowed() ? batches.byId(id) : undefined
        if (batch === undefined) return
        const data = JSON.stringify(batchObject(batch, batches.parts(id)))
        if (data !== last) {
          serial += 1
          await stream.writeSSE({ event: 'batch', id: String(serial), data })
        } else await stream.write(': still here\n\n')
        last = data
        if (isOver(batch.status)) return
        await Promise.race([woken, stream.sleep(pulseMs)])
      }
    } finally {
      runner.changes.off('change', changed)
    }
  })
}
