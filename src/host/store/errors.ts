/**
 * The refusals and failures of the store: one class, a union of codes, each with the facts a person needs. (The
 * pattern is lodestar's, packages/fork-choice/src/protoArray/errors.ts.)
 *
 * The caller handles `disk-full`: everything acknowledged before is intact. `broken` is not: after a failed fsync the
 * kernel marks the lost pages clean, so that trying again reports success for bytes that are gone (Rebello et al.,
 * USENIX ATC 2020). The process has to end and start again from what is on disk.
 */
import type { Cid, JobId } from '../../protocol/ids.ts'

export type StoreProblem =
  | { readonly code: 'in-use'; readonly directory: string; readonly pid: number | null }
  | { readonly code: 'unusable-directory'; readonly directory: string; readonly why: string }
  | { readonly code: 'newer-schema'; readonly file: string; readonly version: number; readonly known: number }
  | { readonly code: 'disk-full'; readonly what: string }
  /** A job of somebody else may not have so much of this disk. */
  | { readonly code: 'no-room'; readonly job: JobId; readonly bytes: number }
  | { readonly code: 'broken'; readonly what: string; readonly why: string }
  | { readonly code: 'not-a-cid'; readonly text: string }
  | { readonly code: 'hash-mismatch'; readonly cid: Cid; readonly bytes: number }
  | { readonly code: 'too-large'; readonly what: string; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: 'block-missing'; readonly cid: Cid }
  | { readonly code: 'released'; readonly job: JobId }
  | { readonly code: 'not-a-file'; readonly root: Cid; readonly why: string }
  | { readonly code: 'open-key'; readonly path: string }
  | { readonly code: 'not-a-key'; readonly path: string; readonly why: string }

export type StoreErrorCode = StoreProblem['code']

export class StoreError extends Error {
  readonly code: StoreErrorCode
  readonly problem: StoreProblem

  constructor(problem: StoreProblem, options?: ErrorOptions) {
    super(sentence(problem), options)
    this.name = 'StoreError'
    this.code = problem.code
    this.problem = problem
  }
}

let onBroken: (error: StoreError) => void = () => {}

/** Sets what the process does, before anything else, when its disk cannot be trusted any more: it ends. */
export function whenBroken(act: (error: StoreError) => void): void {
  onBroken = act
}

/**
 * Reports a disk that cannot be trusted. The code that finds out calls this, since not every caller of the store
 * would pass the error on.
 */
export function broken(what: string, cause: unknown): StoreError {
  const error = new StoreError({ code: 'broken', what, why: (cause as Error).message }, { cause })
  onBroken(error)
  return error
}

/** True for an error of the file system or of SQLite that says that there is no room. */
export function isDiskFull(error: unknown): boolean {
  const { code, errcode } = error as { code?: string; errcode?: number }
  return errcode === sqliteFull || code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
}

/** https://sqlite.org/rescode.html#full */
const sqliteFull = 13

function sentence(problem: StoreProblem): string {
  switch (problem.code) {
    case 'in-use':
      return `data directory ${problem.directory} is in use by another node (pid ${problem.pid ?? 'unknown'})`
    case 'unusable-directory':
      return `data directory ${problem.directory} cannot be used: ${problem.why}`
    case 'newer-schema':
      return `${problem.file} was written by a newer carpool (schema ${problem.version}, this one knows ${problem.known})`
    case 'disk-full':
      return `disk full: could not write ${problem.what}`
    case 'no-room':
      return `there is no room on this disk for ${problem.bytes} bytes more of job ${problem.job}`
    case 'broken':
      return `cannot trust the disk any more: ${problem.what}: ${problem.why}; once the disk is sound, start on a copy of the data directory, or on an empty one into which you put its node.key and submitter.key: these two are who the node is`
    case 'not-a-cid':
      return `'${problem.text}' is not a CIDv1 of sha2-256 over raw bytes or dag-cbor`
    case 'hash-mismatch':
      return `${problem.bytes} bytes do not have the hash that ${problem.cid} names`
    case 'too-large':
      return `${problem.what} has ${problem.bytes} bytes; at most ${problem.bytesMax} are allowed`
    case 'block-missing':
      return `block ${problem.cid} is not here`
    case 'released':
      return `job ${problem.job} is no longer kept here`
    case 'not-a-file':
      return `${problem.root} does not describe a file: ${problem.why}`
    case 'open-key':
      return `key file ${problem.path} can be read by others; run: chmod 600 ${problem.path}`
    case 'not-a-key':
      return `${problem.path} is not an Ed25519 key file: ${problem.why}`
  }
}
