/**
 * A command's side of a node's local socket: NodeApi again, where every answer takes its time.
 *
 * Each call has a connection of its own. That costs 0.1 ms, and in return a stream that is read slowly, or given up
 * half way, concerns no other call: to stop is to hang up.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { parseJson } from '../../base/json.ts'
import type { NodeApi } from '../api.ts'
import { RequestError } from '../errors.ts'
import { LineReader } from './lines.ts'
import {
  type Answer,
  answerBytesMax,
  answerDepthMax,
  answerSchema,
  partBytesMax,
  requestBytesMax,
} from './messages.ts'
import { type MethodName, type Operation, operations } from './operations.ts'
import { findSocketPath } from './socket-path.ts'

/** NodeApi with promises. Streams are streams already; they begin when they are first read. */
export type RemoteApi = {
  readonly [Name in MethodName]: NodeApi[Name] extends (...params: infer Params) => infer Result
    ? (...params: Params) => Result extends AsyncIterable<unknown> ? Result : Promise<Awaited<Result>>
    : never
}

/** Throws what the node threw: RequestError as itself, others by name; Error when the node is gone. */
export interface LocalClient extends RemoteApi {
  /** Hangs up on every call that has no answer yet. */
  close(): void
}

/** Undefined when no node runs on this data directory. Throws Error when one does and may not be asked. */
export async function connectLocal(dataDir: string): Promise<LocalClient | undefined> {
  const path = findSocketPath(dataDir)
  return path !== undefined && (await isServed(path)) ? clientOf(path) : undefined
}

/** The client's side of each operation. */
function clientOf(path: string): LocalClient {
  const line = new Line(path)
  const methods = Object.entries<Operation>(operations).map(([name, operation]) => [
    name,
    methodOf(line, name as MethodName, operation),
  ])
  return { ...(Object.fromEntries(methods) as RemoteApi), close: () => line.close() }
}

function methodOf(line: Line, name: MethodName, operation: Operation): (...given: unknown[]) => unknown {
  switch (operation.kind) {
    case 'call':
      return (...given) => line.ask(name, named(operation, given))
    case 'order':
      return (request, onEvent, stdin) =>
        line.ask(
          name,
          request as object,
          onEvent as (event: unknown) => void,
          stdin as AsyncIterable<Uint8Array> | undefined,
        )
    case 'watch':
      return (...given) => line.follow(name, named(operation, given), given.at(-1) as AbortSignal)
    case 'stream':
      return (...given) => line.converse(name, named(operation, given))
  }
}

function named({ args }: Exclude<Operation, { kind: 'order' }>, given: readonly unknown[]): object {
  return Object.fromEntries(args.map(([name], at) => [name, given[at]]))
}

/** A connection to a node, with the requests that wait for its answers. */
class Line {
  readonly #path: string
  readonly #sockets = new Set<Socket>()

  constructor(path: string) {
    this.#path = path
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Events until the signal aborts, which is no error. */
  async *follow<Event>(
    method: MethodName,
    params: object,
    signal: AbortSignal,
  ): AsyncGenerator<Event, void, undefined> {
    if (signal.aborted) return
    try {
      yield* this.converse<Event, null>(method, params, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async ask<Result, Event = never>(
    method: MethodName,
    params: object,
    onEvent?: (event: Event) => void,
    stdin?: AsyncIterable<Uint8Array>,
  ): Promise<Result> {
    const conversation = this.converse<Event, Result>(method, params, undefined, stdin)
    for (;;) {
      const next = await conversation.next()
      if (next.done) return next.value
      onEvent?.(next.value)
    }
  }

  async *converse<Event, Result>(
    method: MethodName,
    params: object,
    signal?: AbortSignal,
    stdin?: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Event, Result, undefined> {
    const request = `${JSON.stringify({ id: 1, method, params })}\n`
    if (Buffer.byteLength(request) > requestBytesMax)
      throw new RequestError(
        `that is too much for one request (${requestBytesMax} bytes): name a folder instead`,
      )
    const socket = connect(this.#path)
    const hangUp = () => socket.destroy()
    signal?.addEventListener('abort', hangUp)
    this.#sockets.add(socket)
    try {
      socket.write(request)
      if (stdin !== undefined) void handOn(stdin, socket)
      for await (const answer of readAnswers(socket)) {
        if ('error' in answer) throw revived(answer.error)
        if ('result' in answer) return answer.result as Result
        yield answer.event as Event
      }
      throw new Error('the node hung up before it answered; is it stopping?')
    } finally {
      signal?.removeEventListener('abort', hangUp)
      this.#sockets.delete(socket)
      socket.destroy()
    }
  }
}

/** Sends stdin at the node's pace, until it has ended or the node has answered. */
async function handOn(stdin: AsyncIterable<Uint8Array>, socket: Socket): Promise<void> {
  try {
    for await (const chunk of stdin)
      for (let at = 0; at < chunk.byteLength; at += partBytesMax) {
        if (socket.destroyed) return
        const part = Buffer.from(chunk.subarray(at, at + partBytesMax)).toString('base64')
        if (!socket.write(`${JSON.stringify({ id: 1, part })}\n`)) await once(socket, 'drain')
      }
    socket.write(`${JSON.stringify({ id: 1, part: null })}\n`)
  } catch (error) {
    // The conversation fails with this; where the node has hung up, it has its own error.
    socket.destroy(error as Error)
  }
}

async function isServed(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return false
    throw new Error(`cannot ask the node at ${path}: ${message}`, { cause: error })
  } finally {
    socket.destroy()
  }
}

async function* readAnswers(socket: Socket): AsyncGenerator<Answer> {
  const lines = new LineReader(answerBytesMax)
  try {
    for await (const chunk of socket)
      for (const line of lines.push(chunk)) yield answerSchema.parse(parseJson(line, answerDepthMax))
  } catch (error) {
    throw new Error(`the node hung up before it answered: ${(error as Error).message}`, { cause: error })
  }
}

function revived({ name, message }: { readonly name: string; readonly message: string }): Error {
  return name === 'RequestError' ? new RequestError(message) : Object.assign(new Error(message), { name })
}
