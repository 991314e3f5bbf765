/** The node's side of an operation: from the parameters of a request to the events and the answer that go back. */
import { z } from 'zod'
import type { NodeApi } from '../api.ts'
import { readsStdin } from '../submission/stdin.ts'
import { type MethodName, type Operation, operations } from './operations.ts'

/** A request that is being answered. */
export interface Caller {
  /** Sends an event; resolves when the client has room for the next. Rejects when the client is gone. */
  send(event: unknown): Promise<void>
  /** Sends an event if the client has room for it now; else nobody misses it. */
  mention(event: unknown): void
  /** Yields what the client was given on stdin; it must say so with the request. Throws RequestError. */
  stdin(): AsyncGenerator<Uint8Array>
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal
}

type AnyMethod = (...given: unknown[]) => unknown

export function isMethod(name: string): name is MethodName {
  return Object.hasOwn(operations, name)
}

/** Throws ZodError for wrong parameters, and whatever the method throws. */
export async function answer(
  api: NodeApi,
  name: MethodName,
  params: unknown,
  caller: Caller,
): Promise<unknown> {
  const operation: Operation = operations[name]
  const method = (api[name] as AnyMethod).bind(api)
  switch (operation.kind) {
    case 'call':
      return method(...valuesOf(operation, params))
    case 'order': {
      const request = operation.schema.parse(params)
      const stdin = readsStdin(request as { readonly paths?: readonly string[] }) ? [caller.stdin()] : []
      return method(request, (event: unknown) => caller.mention(event), ...stdin)
    }
    case 'watch': {
      const events = method(...valuesOf(operation, params), caller.signal) as AsyncIterable<unknown>
      for await (const event of events) await caller.send(event)
      return null
    }
    case 'stream':
      // One that waits for something learns by the signal that nobody waits for it.
      return sendAll(method(...valuesOf(operation, params), caller.signal) as AsyncGenerator<unknown>, caller)
  }
}

/** The arguments in their order. Throws ZodError. */
function valuesOf({ args }: Exclude<Operation, { kind: 'order' }>, params: unknown): unknown[] {
  const values = z.strictObject(Object.fromEntries(args)).parse(params)
  return args.map(([name]) => values[name])
}

/** Sends each line as an event; the value that the lines end with is the answer. */
async function sendAll<Line, End>(lines: AsyncGenerator<Line, End>, { send }: Caller): Promise<End> {
  try {
    for (;;) {
      const next = await lines.next()
      if (next.done) return next.value
      await send(next.value)
    }
  } finally {
    await lines.return(undefined as never)
  }
}
