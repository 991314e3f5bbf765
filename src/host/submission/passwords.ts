/** The passwords of documents: from a file that only this machine reads, to the process that opens the documents, and no further. */
import { readFile } from 'node:fs/promises'
import { RequestError } from '../errors.ts'
import { whyUnreadable } from './unreadable.ts'

const bytesMax = 64 * 1024
const passwordsMax = 100

/** One on each line. Throws RequestError, which names no password. */
export async function readPasswords(path: string | null): Promise<readonly string[]> {
  if (path === null) return []
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new RequestError(`the password file ${path} cannot be read: ${whyUnreadable(error)}`)
  }
  const passwords = text.split(/\r?\n/).filter((line) => line !== '')
  if (text.length > bytesMax || passwords.length > passwordsMax || passwords.length === 0)
    throw new RequestError(
      `the password file ${path} has ${passwords.length} lines; write 1 to ${passwordsMax} passwords into it, each on a line of its own`,
    )
  return passwords
}
