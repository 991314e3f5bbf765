/** Makes the parts of a node, in an order in which each knows those that it asks; their news goes to the hub. */

import type { Tariff } from '../../protocol/energy/tariff.ts'
import { advertReasonsMax } from '../../protocol/limits.ts'
import type { Advert } from '../../protocol/membership/advert.ts'
import { Roster } from '../../protocol/membership/roster.ts'
import type { Ask } from '../../protocol/price.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import { TariffSource } from '../energy/tariff-source.ts'
import { Connections } from '../history/connections.ts'
import type { PriceNow } from '../history/energy-hours.ts'
import { History } from '../history/history.ts'
import { Jobs } from '../jobs/jobs.ts'
import { PayingDesk } from '../ledger/paying-desk.ts'
import { Bans } from '../membership/bans.ts'
import { Callers } from '../membership/callers.ts'
import { ClockOffsets } from '../membership/clock-offsets.ts'
import { Membership } from '../membership/membership.ts'
import { readKept } from '../supervisor/kept.ts'
import { WorkerDriver } from '../vehicle/worker-driver.ts'
import { Hub } from './hub.ts'
import type { Resources } from './resources.ts'

export interface Parts extends Resources {
  readonly hub: Hub
  readonly vehicle: WorkerDriver
  readonly history: History
  readonly tariff: TariffSource
  readonly connections: Connections
  readonly bans: Bans
  readonly membership: Membership
  readonly callers: Callers
  readonly jobs: Jobs
  readonly desk: PayingDesk
}

type OfferedEngine = EngineDescription & { readonly ask: Ask | null }

/** Makes the parts. They stand still until node.ts starts them. */
export function makeParts(resources: Resources): Parts {
  const { options, clock, store, identity, executor, engines, network, notices } = resources
  const { key, submitter, owner, fleet } = identity
  const { log, slots, asks, standsBy, wish, runtimes } = options
  const hub = new Hub()
  let calls: readonly string[] = []
  const roster = new Roster()
  const offered = engines.map((engine) => ({ ...engine, ask: asks.get(engine.runtime) ?? null }))
  const tariff = new TariffSource({
    spec: options.tariff ?? null,
    clock,
    log,
    onChange: () => hub.tell('offer'),
  })
  const history = new History({
    self: key.peerId,
    database: store.database,
    books: store.books,
    timeZone: wish.preferences.timeZone,
    runtimes,
    clock,
    log,
    energy: {
      drawn: () => readKept(store.journal, log).energy,
      idleWatts: options.idleWatts ?? 0,
      price: () => priceNow(tariff.tariff, clock.now()),
    },
  })
  const connections = new Connections({
    network,
    onAlone: (isAlone) => history.alone(isAlone),
    clock,
    log,
  })
  const vehicle = new WorkerDriver({
    key,
    network,
    store,
    executor,
    engines: offered,
    runtimes,
    categories: wish.preferences.categories,
    slots,
    clock,
    news: history,
    log,
    onChange: () => hub.tell('offer'),
  })
  const bans = new Bans({
    submitter: submitter.peerId,
    network,
    journal: store.journal,
    certificateOf: (peer) => roster.get(peer)?.certificate ?? null,
    ownersHere: () => new Set(roster.list(clock.now()).map(({ owner }) => owner)),
    isCleared: (owner, begunMs) => fleet?.isCleared(owner, begunMs) ?? false,
    now: () => clock.now(),
    log,
    onChange: () => hub.tell('market'),
  })
  const membership = new Membership({
    key,
    network,
    roster,
    isBanned: (owner) => bans.has(owner),
    nextSerial: () => store.journal.nextSerial('advert'),
    describe: () => ({
      ...advertOf(resources, vehicle, offered),
      ...callsIn(network, calls),
      standsBy,
    }),
    fleet,
    clock,
    notices,
    clocks: new ClockOffsets(clock, notices),
    log,
  })
  const callers = new Callers({
    self: key.peerId,
    everybody: () => membership.everybody(),
    seek: (peers) => network.seek(peers),
    clock,
  })
  const desk = PayingDesk.open({ store, key: submitter, self: key.peerId, log }, clock.now())
  const jobs = new Jobs({
    onCalls: (engines) => {
      calls = engines
      hub.tell('offer')
    },
    key,
    submitter,
    desk,
    network,
    store,
    executor,
    engines,
    runtimes,
    membership,
    bans,
    owner,
    fleet: fleet?.fleet ?? null,
    operatorPpm: () => fleet?.operatorPpm ?? 0,
    standsBy,
    clock,
    log,
  })
  return { ...resources, hub, desk, vehicle, tariff, history, connections, bans, membership, callers, jobs }
}

/** Null: not known, or of no currency in which it could be kept. */
function priceNow(tariff: Tariff | null, nowMs: number): ReturnType<PriceNow> {
  const kwhMicros = tariff?.priceAt(nowMs) ?? null
  return kwhMicros === null || tariff?.currency == null ? null : { currency: tariff.currency, kwhMicros }
}

/** Nobody is called who could not come. */
function callsIn({ reachability }: Resources['network'], calls: readonly string[]): Pick<Advert, 'calls'> {
  return reachability === 'direct' && calls.length > 0 ? { calls } : {}
}

/** States what this node has to offer, now. */
function advertOf(
  { options, identity, watch }: Resources,
  vehicle: WorkerDriver,
  offered: readonly OfferedEngine[],
): Omit<Advert, 'addresses' | 'reach'> {
  const { slots, mode } = vehicle.view()
  const { reasons, availableUntilMs } = watch.judgement()
  const engines = options.slots === 0 ? [] : offered
  return {
    name: identity.name,
    certificate: identity.certificate,
    credential: identity.fleet?.credential ?? null,
    slots,
    mode,
    reasons: reasons.slice(0, advertReasonsMax),
    availableUntilMs,
    engines: engines.map(({ runtime, engine, id, isa, ask }) => ({
      runtime,
      engine,
      id,
      isa,
      unitsPerHour: vehicle.speed.pagesPerHour(runtime, id),
      ask,
    })),
    software: options.software,
  }
}
