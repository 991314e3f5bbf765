/** Faults of whole batches. */
import { RequestError } from '../host/errors.ts'
import { StoreError } from '../host/store/errors.ts'
import type { BatchError } from './batches.ts'

export const inputGone: BatchError = {
  code: 'input_file_missing',
  line: null,
  message: 'its input file was deleted before it was read',
  param: 'input_file_id',
}

/** The input file was deleted before all jobs were submitted. */
export class InputGone extends RequestError {
  constructor() {
    super(inputGone.message)
  }
}

/** The fault of a batch that was broken off. `isPrepared`: all its jobs had been submitted. */
export function faultOf(error: unknown, isPrepared: boolean): BatchError {
  if (error instanceof InputGone) return inputGone
  const isRefused = error instanceof RequestError
  const code = isRefused && !isPrepared ? 'submission_refused' : 'server_error'
  const message = isRefused ? error.message : 'the node could not do it; its log says why'
  return { code, line: null, message, param: null }
}

/** The disk has no room, as the node's own store or a file of the gateway says it. */
export function isFull(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  return (error instanceof StoreError && code === 'disk-full') || code === 'ENOSPC' || code === 'EDQUOT'
}
