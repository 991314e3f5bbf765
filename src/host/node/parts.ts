/** Makes the parts of a node, in an order in which each knows those that it asks; their news goes to the hub. */

import { defaultCellLimits } from '../../protocol/cell-limits.ts'
import { advertReasonsMax } from '../../protocol/limits.ts'
import type { Advert } from '../../protocol/membership/advert.ts'
import { Roster } from '../../protocol/membership/roster.ts'
import { CellsDriver } from '../cells/cells-driver.ts'
import { OwnPrices } from '../energy/own-prices.ts'
import { Connections } from '../history/connections.ts'
import { History } from '../history/history.ts'
import { Jobs } from '../jobs/jobs.ts'
import { PayingDesk } from '../ledger/paying-desk.ts'
import { Bans } from '../membership/bans.ts'
import { Callers } from '../membership/callers.ts'
import { ClockOffsets } from '../membership/clock-offsets.ts'
import { Membership } from '../membership/membership.ts'
import { readKept } from '../supervisor/kept.ts'
import { traceWork } from '../vehicle/traced-work.ts'
import { WorkerDriver } from '../vehicle/worker-driver.ts'
import { Hub } from './hub.ts'
import type { Resources } from './resources.ts'
import type { Terms } from './terms.ts'

export interface Parts extends Resources {
  /** The owner's terms, as they are now. */
  readonly terms: { current: Terms }
  readonly hub: Hub
  readonly vehicle: WorkerDriver
  readonly history: History
  readonly prices: OwnPrices
  readonly connections: Connections
  readonly bans: Bans
  readonly membership: Membership
  /** Null: this node knows no cells. */
  readonly cells: CellsDriver | null
  readonly callers: Callers
  readonly jobs: Jobs
  readonly desk: PayingDesk
}

/** Makes the parts. They stand still until node.ts starts them. */
export function makeParts(resources: Resources): Parts {
  const { options, clock, store, identity, executor, engines, network, notices } = resources
  const { key, submitter, owner, fleet } = identity
  const { log, slots, standsBy, wish, runtimes } = options
  const terms = { current: { wish, asks: options.asks } }
  const hub = new Hub()
  let calls: readonly string[] = []
  const roster = new Roster()
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
      price: () => prices.now(),
    },
  })
  const prices = new OwnPrices({
    fixed: terms.current.asks,
    auto: options.autoPrice ?? null,
    tariff: options.tariff ?? null,
    engines,
    unitJoules: (runtime) => history.unitJoules(runtime, slots),
    slotWatts: options.slotWatts,
    idleWatts: options.idleWatts ?? 0,
    operatorPpm: () => fleet?.operatorPpm ?? 0,
    clock,
    log,
    onChange: (asksNow) => {
      vehicle.setAsks(asksNow)
      hub.tell('offer')
    },
  })
  const offered = engines.map((engine) => ({ ...engine, ask: prices.offer(engine).ask }))
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
    news: traceWork(history, clock),
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
    onProof: (accused, proof) => cells?.proven(accused, proof),
  })
  const cells =
    options.cells === undefined
      ? null
      : new CellsDriver({
          ...{ key, network, fleet, clock, log, journal: store.journal },
          bootstrap: options.bootstrap,
          isMetered: options.network === 'metered',
          limits: { ...defaultCellLimits, ...options.cells },
          advertise: () => membership.advertise(),
          take: (from, advert) => membership.hear(from, advert),
          believed: (peer) => roster.get(peer),
          showProof: (to, accused) => bans.show(to, accused),
        })
  const membership = new Membership({
    cells: cells ?? undefined,
    key,
    network,
    roster,
    isBanned: (owner) => bans.has(owner),
    nextSerial: () => store.journal.nextSerial('advert'),
    describe: () => ({
      ...advertOf(resources, vehicle, prices),
      ...callsIn(network, calls),
      ...cells?.said,
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
    censuses: cells?.censuses ?? null,
    clock,
    log,
  })
  return {
    ...resources,
    terms,
    hub,
    desk,
    vehicle,
    prices,
    history,
    connections,
    bans,
    membership,
    cells,
    callers,
    jobs,
  }
}

/** Nobody is called who could not come. */
function callsIn({ reachability }: Resources['network'], calls: readonly string[]): Pick<Advert, 'calls'> {
  return reachability === 'direct' && calls.length > 0 ? { calls } : {}
}

/** States what this node has to offer, now. */
function advertOf(
  { options, identity, watch, engines: offering }: Resources,
  vehicle: WorkerDriver,
  prices: OwnPrices,
): Omit<Advert, 'addresses' | 'reach'> {
  const { slots, mode } = vehicle.view()
  const { reasons, availableUntilMs } = watch.judgement()
  const engines = options.slots === 0 ? [] : offering
  return {
    name: identity.name,
    certificate: identity.certificate,
    credential: identity.fleet?.credential ?? null,
    slots,
    mode,
    reasons: reasons.slice(0, advertReasonsMax),
    availableUntilMs,
    engines: engines.map(({ runtime, engine, id, isa }) => ({
      runtime,
      engine,
      id,
      isa,
      unitsPerHour: vehicle.speed.unitsPerHour(runtime, id),
      ...prices.offer({ runtime, id }),
    })),
    software: options.software,
  }
}
