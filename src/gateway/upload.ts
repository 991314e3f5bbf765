/**
 * An upload: a multipart body, streamed into a file as it comes, so that 200 MB take no more memory than a few chunks. Clients send the
 * file first and its purpose after it, so all of it is on the disk before anybody knows what it is for.
 */
import { once } from 'node:events'
import { createWriteStream, rmSync, type WriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { Busboy, type BusboyHeaders } from '@fastify/busboy'
import { ApiError, wrong } from './errors.ts'

/** Upstream takes batches of 200 MB; a document of 128 MiB is the most that a job takes. */
export const uploadBytesMax = 256 * 2 ** 20

const fieldsMax = 16
const fieldBytesMax = 1024
const filenameLettersMax = 512
/** The fields of an upload, and the headers of its parts. */
const wrappingBytesMax = 2 ** 20

export interface Upload {
  readonly path: string
  readonly bytes: number
  readonly filename: string
  readonly fields: Readonly<Record<string, string>>
}

/** Reads the body into a file at `path`, which is synced when this resolves, and gone when it throws: ApiError, or what the disk throws. */
export async function receive(
  request: IncomingMessage,
  path: string,
  bytesMax = uploadBytesMax,
): Promise<Upload> {
  try {
    return await received(request, path, bytesMax)
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  }
}

async function received(request: IncomingMessage, path: string, bytesMax: number): Promise<Upload> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax + wrappingBytesMax) throw tooLarge()
  const parser = parserOf(request, bytesMax)
  const fields: Record<string, string> = {}
  let file: Incoming | undefined
  let fault: ApiError | undefined
  parser.on('field', (name, value) => {
    fields[name] = value
  })
  parser.on('file', (name, stream, filename) => {
    // A part that breaks off says so, and ends the process where nobody listens: one that is refused has no reader.
    stream.on('error', () => {})
    if (name !== 'file' || file !== undefined) {
      fault ??= wrong('an upload has one file, in a part that is called "file"', 'file')
      stream.resume()
      return
    }
    const writer = createWriteStream(path, { mode: 0o600 })
    // The stream of a file that was cut off here has no end, since what comes after the limit is not read.
    const cutOff = new Promise<never>((_, reject) => {
      stream.on('limit', () => {
        request.unpipe(parser)
        reject(tooLarge())
      })
    })
    const written = Promise.race([pipeline(stream, writer).then(() => stream.bytesRead), cutOff])
    written.catch(() => {}) // met below
    file = { filename: nameOf(filename), written, writer }
  })
  const tooManyParts = () => {
    fault ??= wrong(`an upload has at most ${fieldsMax} fields`)
  }
  parser.on('fieldsLimit', tooManyParts)
  parser.on('partsLimit', tooManyParts)
  try {
    await parsed(request, parser, () => file?.written)
  } catch (error) {
    // It would wait for more for ever, and keep the file open.
    await closed(file?.writer)
    throw error
  }
  if (fault !== undefined) throw fault
  if (file === undefined) throw wrong('the upload has no part that is called "file"', 'file')
  const bytes = await file.written
  const handle = await open(path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
  return { path, bytes, filename: file.filename, fields }
}

/** A part of unnamed bytes is a file as well. */
function nameOf(filename: string | undefined): string {
  return filename?.slice(-filenameLettersMax).toWellFormed() || 'upload'
}

interface Incoming {
  readonly filename: string
  readonly written: Promise<number>
  readonly writer: WriteStream
}

async function closed(writer: WriteStream | undefined): Promise<void> {
  if (writer === undefined || writer.closed) return
  const over = new Promise<void>((resolve) => {
    writer.once('close', () => resolve())
  })
  writer.destroy()
  await over
}

/** Resolves at the end of the body, and rejects where it breaks off, is no multipart, or its file failed. */
async function parsed(
  request: IncomingMessage,
  parser: ReturnType<typeof parserOf>,
  written: () => Promise<number> | undefined,
): Promise<void> {
  const over = new AbortController()
  const { signal } = over
  const brokenOff = Promise.withResolvers<never>()
  const fail = (error: unknown) => brokenOff.reject(error)
  request.once('close', () => {
    if (!request.complete) fail(wrong('the upload broke off'))
  })
  request.once('error', fail)
  try {
    request.pipe(parser)
    const finished = once(parser, 'finish', { signal }).catch((error) => {
      if (signal.aborted) return
      throw wrong(`the upload is no multipart body: ${(error as Error).message}`)
    })
    const failed = new Promise<never>((_, reject) => {
      parser.on('file', () => written()?.catch(reject))
    })
    await Promise.race([finished, failed, brokenOff.promise])
  } finally {
    over.abort()
    request.unpipe(parser)
  }
}

function parserOf(request: IncomingMessage, bytesMax: number) {
  const { 'content-type': type = '' } = request.headers
  if (!/^multipart\/form-data/i.test(type)) throw wrong('an upload is sent as multipart/form-data')
  const limits = {
    fileSize: bytesMax,
    files: 2,
    fields: fieldsMax,
    parts: fieldsMax + 2,
    fieldNameSize: fieldBytesMax,
    fieldSize: fieldBytesMax,
    headerPairs: 16,
    headerSize: 16_384,
  }
  try {
    return new Busboy({ headers: request.headers as BusboyHeaders, limits })
  } catch (error) {
    throw wrong(`the upload is no multipart body: ${(error as Error).message}`)
  }
}

export function tooLarge(): ApiError {
  return new ApiError({
    status: 413,
    message: `the file has more than ${uploadBytesMax} bytes, which is the most that is taken; send it in parts`,
    code: 'file_too_large',
  })
}
