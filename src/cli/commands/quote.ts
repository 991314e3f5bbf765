/** `carpool quote`: shows what a job would take, and what each plan for it costs, before anything is sent. */
import type { Command } from 'commander'
import { connectLocal } from '../../host/local/client.ts'
import { checkSubmission, stdinFor } from '../before-start.ts'
import { addOptions } from '../config/config.ts'
import { nodeOptionNames, resolveNodeConfig } from '../config/node-config.ts'
import { createLog } from '../log.ts'
import { print, printJson } from '../output.ts'
import { startOwnNode } from '../own-node.ts'
import { describeErrorsPaid, describeQuote } from '../quote-view.ts'
import { addJobOptions, documentsArgument, requestOf, type SubmitFlags } from './submit.ts'

export function quoteCommand(program: Command): void {
  const command = addJobOptions(
    program
      .command('quote')
      .argument('<paths...>', documentsArgument)
      .summary('show what a job would cost')
      .description(
        'Shows what documents would cost as a job: each plan that meets the error bound, the cheapest first. It sends nothing.',
      ),
  ).action((paths: string[], flags: SubmitFlags) => quote(paths, flags))
  addOptions(command, nodeOptionNames).addHelpText(
    'after',
    `
Examples:
  $ carpool quote scans/ --runtime ocr
  $ carpool quote scans/ --runtime ocr --price-cap 0.0005EUR --budget 5EUR
  $ carpool quote scans/ --runtime ocr --error-bound 1e-6 --colluding-share 0.05`,
  )
}

async function quote(paths: readonly string[], flags: SubmitFlags): Promise<void> {
  const config = resolveNodeConfig({ ...flags })
  const request = requestOf(paths, flags)
  const say = (quoted: Parameters<typeof describeQuote>[0]) => {
    if (config.json) printJson(quoted)
    else for (const line of [...describeQuote(quoted), ...describeErrorsPaid(quoted)]) print(line)
  }
  const running = await connectLocal(config.dataDir)
  if (running !== undefined) {
    try {
      say(await running.quote(request, undefined, stdinFor(request)))
    } finally {
      running.close()
    }
    return
  }
  await checkSubmission(request, true)
  const node = await startOwnNode({ ...config, slots: 0 }, createLog('warn', config.json), {
    standsBy: false,
  })
  try {
    say(await node.client.quote(request, undefined, stdinFor(request)))
  } finally {
    await node.stop()
  }
}
