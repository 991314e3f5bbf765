/**
 * The messages that a vehicle and the child process of one slot exchange, over the child's stdin and stdout.
 *
 * A frame is: header length (u32, little endian), body length (u32), header (JSON), body (raw bytes:
 * documents and outputs never pass through JSON). Weights are files that the child reads, but for the smallest. The child answers `run` and `inspect` in order, so the
 * parent may send the next page before the last one is done and the child never waits for it.
 * This file and the descriptions in registry.ts are all that src/host and src/runtimes share.
 */
import type {
  AbsentEngine,
  DocumentShape,
  DrawnPage,
  EngineDescription,
  Inspecting,
  RecordErrorCode,
  RuntimeOptions,
  ScoredClaim,
  UnitCount,
} from './runtime.ts'

export type {
  EndpointComposer,
  EndpointDescription,
  EndpointRequest,
  LostPages,
  PageOutputs,
} from './endpoint.ts'
export type {
  DocumentShape,
  DrawnPage,
  EngineDescription,
  Inspecting,
  NamedWeight,
  PackagedWeights,
  RecordErrorCode,
  Refusal,
  RequestLine,
  RequestsDescription,
  RuntimeDescription,
  RuntimeOptions,
  ScoredClaim,
  UnitCount,
  UnitDescription,
  WeightFile,
} from './runtime.ts'

/** The engine whose answers or scores decide on claims of the one with this id: one that scores it, or itself. */
export function engineThatJudges(
  engines: readonly EngineDescription[],
  id: string,
): EngineDescription | undefined {
  return engines.find(({ scores }) => scores?.includes(id)) ?? engines.find((engine) => engine.id === id)
}

export type ToChild =
  /**
   * Body: the weights that have no path, one after another. Answered by `loaded` or `load-failed`. `path`: where the child
   * finds the file.
   */
  | {
      readonly type: 'load'
      readonly runtime: string
      readonly engine: string
      readonly options: RuntimeOptions
      /** Nothing will run: it counts the units of documents. */
      readonly isCounter: boolean
      readonly weights: readonly {
        readonly name: string
        readonly bytes: number
        readonly path: string | null
      }[]
    }
  /** Body: the document. Answered by `record`. */
  | { readonly type: 'run'; readonly id: number; readonly page: number; readonly unitsMax?: number }
  /** Body: the document, of so many bytes, and the output that is claimed for its page. Answered by `scored`. */
  | {
      readonly type: 'score'
      readonly id: number
      readonly page: number
      readonly documentBytes: number
      readonly unitsMax?: number
    }
  /** Body: the document. Answered by `shape`. Needs a `load` of what counts. */
  | { readonly type: 'count'; readonly id: number }
  /** Body: the document. Answered by `shape`. Needs no `load`. */
  | ({ readonly type: 'inspect'; readonly id: number; readonly runtime: string } & Inspecting)
  /** Body: the document. Answered by `pieces`. Needs no `load`. */
  | {
      readonly type: 'cut'
      readonly id: number
      readonly runtime: string
      readonly passwords: readonly string[]
      readonly groups: readonly (readonly number[])[]
    }
  /** Body: the document. Answered by `drawn`. Needs no `load`. */
  | {
      readonly type: 'draw'
      readonly id: number
      readonly runtime: string
      readonly page: number
      readonly dpi: number | null
    }

  /**
   * Body: the job's weight of this name, its only one. Answered by `tried`: with null where a session would load, on any vehicle.
   * Needs no `load`, and leaves none.
   */
  | {
      readonly type: 'try'
      readonly id: number
      readonly runtime: string
      readonly name: string
      readonly options: RuntimeOptions
    }

export type FromChild =
  /** Only from `main.mts --describe`, once: it hashes engines of 45 MB, which a slot's child need not wait for. */
  | {
      readonly type: 'hello'
      readonly engines: readonly EngineDescription[]
      readonly absent: readonly AbsentEngine[]
    }
  | { readonly type: 'loaded' }
  | { readonly type: 'load-failed'; readonly code: RecordErrorCode; readonly message: string }
  /** Body: the record's output; empty with an error. A failure without a RecordError ends the process instead. */
  | {
      readonly type: 'record'
      readonly id: number
      readonly text: string
      readonly error: { readonly code: RecordErrorCode; readonly message: string } | null
      /** As RecordOutput's. */
      readonly units?: UnitCount
      /** CPU time of the whole process while it worked on this record. */
      readonly cpuMs: number
      /** As RecordOutput's. */
      readonly log?: string
    }
  /** Null: the output is none that the engine could give. */
  | { readonly type: 'scored'; readonly id: number; readonly score: ScoredClaim | null }
  | ({ readonly type: 'shape'; readonly id: number } & DocumentShape)
  /** Body: a file for each group of pages, one after another. */
  | { readonly type: 'pieces'; readonly id: number; readonly sizes: readonly number[] }
  /** Body: the pixels. `size`: null where no picture can be made. */
  | { readonly type: 'drawn'; readonly id: number; readonly size: Omit<DrawnPage, 'pixels'> | null }
  | { readonly type: 'tried'; readonly id: number; readonly fault: string | null }

/** To a child, header and body together: documents and small weights; more means that the stream is broken. */
export const toChildBytesMax = 512 * 2 ** 20
/** From a child, which may be hostile: 32 MiB of output, and its text as JSON. */
export const fromChildBytesMax = 96 * 2 ** 20

/** A body in several parts is sent as it is. */
export function encodeFrame(header: ToChild | FromChild, ...body: readonly Uint8Array[]): Uint8Array[] {
  const bytes = body.reduce((sum, part) => sum + part.byteLength, 0)
  return [...encodeFrameHead(header, bytes), ...body]
}

/** The beginning of a frame whose body of so many bytes follows. */
export function encodeFrameHead(header: ToChild | FromChild, bodyBytes: number): Uint8Array[] {
  const json = new TextEncoder().encode(JSON.stringify(header))
  const prefix = new Uint8Array(8)
  const view = new DataView(prefix.buffer)
  view.setUint32(0, json.byteLength, true)
  view.setUint32(4, bodyBytes, true)
  return [prefix, json]
}

/** Cuts a byte stream back into frames. Throws Error('frame too large') on a length that cannot be meant. */
export class FrameReader<Header> {
  readonly #bytesMax: number
  #pending: Uint8Array[] = []
  #pendingBytes = 0

  /** `bytesMax`: of a frame's header and body together. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  *push(chunk: Uint8Array): Generator<{ header: Header; body: Uint8Array }> {
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.byteLength
    while (this.#pendingBytes >= 8) {
      const prefix = this.#peek(8)
      const view = new DataView(prefix.buffer, prefix.byteOffset, 8)
      const headerBytes = view.getUint32(0, true)
      const bodyBytes = view.getUint32(4, true)
      if (headerBytes + bodyBytes > this.#bytesMax) throw new Error('frame too large')
      if (this.#pendingBytes < 8 + headerBytes + bodyBytes) return
      this.#take(8)
      const header = JSON.parse(new TextDecoder().decode(this.#take(headerBytes))) as Header
      yield { header, body: this.#take(bodyBytes) }
    }
  }

  #peek(bytes: number): Uint8Array {
    const first = this.#pending[0]!
    if (first.byteLength >= bytes) return first.subarray(0, bytes)
    const joined = this.#take(bytes)
    this.#pending.unshift(joined)
    this.#pendingBytes += bytes
    return joined
  }

  /** Takes from the front; copies only what spans chunks, so that a large body is joined once. */
  #take(bytes: number): Uint8Array {
    this.#pendingBytes -= bytes
    const first = this.#pending[0]
    if (first === undefined || bytes === 0) return new Uint8Array(0)
    if (first.byteLength === bytes) {
      this.#pending.shift()
      return first
    }
    if (first.byteLength > bytes) {
      this.#pending[0] = first.subarray(bytes)
      return first.subarray(0, bytes)
    }
    const joined = new Uint8Array(bytes)
    let filled = 0
    let used = 0
    while (filled < bytes) {
      const chunk = this.#pending[used]!
      const part = chunk.subarray(0, bytes - filled)
      joined.set(part, filled)
      filled += part.byteLength
      if (part.byteLength === chunk.byteLength) used += 1
      else this.#pending[used] = chunk.subarray(part.byteLength)
    }
    this.#pending.splice(0, used)
    return joined
  }
}
