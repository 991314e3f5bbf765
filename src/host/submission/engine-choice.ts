/** Chooses a job's engine. */
import { compareText } from '../../base/bytes.ts'
import type { OwnerId } from '../../protocol/ids.ts'
import { isAffordable } from '../../protocol/price.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import { type Runtimes, runtimeIn, runtimes } from '../../runtimes/registry.ts'
import { bytesInMemoryMax } from '../../runtimes/weight.ts'
import type { SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import type { SigningKey } from '../store/keys.ts'
import { isScored, type Market, ownersAround, requestWithin, unanimousFor } from './assurance.ts'
import { hasLargeWeights } from './weights.ts'

export interface EngineMarket extends Pick<Market, 'capacities' | 'owner'> {
  readonly node: SigningKey
  /** This node's engines. */
  readonly engines: readonly EngineDescription[]
  /** Those that this node knows; left out: those that come along. */
  readonly runtimes?: Runtimes | undefined
}

interface Choice {
  readonly engine: EngineDescription
  /** Other owners that have it, and ask no more than the job pays. */
  readonly owners: Set<OwnerId>
}

/**
 * Chooses the engine that all replicas of a job run. 'auto' takes a native one when enough owners have the very same,
 * since it is faster, and else the exact one, which all have who run this software. `needed`: owners, where every owner may have the
 * engine; of a class that only some are in, it takes those that meet the error bound if all who collude are in it.
 * Throws RequestError when there is none.
 */
export function chooseEngine(
  request: SubmitRequest,
  market: EngineMarket,
  needed: number,
): EngineDescription {
  const offered = offeredFor(request, market)
  // Engines of WebAssembly hold weights in memory.
  const isLarge = hasLargeWeights(request, market.runtimes)
  if (isLarge && request.engine === 'exact')
    throw new RequestError(
      `the exact engine holds weights in memory, ${bytesInMemoryMax / 2 ** 20} MiB a file at most; use --engine native`,
    )
  const wanted = offered.filter(
    ({ engine }) =>
      // Limits of scores take some answers of this machine to measure, so that a submitter asks for them.
      (request.engine === 'auto' ? !isScored(engine) : engine.engine === request.engine) &&
      (!request.blind || engine.agreement === 'bytes') &&
      !(isLarge && engine.isa === null),
  )
  if (isLarge && wanted.length === 0)
    throw new RequestError(
      `nobody here has an engine of ${request.runtime} that maps weights of more than ${bytesInMemoryMax / 2 ** 20} MiB; join vehicles that offer ${request.runtime}/native, or take a smaller model`,
    )
  const enough = ({ engine, owners }: Choice) => {
    if (engine.agreement !== 'class-bytes') return owners.size >= needed ? 1 : 0
    return owners.size >= neededWithin(request, engine, owners.size, ownersAround(market)) ? 1 : 0
  }
  const native = ({ engine }: Choice) => (engine.isa === null ? 0 : 1)
  wanted.sort(
    (a, b) =>
      enough(b) - enough(a) ||
      native(b) - native(a) ||
      b.owners.size - a.owners.size ||
      compareText(a.engine.id, b.engine.id),
  )
  const [first] = wanted
  if (first === undefined) throw refusal(request, offered)
  // No engine has enough owners yet: most vehicles that join later will have the exact one, too.
  if (enough(first) === 0) return (wanted.find((choice) => !native(choice)) ?? first).engine
  return first.engine
}

/** Voices that a shard may need of so many owners of a class; infinity where no number meets the bound. */
function neededWithin(
  request: SubmitRequest,
  engine: EngineDescription,
  owners: number,
  all: number,
): number {
  try {
    return unanimousFor(requestWithin(request, engine, owners, all))
  } catch (error) {
    if (error instanceof RequestError) return Number.POSITIVE_INFINITY
    throw error
  }
}

/** The runtime's engines of this node, and of those around. */
function offeredFor(
  { runtime, payment }: SubmitRequest,
  { engines, capacities, node, runtimes: known = runtimes }: EngineMarket,
): Choice[] {
  const offered = new Map<string, Choice>()
  const note = (engine: EngineDescription, owner?: OwnerId) => {
    if (engine.runtime !== runtime) return
    const known = offered.get(engine.id) ?? { engine, owners: new Set() }
    offered.set(engine.id, known)
    if (owner !== undefined) known.owners.add(owner)
  }
  for (const engine of engines) note(engine)
  for (const { engines: others, owner, peer } of capacities) {
    if (peer === node.peerId) continue
    for (const { ask, unitsPerHour: _, ...engine } of others) {
      // An advert does not say how an engine's results compare. Where the runtime does not either, the strictest way is taken.
      const declared = runtimeIn(known, runtime)?.agreements?.[engine.engine] ?? 'class-text'
      const agreement = engine.isa === null ? 'bytes' : declared
      note({ ...engine, agreement }, isAffordable(ask, payment) ? owner : undefined)
    }
  }
  return [...offered.values()]
}

function refusal({ runtime, engine, blind }: SubmitRequest, offered: readonly Choice[]): RequestError {
  if (blind && engine !== 'auto')
    return new RequestError(
      `a blind job's results are compared without being read, so its engine must give the same bytes everywhere; '${engine}' does not, use --engine exact`,
    )
  const names = [...new Set(offered.map((choice) => choice.engine.engine))].sort()
  return new RequestError(
    names.length === 0
      ? `nobody here runs '${runtime}'; start this node with at least one slot, or join vehicles that do`
      : `there is no engine '${engine}' for ${runtime}; name one of auto, ${names.join(', ')}`,
  )
}
