/** The objections of an audit, one sentence each. */
import { z } from 'zod'
import { ProtocolError } from '../errors.ts'

export class Problems {
  readonly found: string[] = []

  blame(problem: string): void {
    this.found.push(problem)
  }

  /** Lets a check object by throwing: a report's errors end that check and no other. Bugs of the audit are thrown on. */
  attempt(what: string, check: () => void): void {
    try {
      check()
    } catch (error) {
      const isObjection =
        error instanceof ProtocolError || error instanceof z.ZodError || (error as Error).name === 'Error'
      if (!isObjection) throw error
      this.blame(`${what}: ${(error as Error).message}`)
    }
  }
}
