/** All commands, in the order in which help shows them. */
import { auditCommand } from './audit.ts'
import { configCommand } from './config.ts'
import { elsewhereCommands } from './elsewhere.ts'
import { historyCommand } from './history.ts'
import { jobCommands } from './jobs.ts'
import { membershipCommands } from './membership.ts'
import { metricsCommand } from './metrics.ts'
import { moneyCommands } from './money.ts'
import { nodeCommand } from './node.ts'
import { pauseCommands } from './pause.ts'
import { peersCommand } from './peers.ts'
import { quoteCommand } from './quote.ts'
import { resultsCommand } from './results.ts'
import { simCommand } from './sim.ts'
import { standbyCommand } from './standby.ts'
import { statusCommand } from './status.ts'
import { submitCommand } from './submit.ts'
import { swarmCommand } from './swarm.ts'
import { whyCommand } from './why.ts'

export const commands = [
  swarmCommand,
  nodeCommand,
  peersCommand,
  metricsCommand,
  whyCommand,
  pauseCommands,
  historyCommand,
  quoteCommand,
  submitCommand,
  statusCommand,
  resultsCommand,
  jobCommands,
  standbyCommand,
  auditCommand,
  ...moneyCommands,
  simCommand,
  ...membershipCommands,
  ...elsewhereCommands,
  configCommand,
]
