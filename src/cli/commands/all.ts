/** All commands, in the order in which help shows them. */
import { auditCommand } from './audit.ts'
import { billCommand } from './bill.ts'
import { configCommand } from './config.ts'
import { contextCommand } from './context.ts'
import { earningsCommand } from './earnings.ts'
import { jobCommands } from './jobs.ts'
import { keyCommand } from './key.ts'
import { ledgerCommand } from './ledger.ts'
import { membershipCommands } from './membership.ts'
import { metricsCommand } from './metrics.ts'
import { nodeCommand } from './node.ts'
import { pauseCommands } from './pause.ts'
import { peersCommand } from './peers.ts'
import { quoteCommand } from './quote.ts'
import { resultsCommand } from './results.ts'
import { settleCommand } from './settle.ts'
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
  quoteCommand,
  submitCommand,
  statusCommand,
  resultsCommand,
  jobCommands,
  standbyCommand,
  auditCommand,
  earningsCommand,
  billCommand,
  settleCommand,
  ledgerCommand,
  simCommand,
  ...membershipCommands,
  contextCommand,
  keyCommand,
  configCommand,
]
