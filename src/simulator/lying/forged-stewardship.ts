/** Lies about who looks after a job, what they hold, and what they may spend; and records for their own sake. */
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import type { StewardPlace } from '../../protocol/job/manifest.ts'
import { holdingVerdictsMax } from '../../protocol/limits.ts'
import { cheapHash } from '../chance.ts'
import { leaseTo } from './forged-leases.ts'
import type { Forger } from './forger.ts'

type Forge = (forger: Forger) => boolean

/** More than all handovers that a job can have. */
const handoversAtOnce = 40
/** Records of one flood. */
const floodSize = 100

/** An honest vehicle that looks after a job executes none of it. It never asked for that. */
export const handoverToHonestVehicle: Forge = (forger) => {
  const honest = forger.candidates().filter(({ peer }) => !forger.liar.isAccomplice(peer))
  return handOver(forger, forger.some(honest, forger.chance.between(1, 5)))
}

/** Another node that lies takes the place of a steward that lives. */
export const handoverToAccomplice: Forge = (forger) => {
  const known = new Set(forger.liar.stewardsOf(forger.job).map(({ peer }) => peer))
  const nodes = forger.liar.world
    .capacities()
    .filter(({ peer }) => forger.liar.isAccomplice(peer) && !known.has(peer))
  return handOver(forger, forger.some(nodes, 1))
}

export const handoversInNumbers: Forge = (forger) => {
  const anybody = forger.liar.world.capacities()
  for (let i = 0; i < handoversAtOnce; i += 1) handOver(forger, forger.some(anybody, 1))
  return true
}

function handOver(
  forger: Forger,
  takers: readonly { readonly peer: PeerId; readonly owner: OwnerId }[],
): boolean {
  const { chance } = forger
  const chain = forger.of('handover').map(({ record }) => record)
  const lost = forger.one(forger.fellows)
  if (lost === undefined) return false
  for (const { peer, owner } of takers) {
    const previous = chance.happens(0.5) ? chain.at(-1) : forger.one(chain)
    const nonce = cheapHash(new TextEncoder().encode(`${peer} ${chance.next()}`)).slice(0, 16)
    const taker: StewardPlace = { peer, owner, nonce }
    const payload = { previous: previous?.id ?? forger.job.manifest.id, lost, taker }
    chain.push(forger.sign('handover', payload, { epoch: (previous?.epoch ?? 0) + 1 }))
  }
  return takers.length > 0
}

/** It has all inputs and all results, and nobody needs to keep a copy. */
export const holdingOfEverything: Forge = (forger) => {
  const verdicts = forger.of('verdict').map(({ record }) => record.id)
  forger.sign('holding', { inputs: true, verdicts: verdicts.slice(-holdingVerdictsMax) })
  return true
}

/** Of verdicts that nobody signed. */
export const holdingOfNothing: Forge = (forger) => {
  const verdicts = Array.from({ length: holdingVerdictsMax }, () => forger.randomCid())
  forger.sign('holding', { inputs: false, verdicts })
  return true
}

/** Gives itself, a fellow or a stranger money that it does not have. */
export const giftWithoutMoney: Forge = (forger) => {
  const { payment } = forger.manifest
  if (payment === null) return false
  const to = forger.one([forger.self, ...forger.fellows, ...forger.accomplices().map(({ peer }) => peer)])!
  const micros = payment.budgetMicros * forger.chance.between(1, 5)
  forger.sign('allowance', { writtenOff: [], given: [{ to, micros }] })
  return true
}

/** Says that leases of others are owed no more; or its own, for which somebody works. */
export const writeOffOfOthers: Forge = (forger) => {
  const leases = forger.some(forger.of('lease'), 8)
  if (forger.manifest.payment === null || leases.length === 0) return false
  forger.sign('allowance', {
    writtenOff: leases.map(({ record }) => ({ lease: record.id, places: [] })),
    given: [],
  })
  return true
}

/** Two records under one serial, one for each half of the fellows. */
export const contradictoryRecords: Forge = (forger) => {
  const serial = forger.liar.serialFor(forger.job, forger.self)
  const made = forger.some(pairs, 1)[0]!(forger)
  if (made === undefined) return false
  const entries = made.map(([kind, payload]) => forger.make(kind, payload as never, { serial }))
  forger.fellows.forEach((peer, i) => {
    forger.liar.say(peer, { type: 'record', entry: entries[i % 2]! })
  })
  return true
}

type Pair = readonly (readonly ['holding' | 'verdict' | 'allowance' | 'end', unknown])[]

const pairs: readonly ((forger: Forger) => Pair | undefined)[] = [
  (forger) => [false, true].map((inputs) => ['holding', { inputs, verdicts: [forger.randomCid()] }] as const),
  (forger) => {
    if (forger.manifest.payment === null) return undefined
    const [one, other] = forger.fellows
    if (one === undefined || other === undefined) return undefined
    const micros = Math.floor(forger.manifest.payment.budgetMicros / 6)
    return [one, other].map((to) => ['allowance', { writtenOff: [], given: [{ to, micros }] }] as const)
  },
  (forger) => {
    const [position] = forger.positions(1)
    if (position === undefined) return undefined
    const { shard } = forger.job.shards[position]!
    const fields = { position, shard, status: 'final', agreeing: [], contradicting: [], settles: [] } as const
    const failed = { ...fields, outcome: 'failed', result: null, because: 'too-many-losses' } as const
    const result = forger.lie(position)
    const accepted = { ...fields, outcome: 'accepted', result, because: 'recomputed' } as const
    return [failed, accepted].map((shard) => ['verdict', { shards: [shard] }] as const)
  },
]

/** As many records of one kind as get in. */
export const flood: Forge = (forger) => {
  const { chance } = forger
  const kind = chance.between(0, 5)
  const candidate = forger.one(forger.candidates())
  if (candidate === undefined) return false
  for (let i = 0; i < floodSize; i += 1)
    if (kind === 0) forger.sign('holding', { inputs: chance.happens(0.5), verdicts: [forger.randomCid()] })
    else if (kind === 1)
      forger.sign('draw', { candidates: [{ peer: candidate.peer, owner: candidate.owner }] })
    else if (kind === 2) leaseTo(forger, candidate, forger.positions(1))
    else if (kind === 3)
      forger.sign('allowance', { writtenOff: [], given: [{ to: candidate.peer, micros: i }] })
    else if (kind === 4)
      forger.sign('window', { owner: candidate.owner, positions: [0], receipts: [forger.randomCid()] })
    else {
      const { shard } = forger.job.shards[0]!
      const said = { position: 0, shard, outcome: 'failed', status: 'final', result: null } as const
      const rest = {
        because: 'no-owner-left',
        agreeing: [],
        contradicting: [forger.randomCid()],
        settles: [],
      } as const
      forger.sign('verdict', { shards: [{ ...said, ...rest }] })
    }
  return true
}
