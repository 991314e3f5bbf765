/** The commands that name a job and are done at once: jobs, cancel, forget, report. */
import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import type { Cancelled, JobSummary } from '../../host/api.ts'
import type { JobDebt } from '../../host/ledger/job-debt.ts'
import type { RemoteApi } from '../../host/local/client.ts'
import { formatMoney } from '../../protocol/price.ts'
import { addOptions } from '../config/config.ts'
import { resolveNodeConfig } from '../config/node-config.ts'
import { CommandFailure } from '../failure.ts'
import { formatCount, formatDuration, formatNumber, shortJob } from '../format.ts'
import { countedIn, describeErrors, describeOutcomes } from '../job-view.ts'
import { jobOptionNames, withAnyNode } from '../local-node.ts'
import { print, printJson } from '../output.ts'
import { type Column, formatTable } from '../table.ts'
import { handToUser } from '../user-files.ts'

export function jobCommands(program: Command): void {
  const list = program
    .command('jobs')
    .summary('list the jobs that the node looks after')
    .description(
      'Lists the jobs that the running node looks after. Without one, it finds the jobs of the submitter key in the data directory through the bootstrap peers.',
    )
    .option('--everywhere', 'look for jobs that were submitted elsewhere with the same key, too')
    .action(async (flags: Record<string, unknown>) => {
      const { json } = resolveNodeConfig(flags)
      const jobs = await withAnyNode(flags, async (node, isOwn) => {
        if (isOwn || flags.everywhere === true) await node.seekJobs()
        return node.jobs()
      })
      if (json) jobs.forEach(printJson)
      else for (const line of describeJobs(jobs, Date.now())) print(line)
    })
  addOptions(list, jobOptionNames)

  oneJob(program, 'cancel', 'end a job, and keep its verified results', async (node, job) => {
    const end = await node.cancel(job)
    return { event: end.state === 'cancelled' ? 'cancelled' : 'ended', ...end, text: describeCancelled(end) }
  })
  oneJob(program, 'forget', "free a job's documents, results and records", async (node, job, flags) => {
    const debt = await node.owes(job)
    if (debt !== null && flags.yes !== true) await confirmDebt(debt)
    await node.forget(job)
    return { event: 'forgotten', job, text: `job ${job} is forgotten` }
  }).option('--yes', 'also one that still owes money')
  oneJob(program, 'report', "write a job's report, which carpool audit checks", async (node, job, flags) => {
    const path = resolve(flags.output as string)
    const { root, bytes } = await node.report(job, path)
    handToUser(path)
    const status = await node.status(job)
    return {
      event: 'reported',
      job,
      path,
      root,
      bytes,
      state: status.state,
      code: status.code,
      outcomes: status.outcomes,
      text: [`${path}: ${formatCount(bytes, 'byte')}, root ${root}`, ...describeOutcomes(status)].join('; '),
    }
  }).requiredOption('-o, --output <file>', 'file for the report, a CAR file')
}

/** The newest first, as whoever just submitted one expects. */
export function describeJobs(jobs: readonly JobSummary[], nowMs: number): string[] {
  const columns: readonly Column<JobSummary>[] = [
    { title: 'JOB', cell: ({ job }) => shortJob(job) },
    { title: 'RUNTIME', cell: ({ runtime }) => runtime },
    { title: 'STATE', cell: ({ state }) => state },
    {
      title: 'VERIFIED',
      align: 'right',
      cell: ({ runtime, pages }) =>
        `${formatNumber(pages.verified)} of ${formatCount(pages.total, countedIn(runtime))}`,
    },
    { title: 'AGE', align: 'right', cell: ({ createdAtMs }) => formatDuration(nowMs - createdAtMs) },
    {
      title: 'DEADLINE',
      align: 'right',
      cell: ({ state, deadlineMs }) =>
        state === 'running' ? `in ${formatDuration(deadlineMs - nowMs)}` : '–',
    },
    { title: 'REASON', cell: reasonOf },
  ]
  const newestFirst = [...jobs].sort((a, b) => b.createdAtMs - a.createdAtMs)
  return [...formatTable(columns, newestFirst), formatCount(jobs.length, 'job')]
}

/** Why it waits or ended, and how many pages came out as errors. */
function reasonOf(job: JobSummary): string {
  const { reason } = job
  const errors = describeErrors(job)
  return [reason, ...(errors === null ? [] : [errors])].filter((part) => part !== '').join('; ')
}

/** Throws CommandFailure where the person does not say yes, or cannot. */
async function confirmDebt({ job, currency, micros, payees }: JobDebt): Promise<void> {
  const owes = `job ${shortJob(job)} still owes ${formatMoney(micros, currency)} to ${formatCount(payees, 'payee')}, its receipts, which prove for what, go with it, and a vehicle that worked for no other job of yours is not told when it is paid`
  if (!process.stdin.isTTY)
    throw new CommandFailure(
      `${owes}; pay it first (carpool settle), keep its proof (carpool report ${shortJob(job)} -o job.car), or say --yes`,
    )
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await lines.question(`${owes}. Forget it all the same? [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) throw new CommandFailure(`job ${shortJob(job)} stays`)
  } finally {
    lines.close()
  }
}

/** Says truly what became of it: a job may have ended otherwise before the word of its submitter was everywhere. */
export function describeCancelled({ job, state, hadEnded, untold }: Cancelled): string {
  const short = shortJob(job)
  if (hadEnded) return `job ${short} had ended before, as ${state}; nothing was cancelled`
  if (state !== 'cancelled') return `job ${short} ended as ${state} before all its stewards heard of this`
  const unsure = `; ${formatCount(untold, 'other steward')} ${untold === 1 ? 'has' : 'have'} not said so yet, and may complete it before hearing of this`
  return `job ${short} is cancelled; what is verified is kept${untold === 0 ? '' : unsure}`
}

type Outcome = { readonly text: string } & Readonly<Record<string, unknown>>

/** Adds a command that names a job, asks a node once, and prints what came of it. */
export function oneJob(
  program: Command,
  name: string,
  summary: string,
  act: (node: RemoteApi, job: string, flags: Record<string, unknown>) => Promise<Outcome>,
): Command {
  const command = program
    .command(name)
    .argument('<job>', 'a job, or the beginning of its id')
    .summary(summary)
    .action(async (job: string, flags: Record<string, unknown>) => {
      const { json } = resolveNodeConfig(flags)
      const { text, ...facts } = await withAnyNode(flags, (node) => act(node, job, flags))
      if (json) printJson(facts)
      else print(text)
    })
  return addOptions(command, jobOptionNames)
}
