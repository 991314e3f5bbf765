/**
 * A submitter whose shards are one document each: `carpool node`, with an executor that guesses every document
 * at the cost of a whole shard. It deceives nobody but its own split: vehicles tell by their clocks what a shard
 * takes, and the steward bundles leases by that.
 */
import { Command } from 'commander'
import { nodeCommand } from '../src/cli/commands/node.ts'
import { ProcessExecutor } from '../src/host/executor/executor.ts'
import { shardCostMsTarget } from '../src/protocol/limits.ts'
import type { DocumentShape } from '../src/runtimes/messages.ts'

class WholeShardExecutor extends ProcessExecutor {
  override async inspect(): Promise<DocumentShape> {
    return { pages: 1, pageCostMs: shardCostMsTarget / 2 + 1 }
  }
}

const program = new Command()
nodeCommand(program, (log) => new WholeShardExecutor({ log }))
await program.parseAsync(process.argv)
