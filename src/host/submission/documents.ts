/** Finding and reading what somebody submits: files as named, folders with all that is in them, by name. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { documentBytesMax, documentsMax } from '../../protocol/limits.ts'
import { RequestError } from '../errors.ts'
import { sealBytes } from '../sealing/sealing.ts'

export interface DocumentSource {
  /** As it will be called in the results: the path below what was submitted. */
  readonly name: string
  readonly path: string
}

/**
 * Every file under the paths, in the order given, folders by code unit of the path. Hidden files are left out.
 * Throws RequestError when a path cannot be read or there is nothing.
 */
export function findDocuments(paths: readonly string[]): DocumentSource[] {
  const found: DocumentSource[] = []
  for (const path of paths) {
    if (isFolder(path))
      found.push(...filesBelow(path).map((file) => ({ name: relative(path, file), path: file })))
    else found.push({ name: basename(path), path })
  }
  if (found.length === 0) throw new RequestError(`there are no documents in ${paths.join(', ')}`)
  if (found.length > documentsMax)
    throw new RequestError(
      `${found.length} documents are more than one job takes (${documentsMax}); submit fewer`,
    )
  return found
}

/** Throws RequestError. */
export function readDocument({ path }: DocumentSource): Uint8Array {
  const bytesMax = documentBytesMax - sealBytes
  try {
    const { size } = statSync(path)
    if (size > bytesMax)
      throw new RequestError(
        `${path} has ${size} bytes, and a document may have at most ${bytesMax}; split it, or compress it`,
      )
    return readFileSync(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    throw unreadable(path, error)
  }
}

function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter(
        (file) =>
          !relative(folder, file)
            .split('/')
            .some((part) => part.startsWith('.')),
      )
      .sort()
  } catch (error) {
    throw unreadable(folder, error)
  }
}

function unreadable(path: string, error: unknown): RequestError {
  if (error instanceof RequestError) return error
  const { code, message } = error as NodeJS.ErrnoException
  const why =
    { ENOENT: 'there is no such file or folder', EACCES: 'permission denied' }[code ?? ''] ?? message
  return new RequestError(`${path} cannot be read: ${why}`)
}
