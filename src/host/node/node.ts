/**
 * A node: one process of the mesh. It offers its slots as a vehicle, looks after the jobs that were submitted
 * to it as their steward, and knows the others. Any node does all of it; a vehicle without jobs of its own and
 * a submitter without slots are the same program.
 *
 * The deciding is done in src/protocol, the doing in the folders beside this one. Here a node begins and ends: it
 * opens what it takes from the machine (resources.ts), makes the parts (parts.ts), says who hears whose news, and
 * has them answer the network (routing.ts) and its users (api.ts).
 */
import type { NodeApi, ResultLine, ResultsEnd, SubmitRequest, Submitted } from '../api.ts'
import type { GivenDocuments } from '../submission/given.ts'
import { admission, apiOf } from './api.ts'
import { followJudgement } from './follow-owner.ts'
import type { NodeOptions } from './options.ts'
import { makeParts, type Parts } from './parts.ts'
import { closeResources, openResources } from './resources.ts'
import { route } from './routing.ts'

export class CarpoolNode {
  readonly api: NodeApi
  readonly #parts: Parts
  readonly #stopFollowing: () => void
  #stopping: Promise<void> | undefined

  /** Throws StoreError, or an Error of one sentence, when the node cannot start; then nothing is left behind. */
  static async start(options: NodeOptions): Promise<CarpoolNode> {
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
    this.#stopFollowing = startParts(parts)
  }

  /** True when it executes nothing, and looks after no job that has not ended. */
  get isIdle(): boolean {
    const { vehicle, jobs } = this.#parts
    return vehicle.view().leases === 0 && jobs.list().every(({ state }) => state !== 'running')
  }

  /** As `api.submit`, with documents that this process hands over. Throws RequestError. */
  async submitGiven(request: SubmitRequest, given: GivenDocuments): Promise<Submitted> {
    await admission(this.#parts)
    return this.#parts.jobs.submitGiven(request, given)
  }

  /** As `api.followResults`. It throws once the signal aborts. */
  followResults(job: string, signal: AbortSignal): AsyncGenerator<ResultLine, ResultsEnd, undefined> {
    return this.#parts.jobs.contents.followResults(job, signal)
  }

  /** Stops accepting, hands back leases with what is done, says goodbye, and frees everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { identity, vehicle, tariff, history, connections, jobs, membership, callers, options } =
      this.#parts
    this.#stopFollowing()
    callers.stop()
    connections.stop()
    identity.fleet?.stop()
    const goodbye = vehicle.stop()
    await Promise.all([goodbye, jobs.stop()])
    await membership
      .goodbye()
      .catch((error) => options.log.debug({ error }, 'the goodbye to peers was not sent'))
    tariff.stop()
    history.stop()
    await closeResources(this.#parts)
  }
}

function passOnNews({ hub, identity: { fleet }, vehicle, bans, membership, callers, jobs }: Parts): void {
  hub.on('offer', () => membership.advertise())
  hub.on('market', () => jobs.rosterChanged())
  hub.on('revocation', () => membership.dismiss())
  hub.on('charter', () => {
    vehicle.setOperatorShare(fleet?.operatorPpm ?? 0)
    bans.forgive()
    jobs.rosterChanged()
  })
  membership.onChange((change) => jobs.advertsChanged(change))
  membership.onChange(() => callers.look())
}

/** The answer ends what follows the owner's rules. */
function startParts(parts: Parts): () => void {
  const { hub, identity, network, store, vehicle, history, jobs, membership, executor, watch, options } =
    parts
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
  membership.start()
  vehicle.restore()
  executor.observe(watch)
  if (options.slots > 0) {
    history.judged(watch.judgement(), watch.energyRate)
    watch.onChange((judgement) => history.judged(judgement, watch.energyRate))
  }
  return followJudgement(watch, executor, vehicle, () => hub.tell('offer'), options.log)
}
