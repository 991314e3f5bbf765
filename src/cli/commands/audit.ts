/** `carpool audit`: checks a job's report offline: signatures, Merkle roots, names, draws and verdicts. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure, oneLine } from '../failure.ts'
import { formatCount } from '../format.ts'
import { note, print, printJson } from '../output.ts'

const optionNames = ['json', 'logLevel'] as const

export function auditCommand(program: Command): void {
  const command = program
    .command('audit')
    .argument('<report>', 'the CAR file that carpool report wrote')
    .summary("check a job's report, offline")
    .action(async (report: string, flags: Record<string, unknown>) => {
      const { json } = resolveConfig(optionNames, flags)
      const { auditFile } = await import('../../host/jobs/audit.ts')
      const audit = await auditFile(resolve(report)).catch((error) => {
        throw new CommandFailure(`${report} cannot be read: ${oneLine(error)}`)
      })
      if (json) printJson({ event: 'audited', report: resolve(report), ...audit })
      else audit.summary.forEach(print)
      if (audit.ok) {
        if (!json) print(`${report}: everything holds`)
        return
      }
      if (!json) for (const problem of audit.problems) note(`  ${problem}`)
      throw new CommandFailure(`${report} does not hold: ${formatCount(audit.problems.length, 'problem')}`)
    })
  addOptions(command, optionNames)
}
