/**
 * Results as a file of JSON lines, or on stdout. A file appears when it is complete, under a name beside it until
 * then: nobody mistakes half a file for all of it.
 */
import { createWriteStream, lstatSync, statSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { clean } from '../base/printable.ts'
import type { ResultLine, ResultsEnd } from '../host/api.ts'
import type { RemoteApi } from '../host/local/client.ts'
import { CommandFailure, incompleteExitCode, withErrorsExitCode } from './failure.ts'
import { formatCount, formatNumber, shortJob } from './format.ts'
import { jsonLine, pageText } from './formats/formats.ts'
import { OutputFolder } from './formats/output-folder.ts'
import type { Draw } from './formats/pdf-image.ts'
import { countedIn, describeErrors, describeMissing } from './job-view.ts'
import { note, printPaced } from './output.ts'
import { type FolderOutput, isStdout, type Output, overwrites, placeOf } from './output-choice.ts'
import { checkFolder, mayReplace } from './output-file.ts'
import { UnshownPages } from './unshown-pages.ts'
import { handToUser } from './user-files.ts'

/**
 * Checks that results can be written there, so that a mistake shows before hours of work and not after. `isFollowed`: whether a file
 * is gone on with or replaced shows once the job is known. Throws CommandFailure.
 */
export function checkOutput(output: Output, isFollowed = false): void {
  if (isStdout(output)) return
  if (typeof output === 'object' && 'folder' in output) {
    new OutputFolder(output.folder, output.overwrite)
    return
  }
  const path = placeOf(output)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats?.isDirectory())
    throw new CommandFailure(
      `cannot write results to ${path}: it is a folder; name a file, or the folder with --output-dir`,
    )
  if (!isFollowed) mayReplace(path, overwrites(output))
  if (stats?.isFile() ?? true) checkFolder(dirname(path), path)
}

/**
 * Writes what is verified, then throws CommandFailure (3), having named what is missing or cannot be shown on stderr, if anything is.
 * Returns the end of the results.
 */
export async function writeResults(node: RemoteApi, job: string, output: Output): Promise<ResultsEnd> {
  const unshown = new UnshownPages(typeof output === 'object' ? output.format : 'jsonl')
  const end = await write(node, job, output, unshown)
  unshown.tell()
  refuseMissing(job, end)
  unshown.refuse()
  return end
}

/** Throws CommandFailure (3), having named what is missing on stderr. */
export function refuseMissing(job: string, end: ResultsEnd): void {
  for (const doubt of end.doubts) note(`doubt: ${clean(doubt)}`)
  if (end.missing.length === 0) return
  for (const line of describeMissing(end)) note(line)
  throw new CommandFailure(
    `the results of job ${shortJob(job)} are incomplete: ${formatNumber(end.missing.length)} of ${formatCount(end.pages, countedIn(end.runtime))} ${end.missing.length === 1 ? 'is' : 'are'} missing`,
    incompleteExitCode,
  )
}

/** Throws CommandFailure (4) when all results are there and some are errors. */
export function refuseErrors({ outcomes, runtime, pages }: ResultsEnd): void {
  const errors = describeErrors({ outcomes, runtime, pages: { total: pages } })
  if (errors !== null) throw new CommandFailure(errors, withErrorsExitCode)
}

function write(node: RemoteApi, job: string, output: Output, unshown: UnshownPages): Promise<ResultsEnd> {
  if (typeof output === 'object' && 'folder' in output) return writeToFolder(node, job, output, unshown)
  return isStdout(output)
    ? writeToStdout(node, job, output, unshown)
    : writeToFile(node, job, output, unshown)
}

async function writeToStdout(
  node: RemoteApi,
  job: string,
  output: Output,
  unshown: UnshownPages,
): Promise<ResultsEnd> {
  const lines = resultTexts(node, job, output, unshown)
  for (;;) {
    const next = await lines.next()
    if (next.done) return next.value
    await printPaced(next.value)
  }
}

async function writeToFolder(
  node: RemoteApi,
  job: string,
  { format, folder: path, overwrite }: FolderOutput,
  unshown: UnshownPages,
): Promise<ResultsEnd> {
  const { DocumentFiles } = await import('./formats/documents.ts')
  const drawing = await openDrawing()
  const notShown = (line: ResultLine, why: string) => unshown.notShown(line, why)
  const folder = new OutputFolder(path, overwrite)
  const files = new DocumentFiles(node, job, format, folder, drawing.draw, notShown)
  try {
    const results = node.results(job)
    for (;;) {
      const next = await results.next()
      if (next.done) {
        await files.end()
        if (folder.replaced > 0)
          note(`${path}: replaced ${formatCount(folder.replaced, 'file')} that had been there`)
        return next.value
      }
      unshown.look(next.value)
      await files.add(next.value)
    }
  } finally {
    await drawing.close()
  }
}

/** The sandboxed child that decodes and draws: it starts with the first page that is to be drawn. */
async function openDrawing(): Promise<{ readonly draw: Draw; readonly close: () => Promise<void> }> {
  const { ProcessExecutor } = await import('../host/executor/executor.ts')
  const { drawingRuntime } = await import('../runtimes/registry.ts')
  const silent = () => {}
  const executor = new ProcessExecutor({ log: { debug: silent, info: silent, warn: silent } })
  return {
    draw: (document, page, dpi) => executor.draw(drawingRuntime, document, page, dpi),
    close: () => executor.close(),
  }
}

async function writeToFile(
  node: RemoteApi,
  job: string,
  output: Output,
  unshown: UnshownPages,
): Promise<ResultsEnd> {
  const path = placeOf(output)
  if (mayReplace(path, overwrites(output))) note(`${path}: what was there is replaced`)
  let end: ResultsEnd | undefined
  async function* lines() {
    end = yield* resultTexts(node, job, output, unshown)
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
  unshown: UnshownPages,
): AsyncGenerator<string, ResultsEnd, undefined> {
  const format = typeof output === 'object' ? output.format : 'jsonl'
  const results = node.results(job)
  for (;;) {
    const next = await results.next()
    if (next.done) return next.value
    unshown.look(next.value)
    yield format === 'text' ? pageText(next.value) : `${jsonLine(next.value)}\n`
  }
}
