/**
 * Results as a file of JSON lines, or on stdout. A file appears when it is complete, under a name beside it until
 * then: nobody mistakes half a file for all of it.
 */
import { createWriteStream, lstatSync } from 'node:fs'
import { access, constants, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { clean } from '../base/printable.ts'
import type { ResultLine, ResultsEnd } from '../host/api.ts'
import type { RemoteApi } from '../host/local/client.ts'
import { CommandFailure, incompleteExitCode, oneLine, withErrorsExitCode } from './failure.ts'
import { formatCount, shortJob } from './format.ts'
import { type Format, jsonLine, lackOf, pageText } from './formats/formats.ts'
import { OutputFolder } from './formats/output-folder.ts'
import { describeErrors, describeMissing } from './job-view.ts'
import { note, printPaced } from './output.ts'
import { type FolderOutput, isStdout, type Output, placeOf } from './output-choice.ts'
import { handToUser } from './user-files.ts'

/**
 * Checks that results can be written there, so that a mistake shows before hours of work and not after. Throws
 * CommandFailure.
 */
export async function checkOutput(output: Output): Promise<void> {
  if (isStdout(output)) return
  if (typeof output === 'object' && 'folder' in output) {
    new OutputFolder(output.folder)
    return
  }
  const path = placeOf(output)
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
export async function writeResults(node: RemoteApi, job: string, output: Output): Promise<ResultsEnd> {
  const end = await write(node, job, output)
  refuseMissing(job, end)
  return end
}

/** Throws CommandFailure (3), having named what is missing on stderr. */
export function refuseMissing(job: string, end: ResultsEnd): void {
  for (const doubt of end.doubts) note(`doubt: ${clean(doubt)}`)
  if (end.missing.length === 0) return
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

async function write(node: RemoteApi, job: string, output: Output): Promise<ResultsEnd> {
  const lacks = new Lacks()
  const end = await (typeof output === 'object' && 'folder' in output
    ? writeToFolder(node, job, output, lacks)
    : isStdout(output)
      ? writeToStdout(node, job, output, lacks)
      : writeToFile(node, job, output, lacks))
  lacks.check(typeof output === 'object' ? output.format : 'jsonl')
  return end
}

async function writeToStdout(
  node: RemoteApi,
  job: string,
  output: Output,
  lacks: Lacks,
): Promise<ResultsEnd> {
  const lines = resultTexts(node, job, output, lacks)
  for (;;) {
    const next = await lines.next()
    if (next.done) return next.value
    await printPaced(next.value)
  }
}

async function writeToFolder(
  node: RemoteApi,
  job: string,
  { format, folder }: FolderOutput,
  lacks: Lacks,
): Promise<ResultsEnd> {
  // With it come decoders of images, which other commands do without.
  const { DocumentFiles } = await import('./formats/documents.ts')
  const files = new DocumentFiles(node, job, format, new OutputFolder(folder), (line, why) =>
    lacks.add(line, why),
  )
  const results = node.results(job)
  for (;;) {
    const next = await results.next()
    if (next.done) {
      await files.end()
      return next.value
    }
    lacks.look(format, next.value)
    await files.add(next.value)
  }
}

/** Counts the pages that a format cannot show. */
class Lacks {
  #pages = 0
  #shown = 0
  #first = ''

  look(format: Format, line: ResultLine): void {
    const lack = lackOf(format, line)
    if (lack === null) {
      this.#shown += 1
      return
    }
    this.add(line, lack)
  }

  add(line: ResultLine, lack: string): void {
    if (this.#pages === 0) this.#first = `page ${line.page} of ${line.document}: ${lack}`
    this.#pages += 1
  }

  /** Says what is lacking, or throws CommandFailure when it is everything. */
  check(format: Format): void {
    if (this.#pages === 0) return
    const what = `${formatCount(this.#pages, 'page')} cannot be shown as ${format}; ${this.#first}`
    if (this.#shown === 0) throw new CommandFailure(clean(what))
    note(what)
  }
}

async function writeToFile(node: RemoteApi, job: string, output: Output, lacks: Lacks): Promise<ResultsEnd> {
  const path = placeOf(output)
  let end: ResultsEnd | undefined
  async function* lines() {
    end = yield* resultTexts(node, job, output, lacks)
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

async function* resultTexts(
  node: RemoteApi,
  job: string,
  output: Output,
  lacks: Lacks,
): AsyncGenerator<string, ResultsEnd, undefined> {
  const format = typeof output === 'object' ? output.format : 'jsonl'
  const results = node.results(job)
  for (;;) {
    const next = await results.next()
    if (next.done) return next.value
    lacks.look(format, next.value)
    yield format === 'text' ? pageText(next.value) : `${jsonLine(next.value)}\n`
  }
}
