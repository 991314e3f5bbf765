/**
 * All commands, in the order in which help shows them, each beside the file that adds it. Only what a command line names is
 * loaded: all of them together are half of what a command costs.
 */
import type { Command } from 'commander'

type AddCommand = (program: Command) => unknown

interface CommandFile {
  /** The commands that it adds to the program. */
  readonly names: readonly string[]
  readonly load: () => Promise<readonly AddCommand[]>
}

const files: readonly CommandFile[] = [
  { names: ['swarm'], load: async () => [(await import('./swarm.ts')).swarmCommand] },
  { names: ['node'], load: async () => [(await import('./node.ts')).nodeCommand] },
  { names: ['peers'], load: async () => [(await import('./peers.ts')).peersCommand] },
  { names: ['metrics'], load: async () => [(await import('./metrics.ts')).metricsCommand] },
  { names: ['why'], load: async () => [(await import('./why.ts')).whyCommand] },
  { names: ['pause', 'resume'], load: async () => [(await import('./pause.ts')).pauseCommands] },
  { names: ['history'], load: async () => [(await import('./history.ts')).historyCommand] },
  { names: ['weights'], load: async () => [(await import('./weights.ts')).weightsCommand] },
  { names: ['quote'], load: async () => [(await import('./quote.ts')).quoteCommand] },
  { names: ['submit'], load: async () => [(await import('./submit.ts')).submitCommand] },
  { names: ['retry'], load: async () => [(await import('./retry.ts')).retryCommand] },
  { names: ['status'], load: async () => [(await import('./status.ts')).statusCommand] },
  { names: ['results'], load: async () => [(await import('./results.ts')).resultsCommand] },
  { names: ['logs'], load: async () => [(await import('./logs.ts')).logsCommand] },
  {
    names: ['jobs', 'cancel', 'forget', 'report'],
    load: async () => [(await import('./jobs.ts')).jobCommands],
  },
  { names: ['standby'], load: async () => [(await import('./standby.ts')).standbyCommand] },
  { names: ['audit'], load: async () => [(await import('./audit.ts')).auditCommand] },
  {
    names: ['earnings', 'payments', 'bill', 'settle', 'ledger'],
    load: async () => (await import('./money.ts')).moneyCommands,
  },
  { names: ['sim'], load: async () => [(await import('./sim.ts')).simCommand] },
  {
    names: ['id', 'owner', 'fleet', 'bans'],
    load: async () => (await import('./membership.ts')).membershipCommands,
  },
  {
    names: ['context', 'key'],
    load: async () => (await import('./elsewhere.ts')).elsewhereCommands,
  },
  { names: ['config'], load: async () => [(await import('./config.ts')).configCommand] },
]

export const commandNames: readonly string[] = files.flatMap(({ names }) => names)

/** Adds the commands of the file that has this name, and all where none has it: they are listed, or one is meant. */
export async function addCommands(program: Command, name: string | undefined): Promise<void> {
  const named = files.filter(({ names }) => name !== undefined && names.includes(name))
  for (const { load } of named.length > 0 ? named : files) for (const add of await load()) add(program)
}
