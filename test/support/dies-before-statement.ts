/**
 * A node that is killed at the moment in which it would say for the first time what it owes: after the verdict is
 * durable, and before anybody heard of it.
 */
import { Command } from 'commander'
import { nodeCommand } from '../../src/cli/commands/node.ts'
import { Network } from '../../src/host/network/network.ts'
import { decodeMessage } from '../../src/protocol/message.ts'

const send = Network.prototype.send
Network.prototype.send = function (to, bytes) {
  if (decodeMessage(bytes).type === 'statement') process.kill(process.pid, 'SIGKILL')
  return send.call(this, to, bytes)
}

const program = new Command()
nodeCommand(program)
await program.parseAsync(process.argv)
