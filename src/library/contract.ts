/** The plain data of the library. It names nothing of the node's inside, so that the inside may change. */

/** A program's wish for a node of its own. Only the folder has no default. */
export interface NodeOptions {
  /** The folder that keeps keys, jobs and results; it is made where there is none. One node at a time uses it. */
  readonly dataDir: string
  /** Peers through which it joins a mesh, each a multiaddr with a peer id; none: it waits for others to come. */
  readonly bootstrap?: readonly string[]
  /** Multiaddrs on which it accepts peers; left out: any interface, free ports. */
  readonly listen?: readonly string[]
  /** Multiaddrs that others are told to dial; left out: those on which it listens. */
  readonly announce?: readonly string[]
  /** Its name for people, up to 64 letters; left out: the end of its peer id. */
  readonly name?: string
  /** Leases that it executes at once; left out or 0: it submits and looks after jobs, and executes none. */
  readonly slots?: number
  /** The lowest price of each runtime, such as `{ ocr: '0.0002EUR', llm: '0.0002EUR/1k' }`; left out: it works for nothing. */
  readonly prices?: Readonly<Record<string, string>>
  /** Path of a fleet's charter; left out: an open mesh, and no error bound. */
  readonly fleet?: string
  /** Path of the fleet's key: then it admits vehicles. */
  readonly fleetKey?: string
  /** Path of the certificate in which its owner vouches for it; left out: it is its own owner. */
  readonly owner?: string
  /** Path of a key that all nodes of a closed mesh share. */
  readonly meshKey?: string
  /** Sources of the vehicle's readings, as `carpool node --signals` takes them; left out: a computer that nobody drives. */
  readonly signals?: readonly string[]
  /** The owner's rules, where they differ from the defaults of `carpool help node`. Without `signals` few of them mean anything. */
  readonly rules?: Partial<OwnerRules>
  /** Looks after jobs of others when they ask; left out: true. */
  readonly standsBy?: boolean
  /** Disk space for weights that no job uses, in bytes; left out: 2 GiB. */
  readonly cacheBytesMax?: number
  /** Modules of the program's own runtimes: each is imported here, and in the children that run it. */
  readonly runtimes?: readonly (string | URL | RuntimeSource)[]
  /** Takes each line of the log, a JSON object with `level` (30 info, 40 warn, 50 error), `time` in ms, `msg` and facts; left out: nothing is logged. */
  readonly log?: (line: string) => void
}

/** A module whose default export is a runtime (carpool/runtime). */
export interface RuntimeSource {
  /** A path, or a file URL. */
  readonly module: string | URL
  /** Other files and folders that it reads or imports. Installed packages beside Carpool need not be named. */
  readonly files?: readonly (string | URL)[]
}

export interface OwnerRules {
  /** Works only while the charging cable is connected. */
  readonly pluggedOnly: boolean
  /** Per cent of charge from which work begins. */
  readonly chargePercentMin: number
  /** Per cent of charge below which nothing ever works. */
  readonly reservePercent: number
  /** How long all signals must have been good before work begins, in milliseconds. */
  readonly settleMs: number
  /** Works only over a network that is not paid by the byte. */
  readonly unmeteredOnly: boolean
  /** Times at which nothing works, such as `mon-fri 07:00-09:00`. */
  readonly quietHours: readonly string[]
  /** Times by which the vehicle must be ready, such as `mon-fri 07:30`. */
  readonly readyBy: readonly string[]
  /** A name of the IANA data base; left out: the machine's. */
  readonly timeZone: string
  /** The most that the work may draw, in watts; null: no cap. */
  readonly powerWattsMax: number | null
  /** Categories of jobs that are taken; null: all. */
  readonly categories: readonly string[] | null
}

/**
 * A document that the program has: a text, a file or bytes, by an id that its results carry; or a request in the runtime's own format,
 * such as a line of OpenAI's batches with `custom_id` and `body`.
 */
export type Document =
  | { readonly id: string; readonly text: string }
  | { readonly id: string; readonly path: string }
  | { readonly id: string; readonly bytes: Uint8Array }
  | { readonly custom_id: string; readonly body: Readonly<Record<string, unknown>> }

/** A job to be. Only the runtime and some documents have no default. */
export interface Submission {
  /** `ocr`, `wasm`, `llm`, `embed`, or one of the program's own. */
  readonly runtime: string
  /** Files and folders, read as `carpool submit` reads them. */
  readonly files?: readonly string[]
  /** Documents that the program hands over, read once, one at a time. */
  readonly documents?: Iterable<Document> | AsyncIterable<Document>
  /** `exact`, `native`, `scored`; left out: the fastest that enough owners have. */
  readonly engine?: string
  /** Path of a WASI command, for the `wasm` runtime. */
  readonly module?: string
  /** Path of a model, or the name of one that comes along, for runtimes that take one. */
  readonly model?: string
  /** Languages of the text, for the `ocr` runtime, such as `['deu', 'eng']`. */
  readonly languages?: readonly string[]
  /** Path of a template that makes a request of each document. */
  readonly promptTemplate?: string
  /** The options that the runtime lets a job set (`carpool help submit`). */
  readonly options?: Readonly<Record<string, string | number | boolean>>
  /** The highest probability of a wrong result that is accepted; left out: 1e-4. */
  readonly errorBound?: number
  /** Owners that must agree, in place of an error bound. */
  readonly replicas?: number
  /** Pages that one vehicle gets at a time, at most. */
  readonly shardSize?: number
  /** Milliseconds after which the job fails if it is not done; left out: a day. */
  readonly deadlineMs?: number
  /** Fails at once where there are too few owners; left out: it waits for them. */
  readonly failsIfShort?: boolean
  /** Other nodes that finish the job when this one is gone, at most; left out: 2. */
  readonly standbys?: number
  /** Hides documents and results from them. */
  readonly blind?: boolean
  /** The kind of work, for owners who do not take everything. */
  readonly category?: string
  /** The most that a page, or 1,000 tokens (`0.0002EUR/1k`), of one execution may cost; left out: nobody is paid. */
  readonly priceCap?: string
  /** The most that the whole job may cost, such as `5EUR`. It goes with `priceCap`. */
  readonly budget?: string
}

/** The outcome of a submission. */
export interface JobPlan {
  readonly documents: number
  readonly pages: number
  readonly shards: number
  /** `ocr/exact`. */
  readonly engine: string
  /** Owners that must agree on each shard. */
  readonly replicas: number
  /** The highest probability of a wrong result; null: no bound, since nobody vouches for the owners. */
  readonly errorBound: number | null
  /** True when the same submission was made before: then this is its job. */
  readonly known: boolean
  /** Documents that nobody could read, by reason. They are not sent, and not paid for. */
  readonly refused: readonly {
    readonly what: string
    readonly count: number
    readonly documents: readonly string[]
  }[]
}

export interface JobStatus {
  readonly id: string
  readonly state: 'running' | 'complete' | 'failed' | 'cancelled'
  /** A sentence; empty while there is nothing to say. */
  readonly reason: string
  /** The reason for programs, such as `verified` or `shards-failed`; null while it runs. */
  readonly code: string | null
  readonly pages: { readonly total: number; readonly verified: number }
  readonly shards: { readonly total: number; readonly verified: number; readonly failed: number }
  /** Shards that vehicles have executed, all replicas counted. */
  readonly executions: number
  /** Owners that the plan needs, and those that are here and could. */
  readonly owners: { readonly needed: number; readonly available: number }
  readonly pagesPerSecond: number
  /** Null while nobody knows. */
  readonly millisecondsLeft: number | null
  /** In millionths of the currency's unit; null: nobody is paid. */
  readonly cost: {
    readonly currency: string
    readonly owedMicros: number
    readonly promisedMicros: number
    readonly budgetMicros: number
  } | null
  readonly createdAt: Date
  readonly deadline: Date
}

/** One page of one document, as owners agree on it: either a result or an error. */
export interface Result {
  /** Its id, or its path below the folder that was named. */
  readonly document: string
  /** Counted from 1. */
  readonly page: number
  /** The runtime's own JSON object. */
  readonly result: Readonly<Record<string, unknown>> | null
  /** An error of the document, the same on every vehicle. */
  readonly error: { readonly code: string; readonly message: string } | null
}

/** A job of a node, in the hands of a program. It goes on when the handle is closed, as long as the node or a standby is there. */
export interface Job {
  /** Its name in the mesh. */
  readonly id: string
  /** Null for a job that was looked up by its id. */
  readonly plan: JobPlan | null
  status(): Promise<JobStatus>
  /** Yields a status at once, one after each change (at most a few a second), and a last one when the job has ended. */
  watch(signal?: AbortSignal): AsyncGenerator<JobStatus, void, undefined>
  /** Resolves when the job has ended, however it did: look at `state`. */
  ended(): Promise<JobStatus>
  /** Yields each result once, as soon as its verdict is final, until the job has ended. Pages without a verdict are left out. */
  results(): AsyncGenerator<Result, void, undefined>
  /** Yields the results that are final by now, in the order of the submission. */
  resultsInOrder(): AsyncGenerator<Result, void, undefined>
  /**
   * Ends the job. What is verified by then stays, and is paid. Answers with the end that stands; `hadEnded`: it is not this one. Throws
   * RequestError where no end was seen in time.
   */
  cancel(): Promise<{ readonly state: Exclude<JobStatus['state'], 'running'>; readonly hadEnded: boolean }>
  /** Writes the proof of the job, a CAR file that `carpool audit` checks offline, and answers with its size. Throws RequestError. */
  report(path: string): Promise<{ readonly bytes: number }>
  /** Lets go of the job; where `submit` started a node for it, stops that node. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface NodeStatus {
  readonly peer: string
  readonly name: string
  /** The owner's id. */
  readonly owner: string
  /** Multiaddrs where others may dial it, the most useful first. */
  readonly addresses: readonly string[]
  /** The word of its fleet; null: it belongs to none. */
  readonly fleet: 'admitted' | 'waiting' | null
  readonly connections: number
  readonly slots: { readonly total: number; readonly free: number }
  /** The verdict of the owner's rules: `drain` finishes what it has. */
  readonly mode: 'run' | 'drain' | 'stop'
  /** The judgement of the owner's rules, in a sentence. */
  readonly why: string
}

export interface Peer {
  readonly peer: string
  readonly name: string
  readonly owner: string
  /** Name and version of its software, by its own word. */
  readonly software: string
  readonly slots: { readonly total: number; readonly free: number }
  readonly mode: 'run' | 'drain' | 'stop'
  /** `ocr/exact`, … */
  readonly engines: readonly string[]
  readonly connected: boolean
}
