/**
 * The node's side of its local socket: `carpool` commands ask here. Only the user who runs the node may connect;
 * the file's mode (0600) is the whole of the access control, as it is for the keys that lie beside it.
 */
import { EventEmitter, once } from 'node:events'
import { chmodSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { Logger } from 'pino'
import { z } from 'zod'
import { parseJson } from '../../base/json.ts'
import type { NodeApi } from '../api.ts'
import { RequestError } from '../errors.ts'
import { answer, type Caller, isMethod } from './answers.ts'
import { LineReader } from './lines.ts'
import {
  type Answer,
  connectionsMax,
  partSchema,
  requestBytesMax,
  requestDepthMax,
  requestSchema,
  waitingRequestsMax,
} from './messages.ts'
import { prepareSocketPath, removeSocketPath } from './socket-path.ts'

export interface LocalServer {
  /** Hangs up on everybody, and removes the socket. */
  close(): Promise<void>
}

/** The caller has locked the data directory, so that a socket in it is a dead node's. Throws what listen() throws. */
export async function serveLocal(api: NodeApi, dataDir: string, log: Logger): Promise<LocalServer> {
  const path = prepareSocketPath(dataDir)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    socket.on('error', (error) => log.debug({ error: error.message }, 'a local client hung up'))
    socket.on('close', () => sockets.delete(socket))
    sockets.add(socket)
    if (sockets.size > connectionsMax) {
      socket.end(encode(refusal(null, 'Busy', `the node has ${connectionsMax} local clients already`)))
      // The client's requests are thrown away, so that it reads the answer and hangs up.
      socket.resume()
      return
    }
    new Connection(api, socket, log).start()
  })
  server.listen(path)
  await once(server, 'listening')
  chmodSync(path, 0o600)
  server.on('error', (error) => log.warn({ error: error.message }, 'the local socket failed'))
  return {
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
      removeSocketPath(dataDir)
    },
  }
}

class Connection {
  readonly #api: NodeApi
  readonly #socket: Socket
  readonly #log: Logger
  readonly #lines = new LineReader(requestBytesMax)
  readonly #waiting: string[] = []
  /** Emits 'line' after more lines have come. */
  readonly #news = new EventEmitter()
  readonly #gone = new AbortController()
  #isAnswering = false

  constructor(api: NodeApi, socket: Socket, log: Logger) {
    this.#api = api
    this.#socket = socket
    this.#log = log
  }

  start(): void {
    this.#socket.on('data', (chunk) => this.#read(chunk as Buffer))
    this.#socket.on('end', () => this.#gone.abort())
    this.#socket.on('close', () => this.#gone.abort())
  }

  #read(chunk: Uint8Array): void {
    try {
      this.#waiting.push(...this.#lines.push(chunk))
    } catch (error) {
      // Nobody can tell where the next line begins. We throw away all further bytes, so that the client reads the
      // answer.
      this.#socket.removeAllListeners('data').resume()
      this.#socket.end(encode(refusal(null, 'Malformed', (error as Error).message)))
      return
    }
    if (this.#waiting.length > waitingRequestsMax) this.#socket.pause()
    this.#news.emit('line')
    if (!this.#isAnswering) void this.#answerAll()
  }

  async #answerAll(): Promise<void> {
    this.#isAnswering = true
    for (let line = this.#waiting.shift(); line !== undefined; line = this.#waiting.shift()) {
      const answered = await this.#answer(line)
      if (this.#gone.signal.aborted) return
      // A client that reads nothing gets no further answer, and its requests wait unread.
      if (!this.#socket.write(encode(answered)) && !(await this.#drained())) return
      if (this.#waiting.length <= waitingRequestsMax) this.#socket.resume()
    }
    this.#isAnswering = false
  }

  /** False when the client is gone. */
  async #drained(): Promise<boolean> {
    try {
      await once(this.#socket, 'drain', { signal: this.#gone.signal })
      return true
    } catch {
      return false
    }
  }

  async #answer(line: string): Promise<Answer> {
    const request = parse(line)
    if (request === undefined)
      return refusal(null, 'Malformed', 'a request is a line such as {"id":1,"method":"peers","params":{}}')
    const { id, method, params = {} } = request
    if (!isMethod(method)) return refusal(id, 'Malformed', `there is no method '${method.slice(0, 64)}'`)
    try {
      return { id, result: (await answer(this.#api, method, params, this.#caller(id))) ?? null }
    } catch (error) {
      if (error instanceof z.ZodError) return refusal(id, 'Malformed', wrongParams(method, error))
      if (!(error instanceof RequestError) && !this.#gone.signal.aborted)
        this.#log.warn({ err: error, method }, 'a local request failed')
      const { name, message } = error instanceof Error ? error : new Error(String(error))
      return refusal(id, name, message)
    }
  }

  /** The lines that follow the request that is being answered. A line that is another request ends the conversation. */
  async *#stdin(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const line = this.#waiting.shift() ?? (await this.#nextLine())
      if (this.#waiting.length <= waitingRequestsMax) this.#socket.resume()
      const data = partOf(line)
      if (data === undefined)
        throw new RequestError('stdin was not handed on: the client sent something else')
      if (data.part === null) return
      yield Buffer.from(data.part, 'base64')
    }
  }

  /** Throws when the client is gone. */
  async #nextLine(): Promise<string> {
    while (this.#waiting.length === 0) await once(this.#news, 'line', { signal: this.#gone.signal })
    return this.#waiting.shift()!
  }

  #caller(id: number | string): Caller {
    const { signal } = this.#gone
    return {
      signal,
      stdin: () => this.#stdin(),
      send: async (event) => {
        signal.throwIfAborted()
        if (!this.#socket.write(encode({ id, event }))) await once(this.#socket, 'drain', { signal })
      },
      mention: (event) => {
        if (!signal.aborted && !this.#socket.writableNeedDrain) this.#socket.write(encode({ id, event }))
      },
    }
  }
}

function partOf(line: string): z.infer<typeof partSchema> | undefined {
  try {
    return partSchema.parse(parseJson(line, requestDepthMax))
  } catch {
    return undefined
  }
}

function parse(line: string): z.infer<typeof requestSchema> | undefined {
  try {
    return requestSchema.parse(parseJson(line, requestDepthMax))
  } catch {
    return undefined
  }
}

function wrongParams(method: string, error: z.ZodError): string {
  const issue = error.issues[0]
  return `${method}: ${['params', ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? 'wrong'}`
}

function refusal(id: number | string | null, name: string, message: string): Answer {
  return { id, error: { name, message } }
}

function encode(answer: Answer): string {
  return `${JSON.stringify(answer)}\n`
}
