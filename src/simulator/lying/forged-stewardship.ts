/** Lies about who looks after a job, what they hold, and what they may spend; and records for their own sake. */
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import type { StewardPlace } from '../../protocol/job/manifest.ts'
import { holdingVerdictsMax } from '../../protocol/limits.ts'
import type { Message } from '../../protocol/message.ts'
import { cheapHash } from '../chance.ts'
import { answerTo } from '../unsigned.ts'
import { leaseTo } from './forged-leases.ts'
import type { Forger } from './forger.ts'

type Forge = (forger: Forger) => boolean

/** More than one steward may give. */
const handoversAtOnce = 20
/** Records of one flood. */
const floodSize = 100

/** A node that is honest consents whenever it is invited. It is in nobody's place, since nobody is lost. */
export const handoverToHonestNode: Forge = (forger) => {
  const honest = strangers(forger).filter(({ peer }) => !forger.liar.isAccomplice(peer))
  return handOver(forger, forger.some(honest, forger.chance.between(1, 3)))
}

/** Another node that lies takes the place of a steward that lives. */
export const handoverToAccomplice: Forge = (forger) =>
  handOver(
    forger,
    forger.some(
      strangers(forger).filter(({ peer }) => forger.liar.isAccomplice(peer)),
      1,
    ),
  )

export const handoversInNumbers: Forge = (forger) => {
  for (let i = 0; i < handoversAtOnce; i += 1) handOver(forger, forger.some(strangers(forger), 1))
  return true
}

/** Nodes that would look after jobs, and do not look after this one: honest vehicles are not among them. */
function strangers(forger: Forger): readonly { readonly peer: PeerId; readonly owner: OwnerId }[] {
  const known = new Set(forger.liar.stewardsOf(forger.job).map(({ peer }) => peer))
  return forger.liar.world
    .capacities()
    .filter(({ peer, slots }) => !known.has(peer) && (slots.total === 0 || forger.liar.isAccomplice(peer)))
}

function handOver(
  forger: Forger,
  takers: readonly { readonly peer: PeerId; readonly owner: OwnerId }[],
): boolean {
  const { chance, job, liar } = forger
  const lost = forger.one(forger.fellows)
  if (lost === undefined) return false
  const path = liar.handoversOf(job)
  const others = forger.of('handover').map(({ record }) => record)
  for (const { peer, owner } of takers) {
    // Mostly the record by which the liar is a steward.
    const before = chance.happens(0.8) ? path.at(-1) : forger.one(others)
    const nonce = cheapHash(new TextEncoder().encode(`${peer} ${chance.next()}`)).slice(0, 16)
    const taker: StewardPlace = { peer, owner, nonce }
    const place = {
      job: job.manifest.id,
      epoch: (before?.epoch ?? 0) + 1,
      previous: before?.id ?? job.manifest.id,
      lost,
    }
    const { consent } = answerTo({ type: 'invite', nonce, bytes: 1, place }, forger.self, {
      peer,
      owner,
    }) as Willing
    const handover = forger.sign(
      'handover',
      { previous: place.previous, lost, taker, consent: consent! },
      { epoch: place.epoch },
    )
    liar.say(peer, { type: 'entrust', job, handovers: [...path, handover] })
  }
  return takers.length > 0
}

type Willing = Extract<Message, { type: 'willing' }>

/** It has all inputs and all results, and nobody needs to keep a copy. */
export const holdingOfEverything: Forge = (forger) => {
  const verdicts = forger.of('verdict').map(({ record }) => record.id)
  forger.sign('holding', { inputs: true, verdicts: verdicts.slice(-holdingVerdictsMax) })
  return true
}

/** A holding of verdicts that nobody signed. */
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
