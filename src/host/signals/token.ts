/** Reads the access token of a signal server from its file. */
import { readSecret } from '../store/private-files.ts'

/** A JWT travels with every message: a longer one would cost more than the rest. */
const tokenBytesMax = 16 * 1024

/** Throws Error: one sentence that names the file, and never what is in it. */
export function readToken(path: string): string {
  let token: string
  try {
    token = readSecret(path).toString('utf8').trim()
  } catch (error) {
    throw new Error(`the token cannot be read: ${(error as Error).message}`)
  }
  // It goes into a header: visible characters only.
  if (token.length > tokenBytesMax || !/^[\x21-\x7e]+$/.test(token)) throw new Error(`${path} is not a token`)
  return token
}
