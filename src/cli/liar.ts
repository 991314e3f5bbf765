/**
 * A vehicle that lies, for demonstrations and tests: the program of `carpool node`, with an executor that
 * falsifies what its engines read. Everything else about it is an ordinary node: it signs its lies.
 */
import { Command } from 'commander'
import type { RecordResult } from '../host/executor/contract.ts'
import { ProcessExecutor } from '../host/executor/executor.ts'
import type { ProcessSlot } from '../host/executor/slot.ts'
import { nodeCommand } from './commands/node.ts'
import { endWithParents } from './parents.ts'

class LyingExecutor extends ProcessExecutor {
  override openSlot(): ProcessSlot {
    const slot = super.openSlot()
    const honest = slot.run.bind(slot)
    slot.run = async (...page) => falsify(await honest(...page))
    return slot
  }
}

/** The same lie for the same page, so that two liars agree with each other. */
function falsify(record: RecordResult): RecordResult {
  if (record.error !== null) return record
  const output = JSON.parse(Buffer.from(record.output).toString()) as Record<string, unknown>
  const text = `PAID IN FULL. ${record.text}`
  return { ...record, text, output: Buffer.from(JSON.stringify({ ...output, text })) }
}

endWithParents()
const program = new Command()
nodeCommand(program, (log) => new LyingExecutor({ log }))
await program.parseAsync(process.argv)
