/**
 * Ends the process when its disk cannot be trusted, no matter which part notices: everything acknowledged before is
 * on the disk, and every further message might rest on bytes that are gone (store/errors.ts). The next start looks at
 * what is there.
 */
import { whenBroken } from './errors.ts'

export function endOnBrokenDisk(): void {
  whenBroken((error) => {
    process.stderr.write(`carpool: ${error.message}\n`)
    process.exit(1)
  })
}
