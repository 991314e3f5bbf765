/**
 * A disk that cannot be trusted ends the process, whoever notices: what was acknowledged before is on it, and every
 * further word might rest on bytes that are gone (store/errors.ts). The next start looks at what is there.
 */
import { whenBroken } from './errors.ts'

export function endOnBrokenDisk(): void {
  whenBroken((error) => {
    process.stderr.write(`carpool: ${error.message}\n`)
    process.exit(1)
  })
}
