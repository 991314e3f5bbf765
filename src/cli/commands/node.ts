/** `carpool node`: a node in the foreground, until a signal. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { Executor } from '../../host/executor/contract.ts'
import type { LocalClient } from '../../host/local/client.ts'
import type { Reloaded } from '../../host/reloaded.ts'
import { addOptions } from '../config/config.ts'
import type { HttpAddress } from '../config/gateway-options.ts'
import { stopMsMax } from '../config/lifetime-options.ts'
import { nodeOptionNames } from '../config/node-config.ts'
import { preferenceNames } from '../config/preferences.ts'
import { oneLine } from '../failure.ts'
import { formatDuration, quoted } from '../format.ts'
import { aborted, heedSignals, terminalLoss } from '../interruption.ts'
import { createLog } from '../log.ts'
import { note, print, printJson } from '../output.ts'
import { startOwnNode } from '../own-node.ts'
import { describeReach } from '../reach-lines.ts'
import { Configuration } from '../reload.ts'
import { serviceManager } from '../service-manager.ts'
import { signalLines } from '../signal-lines.ts'

/** Between looks at how others reach the node: it takes some seconds to learn that, and hardly ever changes. */
const reachPollMs = 2_000

/** Kept of the time to stop (stopMsMax), for the exit itself. */
const exitMsMax = 500

const otherOptionNames = ['http', 'httpHost', 'drainDeadline'] as const

/** `createExecutor`: for a node whose work is run otherwise, such as the swarm's liar. */
export function nodeCommand(program: Command, createExecutor?: (log: Logger) => Executor): void {
  const command = program
    .command('node')
    .summary('run a node in the foreground')
    .description(
      'Runs a node in the foreground: it offers its slots to the mesh and looks after jobs given to it.',
    )
    .action((flags: Record<string, unknown>) => runNode(flags, createExecutor))
  addOptions(command, [...nodeOptionNames, ...otherOptionNames, ...preferenceNames]).addHelpText(
    'after',
    `
Examples:
  $ carpool node --listen /ip4/0.0.0.0/tcp/4001          the first node of a mesh
  $ carpool node --bootstrap /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…
  $ carpool node --slots 0 --data-dir ~/steward          a node that only looks after jobs
  $ carpool node --slots 0 --http 127.0.0.1:8080         … and takes batches of OpenAI’s API (carpool key create)

Signals that rules read from --signals (docs/signals.md says which rule reads what):
${signalLines().join('\n')}`,
  )
}

/** Says how others reach the node as soon as it is known, and once more when that changes. */
async function sayReach(node: Pick<LocalClient, 'info'>, json: boolean, signal: AbortSignal): Promise<void> {
  let said: string | undefined
  while (!signal.aborted) {
    const info = await node.info()
    const news = json ? (info.reach ?? undefined) : describeReach(info)
    if (news !== undefined && news !== said) {
      if (json) printJson({ event: 'reach', reach: news, addresses: info.addresses })
      else note(news)
      said = news
    }
    await delay(reachPollMs, undefined, { signal }).catch(() => undefined)
  }
}

async function runNode(
  flags: Record<string, unknown>,
  createExecutor?: (log: Logger) => Executor,
): Promise<void> {
  const manager = serviceManager()
  const configuration = new Configuration(flags)
  const config = configuration.now
  const { json, dataDir, logLevel, http: listen, httpHost: hosts } = config
  const log = createLog(logLevel, json)
  const isTerminalLost = terminalLoss()
  let reload: (() => Promise<Reloaded>) | undefined
  const interruption = heedSignals(() => {
    if (isTerminalLost()) return false
    reload?.().catch((error) => log.error({ error }, `the configuration stays as it was: ${oneLine(error)}`))
    return true
  })
  const deadline = new AbortController()
  interruption.signal.addEventListener('abort', () => {
    const signal = interruption.name()
    const drainMs = configuration.now.drainDeadline - stopMsMax
    manager.stopping()
    if (json) printJson({ event: 'stopping', signal })
    else
      note(
        `${signal}: ${drainMs > 0 ? `finishing the work under way for up to ${formatDuration(drainMs)}, then ` : ''}handing back leases and leaving the mesh; once more ends the node at once`,
      )
    setTimeout(() => deadline.abort(), drainMs).unref()
    setTimeout(
      () => {
        note('the node did not stop in time; what it had acknowledged is on disk')
        process.exit(0)
      },
      drainMs + stopMsMax - exitMsMax,
    ).unref()
  })
  const node = await startOwnNode(config, log, {
    ...(createExecutor === undefined ? {} : { executor: createExecutor(log) }),
    ...(listen === null ? {} : { http: { listen, hosts } }),
    reload: () => configuration.reload((terms) => node.change(terms), log),
  })
  if (process.getuid?.() === 0)
    log.info(
      'this node runs as root, which it has no need of: give it a user of its own (carpool service install --print --system)',
    )
  reload = () => configuration.reload((terms) => node.change(terms), log)
  const { peer, addresses, name, owner, fleet } = await node.client.info()
  const http = node.http && urlOf(node.http)
  if (json) printJson({ event: 'ready', peer, addresses, dataDir, name, owner, ...(http && { http }) })
  else {
    note(`node ${peer} is ready; it keeps its data in ${dataDir}`)
    for (const address of addresses) print(address)
    if (http !== null)
      note(
        `it takes batches at ${http}/v1, and shows its page at ${http}/; keys for both: carpool key create --name <name> --data-dir ${quoted(dataDir)}`,
      )
    if (fleet?.state === 'waiting')
      note(
        `it asks the fleet ${fleet.name} to join as soon as it reaches one of its nodes; the operator lets it in with: carpool fleet approve ${peer}`,
      )
  }
  manager.ready()
  const sayingReach = sayReach(node.client, json, interruption.signal)
  await aborted(interruption.signal)
  await sayingReach
  if (!deadline.signal.aborted) await node.drain(deadline.signal)
  await node.stop()
  manager.stopped()
  if (json) printJson({ event: 'stopped' })
  process.exit(0)
}

function urlOf({ host, port }: HttpAddress): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
