/**
 * A node: one process of the mesh. It offers its slots as a vehicle, looks after the jobs that were submitted
 * to it as their steward, and knows the others. Any node does all of it; a vehicle without jobs of its own and
 * a submitter without slots are the same program.
 *
 * The deciding is done in src/protocol, the doing in the folders beside this one. Here a node begins and ends: it
 * opens what it takes from the machine (resources.ts), makes the parts (parts.ts), says who hears whose news, and
 * has them answer the network (routing.ts) and its users (api.ts).
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { NodeApi, Quote, ResultLine, ResultsEnd, SubmitRequest, Submitted } from '../api.ts'
import type { GivenDocuments } from '../submission/given.ts'
import { openTracing } from '../tracing.ts'
import { apiOf, requireAdmission, traced } from './api.ts'
import { type Following, followJudgement } from './follow-owner.ts'
import type { NodeOptions } from './options.ts'
import { makeParts, type Parts } from './parts.ts'
import { closeResources, openResources } from './resources.ts'
import { route } from './routing.ts'
import type { Terms } from './terms.ts'

/** How often a node that drains looks whether it is done: once in its life. */
const drainLookMs = 50

export class CarpoolNode {
  readonly api: NodeApi
  readonly #parts: Parts
  readonly #following: Following
  #stopping: Promise<void> | undefined

  /** Throws StoreError, or an Error of one sentence, when the node cannot start; then nothing is left behind. */
  static async start(options: NodeOptions): Promise<CarpoolNode> {
    await openTracing()
    const resources = await openResources(options)
    try {
      return new CarpoolNode(makeParts(resources))
    } catch (error) {
      await closeResources(resources)
      throw error
    }
  }

  private constructor(parts: Parts) {
    this.#parts = parts
    this.api = apiOf(parts)
    passOnNews(parts)
    route(parts)
    this.#following = startParts(parts)
  }

  /** True when it executes nothing, and looks after no job that has not ended. */
  get isIdle(): boolean {
    const { vehicle, jobs } = this.#parts
    return vehicle.view().leases === 0 && jobs.list().every(({ state }) => state !== 'running')
  }

  /** As `api.submit`, with documents that this process hands over. Throws RequestError. */
  async submitGiven(request: SubmitRequest, given: GivenDocuments): Promise<Submitted> {
    await requireAdmission(this.#parts)
    return traced(request, () => this.#parts.jobs.submitGiven(request, given))
  }

  /** As `api.quote`, of documents that this process hands over. Throws RequestError. */
  async quoteGiven(request: SubmitRequest, given: GivenDocuments): Promise<Quote> {
    await requireAdmission(this.#parts)
    return this.#parts.jobs.quoteGiven(request, given)
  }

  /** As `api.followResults`. It throws once the signal aborts. */
  followResults(job: string, signal: AbortSignal): AsyncGenerator<ResultLine, ResultsEnd, undefined> {
    return this.#parts.jobs.contents.followResults(job, signal)
  }

  /**
   * Changes its owner's terms while it runs. The time zone stays: days are counted in it. Resolves when they are in force. Throws
   * RequestError where a price is to follow that of power, and nobody knows it; then nothing has changed.
   */
  async change(changed: Terms): Promise<void> {
    const { terms, watch, vehicle, prices, hub } = this.#parts
    // First what may be refused: then nothing has changed.
    prices.stand(changed.asks, changed.autoPrice ?? null)
    const { timeZone } = terms.current.wish.preferences
    const wish = { ...changed.wish, preferences: { ...changed.wish.preferences, timeZone } }
    terms.current = { ...changed, wish }
    vehicle.setCategories(wish.preferences.categories)
    await watch.setPreferences(wish.preferences)
    hub.tell('offer')
  }

  /**
   * Takes no more work, lets the shards under way finish and hands back the rest of their leases. Resolves when nothing is under
   * way, or when the signal aborts; `stop` ends it then.
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#following.drain()
    while (this.#parts.vehicle.view().leases > 0 && !signal.aborted)
      await delay(drainLookMs, undefined, { signal }).catch(() => undefined)
  }

  /** Stops accepting, hands back leases with what is done, says goodbye, and frees everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { identity, vehicle, prices, history, connections, jobs, membership, callers, options } =
      this.#parts
    this.#following.stop()
    callers.stop()
    connections.stop()
    identity.fleet?.stop()
    this.#parts.cells?.stop()
    const goodbye = vehicle.stop()
    await Promise.all([goodbye, jobs.stop()])
    await membership
      .goodbye()
      .catch((error) => options.log.debug({ error }, 'the goodbye to peers was not sent'))
    prices.stop()
    history.stop()
    await closeResources(this.#parts)
  }
}

function passOnNews(parts: Parts): void {
  const { hub, identity, vehicle, bans, membership, callers, cells, jobs } = parts
  const { fleet } = identity
  hub.on('offer', () => membership.advertise())
  hub.on('market', () => jobs.rosterChanged())
  hub.on('revocation', () => membership.dismiss())
  hub.on('charter', () => {
    cells?.charterChanged()
    vehicle.setOperatorShare(fleet?.operatorPpm ?? 0)
    bans.forgive()
    jobs.rosterChanged()
  })
  membership.onChange((change) => jobs.advertsChanged(change))
  membership.onChange(() => callers.look())
  membership.onChange(({ gone }) => cells?.gone(gone))
}

/** The answer ends what follows the owner's rules. */
function startParts(parts: Parts): Following {
  const {
    hub,
    identity,
    network,
    store,
    vehicle,
    prices,
    history,
    jobs,
    membership,
    executor,
    watch,
    bans,
    cells,
    options,
  } = parts
  const { fleet } = identity
  vehicle.setOperatorShare(fleet?.operatorPpm ?? 0)
  void store.collect().catch((error) => {
    options.log.warn({ error }, 'the blocks of jobs that are gone were not released')
  })
  jobs.resume()
  fleet?.start(
    network,
    () => hub.tell('revocation'),
    () => hub.tell('charter'),
  )
  prices.start()
  membership.start()
  for (const { owner, proof } of bans.proofs()) cells?.proven(owner, proof)
  vehicle.restore()
  executor.observe(watch)
  if (options.slots > 0) {
    history.judged(watch.judgement(), watch.energyRate)
    watch.onChange((judgement) => history.judged(judgement, watch.energyRate))
  }
  return followJudgement(watch, executor, vehicle, () => hub.tell('offer'), options.log)
}
