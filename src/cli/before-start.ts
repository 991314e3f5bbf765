/**
 * Checks a submission before its command starts a node of its own: a start takes seconds, makes keys and a data directory, and
 * meets the mesh.
 */
import { readFileSync } from 'node:fs'
import type { SubmitRequest } from '../host/api.ts'
import { readsStdin } from '../host/submission/stdin.ts'
import { CommandFailure } from './failure.ts'

/** Stdin, for a request that reads it. */
export function stdinFor(request: SubmitRequest): AsyncIterable<Uint8Array> | undefined {
  return readsStdin(request) ? process.stdin : undefined
}

/** Throws RequestError, or CommandFailure for a module that no vehicle would run. `isQuote`: a quote needs no budget. */
export async function checkSubmission(request: SubmitRequest, isQuote = false): Promise<void> {
  const { checkRequest } = await import('../host/submission/checks.ts')
  await checkRequest(request, isQuote)
  if (request.module === null || request.runtime !== 'wasm') return
  const { admit } = await import('../runtimes/wasm/admission.ts')
  const { wasmOptions } = await import('../runtimes/wasm/description.ts')
  const { memoryPagesMax } = request.options
  const pages = typeof memoryPagesMax === 'number' ? memoryPagesMax : wasmOptions.memoryPagesMax!.default
  try {
    await admit(readFileSync(request.module), pages)
  } catch (error) {
    throw new CommandFailure(
      `no vehicle would run the module at ${request.module}: ${(error as Error).message}`,
    )
  }
}
