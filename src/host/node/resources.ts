/**
 * The resources that a node takes from its machine: the data directory, slots, readings of the vehicle, and the
 * network.
 */
import { cellKeyOf } from '../../protocol/cells/key.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import { mayHear } from '../cells/channels.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Executor, WithheldEngine } from '../executor/contract.ts'
import { ProcessExecutor } from '../executor/executor.ts'
import { availableBytes, slotsThatFit } from '../executor/memory-room.ts'
import { Network } from '../network/network.ts'
import { Traffic } from '../network/traffic.ts'
import { Notices } from '../notices.ts'
import { weighOutsideMemory } from '../outside-memory.ts'
import { sha256 } from '../sha256.ts'
import { endOnBrokenDisk } from '../store/broken-disk.ts'
import { StoreError } from '../store/errors.ts'
import { readSecret } from '../store/private-files.ts'
import { openStore, type Store } from '../store.ts'
import type { OwnerWatch } from '../supervisor/owner-watch.ts'
import { startOwnerWatch } from './follow-owner.ts'
import { type Identity, openIdentity } from './identity.ts'
import type { NodeOptions } from './options.ts'

export interface Resources {
  readonly options: NodeOptions
  readonly clock: Clock
  readonly store: Store
  readonly identity: Identity
  readonly executor: Executor
  readonly engines: readonly EngineDescription[]
  /** Engines that this machine could run and does not offer. */
  readonly withheld: readonly WithheldEngine[]
  /** Why fewer slots are open than its owner asked for, or one that may not have the memory it needs; null: all are. */
  readonly scarceMemory: string | null
  readonly traffic: Traffic
  readonly watch: OwnerWatch
  readonly network: Network
  readonly notices: Notices
}

/** Throws StoreError, or an Error of one sentence; then nothing is left open. */
export async function openResources(asked: NodeOptions): Promise<Resources> {
  const { dataDir, cacheBytesMax, log, clock = systemClock } = asked
  weighOutsideMemory()
  const store = openStore(dataDir, { cacheBytesMax, log })
  endOnBrokenDisk()
  const { mayAccelerate = false, runtimes } = asked
  const executor = asked.executor ?? new ProcessExecutor({ log, runtimes, mayAccelerate })
  const { slots, why: scarceMemory } = slotsThatFit(asked.slots, executor.slotBytesMax ?? 0, availableBytes())
  const options = { ...asked, slots }
  if (scarceMemory !== null) log.warn({ asked: asked.slots, slots }, scarceMemory)
  const traffic = new Traffic()
  const watching = watchOwner(options, store, traffic)
  watching.catch(() => undefined) // met below
  try {
    const identity = openIdentity(options, store)
    const [engines, withheld = []] = await Promise.all([
      executor.describeEngines(),
      executor.withheldEngines?.(),
    ])
    if (options.slots > 0) sayWithheld(withheld, log)
    const watch = await watching
    const notices = new Notices(log, () => clock.monotonicMs())
    const network = await startNetwork(options, identity, store, notices)
    const taken = { options, clock, store, identity, executor, engines, withheld, scarceMemory }
    return { ...taken, traffic, watch, network, notices }
  } catch (error) {
    await watching.then((watch) => watch.stop()).catch(() => undefined)
    traffic.close()
    await executor.close()
    store.close()
    throw error
  }
}

/** Closes the network first: a peer that is still connected would ask for parts that are closed. */
export async function closeResources({ network, executor, watch, traffic, store }: Resources): Promise<void> {
  await network.stop()
  await executor.close()
  await watch.stop()
  traffic.close()
  store.close()
}

function watchOwner(options: NodeOptions, store: Store, traffic: Traffic): Promise<OwnerWatch> {
  const { wish, signals, network, slots, slotWatts, log } = options
  return startOwnerWatch({
    preferences: wish.preferences,
    // A node that executes nothing has nothing to stop.
    signals: slots === 0 ? [] : signals,
    network,
    slotWatts,
    trafficBytes: () => traffic.bytes,
    journal: store.journal,
    log,
  })
}

function sayWithheld(withheld: readonly WithheldEngine[], log: NodeOptions['log']): void {
  for (const { runtime, engine, why } of withheld)
    log.warn({ runtime, engine }, `an engine is not offered: ${why}`)
}

function startNetwork(
  options: NodeOptions,
  { key, fleet }: Identity,
  { journal }: Store,
  notices: Notices,
): Promise<Network> {
  const { listen, announce, bootstrap, lan, meshKey, networkBounds, software, log, slots } = options
  const gossipScope = fleet?.fleet ?? 'open'
  const book = `addresses of ${gossipScope}`
  return Network.start({
    privateKey: key.toLibp2p(),
    listen,
    announce,
    bootstrap,
    log,
    notices,
    software,
    isRelay: options.relays ?? slots === 0,
    gossipScope,
    ...(options.cells === undefined
      ? {}
      : {
          cells: {
            mayHear: (channel) => mayHear(channel, cellKeyOf(sha256, key.peerId, fleet?.credential ?? null)),
          },
        }),
    ...(lan === true ? { lan: {} } : {}),
    bookShelf: {
      read: () => journal.getSetting(book) ?? null,
      write: (text) => journal.putSetting(book, text),
    },
    ...(fleet === null ? {} : { doorkeeper: fleet }),
    ...(meshKey === null ? {} : { meshKey: readMeshKey(meshKey) }),
    ...(networkBounds === undefined ? {} : { bounds: networkBounds }),
  })
}

/** Throws Error, one sentence that names the file. */
function readMeshKey(path: string): Uint8Array {
  try {
    return readSecret(path)
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new Error(`${path} is no mesh key that can be read: ${(error as Error).message}`, { cause: error })
  }
}
