/** The ways in which programs ask for a runtime's work over HTTP, as descriptions: without a clock, a disk or an engine. */

/**
 * A path of an HTTP API that others made, as programs speak it already: the requests in its batches (src/gateway), and the answers that
 * a runtime's records make. Nothing here depends on the time or on this machine.
 */
export interface EndpointDescription {
  /** "/v1/embeddings". */
  readonly url: string
  /** Models that stand for the runtime as it is. Others are files that a node has by name, for a runtime that takes a model. */
  readonly models: readonly string[]
  /** The engine that its answers need; left out where any will do. */
  readonly engine?: string
  /** Levels of arrays and objects in a request, at most. */
  readonly depthMax: number
  /** Reads a request, without its model. */
  readonly read: (body: Readonly<Record<string, unknown>>) => EndpointRequest
  /** Tells whether a page's record is one that `answer` and `usage` can be made of: owners who agree may agree on anything. */
  readonly isRecord: (record: PageOutputs[number]) => boolean
  /** Makes the answer of the outputs of each document's pages. */
  readonly answer: (outputs: readonly PageOutputs[], asked: AskedEndpoint) => object
  /** Makes requests of files that a person has, for the page (src/gateway/console); left out where another endpoint does that. */
  readonly compose?: EndpointComposer
  /** Counts the tokens that were read and written. */
  readonly usage: (outputs: readonly PageOutputs[]) => { readonly input: number; readonly output: number }
}

export interface EndpointComposer {
  /** The work as a person asks for it, as in "Read text in scans and PDFs". */
  readonly title: string
  /** Each file is a document, by the id of its upload; or each is a text. */
  readonly takes: 'file' | 'text'
  /** Where a person may say what to do with each text. */
  readonly hasInstruction?: true
  /** Makes the body of a request, without its model. `document`: an id, or a text. */
  readonly body: (document: string, instruction: string) => Readonly<Record<string, unknown>>
}

/** The records of one document, page by page. */
export type PageOutputs = readonly Readonly<Record<string, unknown>>[]

/**
 * `documents`: most requests have one. `form`: how the answer is to be written, for `answer`, where there is a choice. `upload`: the
 * document is a file that was sent before, by its id. `fault`: a sentence; `param`: the field that it is about.
 */
export type EndpointRequest =
  | { readonly documents: readonly Uint8Array[]; readonly form?: string }
  | { readonly upload: string; readonly form?: string }
  | { readonly fault: string; readonly param: string | null }

interface AskedEndpoint {
  readonly model: string
  /** A name of this answer, in letters and digits. */
  readonly id: string
  /** In seconds since 1970. */
  readonly createdAt: number
  readonly form: string | null
  /** Pages of the only document that are not among the outputs; null: all are. */
  readonly lost: LostPages | null
}

/** Pages of a document that nobody could read, counted from 1 and in order; `why`: of the first, in words. */
export interface LostPages {
  readonly pages: readonly number[]
  readonly why: string
}
