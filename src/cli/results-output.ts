/**
 * Results as a file of JSON lines, or on stdout. A file appears when it is complete, under a name beside it until
 * then: nobody mistakes half a file for all of it.
 */
import { createWriteStream, lstatSync } from 'node:fs'
import { access, constants, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { clean, printableJson } from '../base/printable.ts'
import type { ResultsEnd } from '../host/api.ts'
import type { RemoteApi } from '../host/local/client.ts'
import { CommandFailure, incompleteExitCode, oneLine, withErrorsExitCode } from './failure.ts'
import { shortJob } from './format.ts'
import { describeErrors, describeMissing } from './job-view.ts'
import { note, printPaced } from './output.ts'
import { handToUser } from './user-files.ts'

/** The value of `-o` that means stdout. */
export const stdoutPath = '-'

/**
 * Checks that results can be written there, so that a mistake shows before hours of work and not after. Throws
 * CommandFailure.
 */
export async function checkOutput(path: string): Promise<void> {
  if (path === stdoutPath) return
  const folder = dirname(path)
  try {
    await access(folder, constants.W_OK)
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder')
  } catch (error) {
    throw new CommandFailure(`cannot write results to ${path}: ${oneLine(error)}`)
  }
}

/**
 * Writes what is verified, then throws CommandFailure (3), having named what is missing on stderr, if anything is. Returns the end
 * of the results.
 */
export async function writeResults(node: RemoteApi, job: string, path: string): Promise<ResultsEnd> {
  const end = path === stdoutPath ? await writeToStdout(node, job) : await writeToFile(node, job, path)
  for (const doubt of end.doubts) note(`doubt: ${clean(doubt)}`)
  if (end.missing.length === 0) return end
  for (const line of describeMissing(end)) note(line)
  throw new CommandFailure(
    `the results of job ${shortJob(job)} are incomplete: ${end.missing.length} of ${end.pages} pages are missing`,
    incompleteExitCode,
  )
}

/** Throws CommandFailure (4) when all results are there and some are errors. */
export function refuseErrors({ outcomes, documents, pages }: ResultsEnd): void {
  const errors = describeErrors(outcomes, { documents, pages })
  if (errors !== null) throw new CommandFailure(errors, withErrorsExitCode)
}

async function writeToStdout(node: RemoteApi, job: string): Promise<ResultsEnd> {
  const lines = resultLines(node, job)
  for (;;) {
    const next = await lines.next()
    if (next.done) return next.value
    await printPaced(next.value)
  }
}

async function writeToFile(node: RemoteApi, job: string, path: string): Promise<ResultsEnd> {
  let end: ResultsEnd | undefined
  async function* lines() {
    end = yield* resultLines(node, job)
  }
  const isPlain = lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? true
  // A device or a pipe cannot be replaced, only written to.
  const written = isPlain ? join(dirname(path), `.${basename(path)}.${process.pid}.part`) : path
  try {
    await pipeline(Readable.from(lines()), createWriteStream(written))
    if (isPlain) {
      handToUser(written)
      await rename(written, path)
    }
  } catch (error) {
    if (isPlain) await rm(written, { force: true })
    throw error
  }
  return end!
}

async function* resultLines(node: RemoteApi, job: string): AsyncGenerator<string, ResultsEnd, undefined> {
  const results = node.results(job)
  for (;;) {
    const next = await results.next()
    if (next.done) return next.value
    // The same value to a program; a stranger's words in it must not draw on the terminal of whoever looks at it.
    yield `${printableJson(next.value)}\n`
  }
}
