/**
 * The node that a command talks to: the one that runs on its data directory, or one that it starts itself.
 *
 * A command that starts a node asks it over the same socket as everybody else: there is one way to ask, and other
 * commands can look in while it runs.
 */
import { connectLocal, type RemoteApi } from '../host/local/client.ts'
import type { OptionName } from './config/config.ts'
import { resolveNodeConfig } from './config/node-config.ts'
import { inContext } from './contexts.ts'
import { CommandFailure } from './failure.ts'
import { quoted } from './format.ts'
import { createLog } from './log.ts'
import { startOwnNode } from './own-node.ts'

/** The options of every command that asks a node. */
export const clientOptionNames = ['dataDir', 'json', 'logLevel'] as const satisfies OptionName[]

/** Asks the node that runs on this data directory. Throws CommandFailure when there is none. */
export async function withNode<Result>(
  dataDir: string,
  ask: (node: RemoteApi) => Promise<Result>,
): Promise<Result> {
  const client = await connectLocal(dataDir)
  if (client === undefined)
    throw new CommandFailure(
      `no node is running on ${dataDir}; start one with: carpool node --data-dir ${quoted(dataDir)}`,
    )
  try {
    return await ask(client)
  } finally {
    client.close()
  }
}

/** The options of a command about jobs, which may be those of another node. */
export const jobOptionNames = [...clientOptionNames, 'bootstrap'] as const satisfies OptionName[]

/**
 * Asks the node that runs on the data directory; without one, a node that is there for this question alone, and asks the
 * stewards of the submitter's jobs through the bootstrap peers, or through those of the context that is in use. `isOwn`: it is
 * such a node. Throws ConfigError, and CommandFailure when there is neither.
 */
export async function withAnyNode<Result>(
  flags: Readonly<Record<string, unknown>>,
  ask: (node: RemoteApi, isOwn: boolean) => Promise<Result>,
): Promise<Result> {
  const config = inContext(resolveNodeConfig(flags))
  const { dataDir, bootstrap, json } = config
  const running = await connectLocal(dataDir)
  if (running !== undefined) {
    try {
      return await ask(running, false)
    } finally {
      running.close()
    }
  }
  if (bootstrap.length === 0)
    throw new CommandFailure(
      `no node is running on ${dataDir}; start one with: carpool node --data-dir ${quoted(dataDir)}, or name a node of the mesh with --bootstrap`,
    )
  const level = config.origins.logLevel.layer === 'default' ? 'warn' : config.logLevel
  const node = await startOwnNode({ ...config, slots: 0 }, createLog(level, json), { standsBy: false })
  try {
    return await ask(node.client, true)
  } finally {
    await node.stop()
  }
}
