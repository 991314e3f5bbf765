/** Says in words why the operating system does not let a file be read. */
import { RequestError } from '../errors.ts'

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'there is no such file or folder',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
}

export function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return reasons[code ?? ''] ?? message
}

export function unreadable(path: string | Buffer, error: unknown): RequestError {
  if (error instanceof RequestError) return error
  return new RequestError(`${path} cannot be read: ${whyUnreadable(error)}`)
}
