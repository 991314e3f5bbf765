/**
 * The one rule for a file that `-o` names, with `--follow` and without, and for each file in the folder of `--output-dir`: it is replaced where it is empty or holds results of Carpool, and that is
 * said; what holds anything else is left alone, unless `--overwrite` says that it may go.
 *
 * Results are known by how their first line begins, which is what Carpool writes. Text has no such mark, so that a file of text is
 * replaced by `--overwrite` alone.
 */
import { closeSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandFailure, oneLine } from './failure.ts'

const headBytes = 64 * 2 ** 10
const firstResult = /^\{"document":"(?:[^"\\]|\\.)*","page":[0-9]+,"result":/

/** True where the file has results that would be replaced. Throws CommandFailure for what must not be. */
export function mayReplace(path: string, overwrite: boolean): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined || !stats.isFile() || stats.size === 0) return false
  if (overwrite || firstResult.test(headOf(path))) return true
  throw new CommandFailure(
    `${path} is there already and holds no results of Carpool; name another file, or add --overwrite to replace it`,
  )
}

/** Tries to make a file in the folder, so that what hinders it shows before hours of work. Throws CommandFailure. */
export function checkFolder(folder: string, path: string): void {
  const stats = statSync(folder, { throwIfNoEntry: false })
  if (stats === undefined)
    throw new CommandFailure(
      `cannot write results to ${path}: there is no folder ${folder}; make it, or name another place`,
    )
  if (!stats.isDirectory())
    throw new CommandFailure(`cannot write results to ${path}: ${folder} is no folder; name another place`)
  const tried = join(folder, `.carpool.${process.pid}.part`)
  try {
    writeFileSync(tried, '')
    rmSync(tried, { force: true })
  } catch (error) {
    throw new CommandFailure(
      `cannot write results to ${path}: nothing can be written to the folder ${folder} (${oneLine(error)}); change its permissions, or name another place`,
    )
  }
}

function headOf(path: string): string {
  try {
    const file = openSync(path, 'r')
    try {
      const head = Buffer.alloc(headBytes)
      return head.toString('utf8', 0, readSync(file, head, 0, headBytes, 0))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw new CommandFailure(`cannot write results to ${path}: ${oneLine(error)}`)
  }
}
