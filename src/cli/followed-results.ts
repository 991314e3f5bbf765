/**
 * `results --follow`: lines of JSON, appended to a file as pages are verified.
 *
 * The file itself says how far it is: whoever goes on reads which pages it has, cuts off half a line that an end in between has left,
 * and appends the others. A small file beside it names the job, since the file of another job must not pass for the beginning of
 * this one; it goes with the job's end. What is no file, as stdout or a pipe, gets every line once, and cannot be gone on with.
 */
import { createReadStream, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import type { ResultLine, ResultsEnd } from '../host/api.ts'
import type { RemoteApi } from '../host/local/client.ts'
import { SeenNames } from '../host/submission/seen-names.ts'
import { CommandFailure } from './failure.ts'
import { jsonLine } from './formats/formats.ts'
import { printPaced, note as say, stdoutPath } from './output.ts'
import { mayReplace } from './output-file.ts'
import { handToUser } from './user-files.ts'

/** Follows the job to its end. `path` may be `-`; `overwrite`: whatever is there is replaced (output-file.ts). Throws CommandFailure, and what the node says. */
export async function followResults(
  node: RemoteApi,
  prefix: string,
  path: string,
  overwrite = false,
): Promise<ResultsEnd> {
  const { job } = await node.status(prefix)
  const isFile = path !== stdoutPath && (lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? true)
  if (!isFile)
    return written(node, job, new SeenNames(), path === stdoutPath ? printPaced : await writerTo(path))
  const note = join(dirname(path), `.${basename(path)}.follow`)
  const isOurs = noteOf(note) === job && lstatSync(path, { throwIfNoEntry: false }) !== undefined
  if (!isOurs && mayReplace(path, overwrite)) say(`${path}: what was there is replaced`)
  const file = await open(path, isOurs ? 'r+' : 'w')
  try {
    const seen = new SeenNames()
    let at = 0
    if (isOurs) {
      at = await readWritten(path, seen)
      await file.truncate(at)
    } else {
      // In this order: an end in between leaves an empty file.
      handToUser(path)
      writeFileSync(note, JSON.stringify({ job }))
    }
    const end = await written(node, job, seen, async (text) => {
      at += await writeAll(file, Buffer.from(text), at)
    })
    rmSync(note, { force: true })
    return end
  } finally {
    await file.close()
  }
}

async function written(
  node: RemoteApi,
  job: string,
  seen: SeenNames,
  write: (text: string) => Promise<void>,
): Promise<ResultsEnd> {
  const results = node.followResults(job)
  for (;;) {
    const next = await results.next()
    if (next.done) return next.value
    if (seen.add(keyOf(next.value), 1) === undefined) await write(`${jsonLine(next.value)}\n`)
  }
}

const lineSchema = z.object({ document: z.string(), page: z.number() })

/** Notes the pages of all whole lines. Answers their bytes. Throws CommandFailure for a line that is no result. */
async function readWritten(path: string, seen: SeenNames): Promise<number> {
  let bytes = 0
  let line = 0
  let parts: Buffer[] = []
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const whole = Buffer.concat([...parts, chunk.subarray(start, end)])
      parts = []
      line += 1
      seen.add(keyOf(resultIn(whole, path, line)), 1)
      bytes += whole.byteLength + 1
      start = end + 1
    }
    parts.push(chunk.subarray(start))
  }
  return bytes
}

function resultIn(bytes: Buffer, path: string, line: number): Pick<ResultLine, 'document' | 'page'> {
  try {
    return lineSchema.parse(JSON.parse(bytes.toString('utf8')))
  } catch {
    throw new CommandFailure(
      `line ${line} of ${path} is no result, so --follow cannot go on with it; name another file`,
    )
  }
}

function keyOf({ document, page }: Pick<ResultLine, 'document' | 'page'>): string {
  return `${page}/${document}`
}

/** The job that the file beside the results names. */
function noteOf(note: string): string | undefined {
  try {
    return z.object({ job: z.string() }).parse(JSON.parse(readFileSync(note, 'utf8'))).job
  } catch {
    return undefined
  }
}

async function writerTo(path: string): Promise<(text: string) => Promise<void>> {
  const file = await open(path, 'w')
  return async (text) => void (await writeAll(file, Buffer.from(text), null))
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number | null): Promise<number> {
  for (let done = 0; done < bytes.byteLength; )
    done += (await file.write(bytes, done, bytes.byteLength - done, at === null ? null : at + done))
      .bytesWritten
  return bytes.byteLength
}
