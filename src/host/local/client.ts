/**
 * A command's side of a node's local socket: NodeApi again, where every answer takes its time.
 *
 * Each call has a connection of its own. That costs 0.1 ms, and in return a stream that is read slowly, or given up
 * half way, concerns no other call: to stop is to hang up.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import type {
  JobStatus,
  JobSummary,
  NodeApi,
  NodeInfo,
  PeerRow,
  Quote,
  ResultLine,
  ResultsEnd,
  SubmitProgress,
  SubmitRequest,
  Submitted,
  WhyView,
} from '../api.ts'
import { RequestError } from '../errors.ts'
import type { FleetMemberRow } from '../store/member-tables.ts'
import { LineReader } from './lines.ts'
import { type Answer, answerBytesMax, answerSchema, requestBytesMax } from './messages.ts'
import type { MethodName } from './methods.ts'
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
  return path !== undefined && (await isServed(path)) ? new Client(path) : undefined
}

class Client implements LocalClient {
  readonly #path: string
  readonly #sockets = new Set<Socket>()

  constructor(path: string) {
    this.#path = path
  }

  info(): Promise<NodeInfo> {
    return this.#ask('info')
  }

  peers(): Promise<PeerRow[]> {
    return this.#ask('peers')
  }

  quote(request: SubmitRequest, onProgress?: (progress: SubmitProgress) => void): Promise<Quote> {
    return this.#ask('quote', request, onProgress)
  }

  submit(request: SubmitRequest, onProgress?: (progress: SubmitProgress) => void): Promise<Submitted> {
    return this.#ask('submit', request, onProgress)
  }

  jobs(): Promise<JobSummary[]> {
    return this.#ask('jobs')
  }

  status(job: string): Promise<JobStatus> {
    return this.#ask('status', { job })
  }

  watch(job: string, signal: AbortSignal): AsyncGenerator<JobStatus, void, undefined> {
    return this.#follow('watch', { job }, signal)
  }

  results(job: string): AsyncGenerator<ResultLine, ResultsEnd, undefined> {
    return this.#converse('results', { job })
  }

  async cancel(job: string): Promise<void> {
    await this.#ask('cancel', { job })
  }

  async forget(job: string): Promise<void> {
    await this.#ask('forget', { job })
  }

  report(job: string, path: string): ReturnType<NodeApi['report']> {
    return this.#ask('report', { job, path })
  }

  earnings(periods: Parameters<NodeApi['earnings']>[0]): ReturnType<NodeApi['earnings']> {
    return this.#ask('earnings', { periods })
  }

  bill(job: string): ReturnType<NodeApi['bill']> {
    return this.#converse('bill', { job })
  }

  settle(request: Parameters<NodeApi['settle']>[0]): ReturnType<NodeApi['settle']> {
    return this.#ask('settle', request)
  }

  ledger(): ReturnType<NodeApi['ledger']> {
    return this.#converse('ledger', {})
  }

  receipts(): ReturnType<NodeApi['receipts']> {
    return this.#converse('receipts', {})
  }

  fleetMembers(): Promise<FleetMemberRow[]> {
    return this.#ask('fleetMembers')
  }

  fleetApprove(peer: PeerId): Promise<FleetMemberRow> {
    return this.#ask('fleetApprove', { peer })
  }

  fleetAdmit(peer: PeerId, owner: OwnerId | null, vehicle: string): Promise<FleetMemberRow> {
    return this.#ask('fleetAdmit', { peer, owner, vehicle })
  }

  fleetRevoke(id: PeerId | OwnerId): Promise<FleetMemberRow[]> {
    return this.#ask('fleetRevoke', { id })
  }

  fleetRotate(finish: boolean): ReturnType<RemoteApi['fleetRotate']> {
    return this.#ask('fleetRotate', { finish })
  }

  why(): Promise<WhyView> {
    return this.#ask('why')
  }

  watchWhy(signal: AbortSignal): AsyncGenerator<WhyView, void, undefined> {
    return this.#follow('watchWhy', {}, signal)
  }

  async pause(untilMs: number | null): Promise<void> {
    await this.#ask('pause', { untilMs })
  }

  async resume(): Promise<void> {
    await this.#ask('resume')
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Events until the signal aborts, which is no error. */
  async *#follow<Event>(
    method: MethodName,
    params: object,
    signal: AbortSignal,
  ): AsyncGenerator<Event, void, undefined> {
    if (signal.aborted) return
    try {
      yield* this.#converse<Event, null>(method, params, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async #ask<Result, Event = never>(
    method: MethodName,
    params: object = {},
    onEvent?: (event: Event) => void,
  ): Promise<Result> {
    const conversation = this.#converse<Event, Result>(method, params)
    for (;;) {
      const next = await conversation.next()
      if (next.done) return next.value
      onEvent?.(next.value)
    }
  }

  async *#converse<Event, Result>(
    method: MethodName,
    params: object,
    signal?: AbortSignal,
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
      for (const line of lines.push(chunk)) yield answerSchema.parse(JSON.parse(line))
  } catch (error) {
    throw new Error(`the node hung up before it answered: ${(error as Error).message}`, { cause: error })
  }
}

function revived({ name, message }: { readonly name: string; readonly message: string }): Error {
  return name === 'RequestError' ? new RequestError(message) : Object.assign(new Error(message), { name })
}
