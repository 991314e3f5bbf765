/** `carpool logs`: what a job's module wrote to stderr, document by document. */
import type { Command } from 'commander'
import { clean, printableJson } from '../../base/printable.ts'
import { addOptions } from '../config/config.ts'
import { resolveNodeConfig } from '../config/node-config.ts'
import { formatCount } from '../format.ts'
import { jobOptionNames, withAnyNode } from '../local-node.ts'
import { note, printPaced } from '../output.ts'

export function logsCommand(program: Command): void {
  const command = program
    .command('logs')
    .argument('<job>', 'a job, or the beginning of its id')
    .summary("show what a job's module wrote to stderr")
    .description(
      "Shows what a job's module wrote to stderr, the last 4 KiB for each document. It is the word of one vehicle, of one that agrees with the result where there is one: stderr is no part of what owners agree on. Only the node that the job was submitted to has it, of the work that was handed to it; a blind job has none, and neither has a document that ran out of time or memory.",
    )
    .action(async (job: string, flags: Record<string, unknown>) => {
      const { json } = resolveNodeConfig(flags)
      await withAnyNode(flags, async (node) => {
        const lines = node.logs(job)
        for (;;) {
          const next = await lines.next()
          if (next.done) {
            const { logs, pages } = next.value
            if (!json) note(`${formatCount(logs, 'page')} of ${pages} wrote to stderr`)
            return
          }
          const { document, page, text, agreed } = next.value
          if (json) {
            await printPaced(`${printableJson(next.value)}\n`)
            continue
          }
          const doubt = agreed ? '' : ' (of a vehicle that no verdict agrees with)'
          const written = text
            .trimEnd()
            .split('\n')
            .map((line) => `  ${clean(line)}`)
          await printPaced(`${[`${clean(document)} page ${page}${doubt}:`, ...written].join('\n')}\n`)
        }
      })
    })
  addOptions(command, jobOptionNames)
}
