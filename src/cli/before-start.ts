/**
 * Checks a submission before its command starts a node of its own: a start takes seconds, makes keys and a data directory, and
 * meets the mesh.
 */
import type { SubmitRequest } from '../host/api.ts'
import { readsStdin } from '../host/submission/stdin.ts'

/** Stdin, for a request that reads it. */
export function stdinFor(request: SubmitRequest): AsyncIterable<Uint8Array> | undefined {
  return readsStdin(request) ? process.stdin : undefined
}

/** Throws RequestError. `isQuote`: a quote needs no budget. */
export async function checkSubmission(request: SubmitRequest, isQuote = false): Promise<void> {
  const { checkRequest } = await import('../host/submission/checks.ts')
  await checkRequest(request, isQuote)
  const { tryNamedWeight } = await import('../host/submission/weights.ts')
  await tryNamedWeight(request)
}
