/** A cartel gets a shard no more often than the lots give it, whatever its vehicles say of their slots and however fast they answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OwnerId } from '../../src/protocol/ids.ts'
import { CommonSlowness } from '../../src/protocol/job/slowness.ts'
import { Chance } from '../../src/simulator/chance.ts'
import { parseCommand } from '../support/core-script.ts'
import { StewardStage } from '../support/core-steward-stage.ts'

interface Offer {
  readonly lease: string
  readonly vehicle: string
  readonly shards: readonly string[]
}

/** One steward and its vehicles, a second at a time. Every offer is accepted, and every result that is collected is there. */
class Play {
  readonly decided: string[] = []
  seconds = 0
  ended = false
  readonly #stage = new StewardStage()
  readonly #leases = new Map<string, Offer>()
  readonly #offered: (offer: Offer) => void
  readonly #lines: string[]
  /** Use: results that were examined; later ones that are the same need no look. */
  readonly #examined = new Set<string>()

  constructor(job: string, roster: string, offered: (offer: Offer) => void) {
    this.#offered = offered
    this.#lines = [`job ${job}`, `roster ${roster}`]
  }

  say(...lines: string[]): void {
    this.#lines.push(...lines)
  }

  /** Says all that waits, and what it leads to; then a second passes. */
  second(): void {
    for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift())
      for (const effect of this.#stage.run(parseCommand(line)).flatMap((all) => all.split('\n')))
        this.#hear(effect)
    this.#lines.push('wake +1s')
    this.seconds += 1
  }

  #hear(effect: string): void {
    const [verb, first, ...rest] = effect.split(' ')
    if (verb === 'issue' && first!.startsWith('L'))
      this.#leases.set(first!, { lease: first!, vehicle: rest[0]!, shards: rest.slice(1) })
    if (verb === 'offer') {
      this.say(`accept ${first}`)
      this.#offered(this.#leases.get(first!)!)
    }
    if (verb === 'decided') this.decided.push(effect)
    if (verb === 'ended') this.ended = true
    if (effect === 'goes on') this.say('go-on')
    if (verb !== 'collect') return
    for (const part of effect.slice('collect '.length).split(', ')) {
      const result = part.split(' ')[0]!
      if (!this.#examined.has(result)) this.say(`examine ${result}`)
      this.#examined.add(result)
    }
  }
}

const receiptOf = ({ lease, shards }: Offer, result: (shard: string) => string) =>
  `receipt ${lease} ${shards.map((shard) => `${shard}=${result(shard)}`).join(' ')}`

/** All that is said of a job, and in adverts, beside what is usual. */
interface Words {
  /** As `cap=300 budget=5000`. */
  readonly job?: string
  /** As `:ask=200`. */
  readonly honest?: string
  readonly cartel?: string
}

/** Counts, of so many shards, those that a cartel forged: it agrees on a lie wherever two of it are asked, and says what is right elsewhere. */
function forgedBy(seed: number, { job = '', honest: ofHonest = '', cartel: ofCartel = '' }: Words = {}) {
  const chance = new Chance(seed, 'cartel')
  const honest = chance.between(12, 30)
  const cartel = chance.between(2, 4)
  const slots = [1, 8, 1_024][chance.between(0, 2)]!
  const answerSeconds = [0, 1, 12][chance.between(0, 2)]!
  const shards = 120
  const asked = new Map<string, number>()
  const freeAt = new Map<string, number>()
  let due: { readonly atSeconds: number; readonly offer: Offer }[] = []
  const play = new Play(
    `shards=${shards} replicas=2 cost=8000 deadline=30h ${job}`,
    [
      ...Array.from({ length: honest }, (_, i) => `v${i}:o${i}s${seed}${ofHonest}`),
      ...Array.from({ length: cartel }, (_, i) => `x${i}:x${i}s${seed}:slots=${slots}${ofCartel}`),
    ].join(' '),
    (offer) => {
      const { vehicle } = offer
      const isTheirs = vehicle.startsWith('x')
      if (isTheirs) for (const shard of offer.shards) asked.set(shard, (asked.get(shard) ?? 0) + 1)
      const begins = Math.max(play.seconds, freeAt.get(vehicle) ?? 0)
      const atSeconds = isTheirs ? play.seconds + answerSeconds : begins + chance.between(3, 7)
      freeAt.set(vehicle, atSeconds)
      due.push({ atSeconds, offer })
    },
  )
  while (!play.ended && play.seconds < 1_000) {
    const now = due.filter(({ atSeconds }) => atSeconds <= play.seconds)
    due = due.filter(({ atSeconds }) => atSeconds > play.seconds)
    for (const { offer } of now) {
      const isLie = (shard: string) => offer.vehicle.startsWith('x') && asked.get(shard)! > 1
      play.say(receiptOf(offer, (shard) => `${isLie(shard) ? 'forged' : 'right'}${shard}`))
    }
    play.second()
  }
  assert(play.ended, `CARPOOL_SEED=${seed}: the job ends`)
  const forged = play.decided.filter((line) => line.includes(' accepted forged')).length
  const owners = honest + cartel
  const both = (cartel / Math.ceil(owners / 2)) * ((cartel - 1) / Math.ceil((owners - 1) / 2))
  return { forged, most: shards * both, cartel, owners, slots, answerSeconds }
}

test('a cartel that always has room forges no more than if it were twice as large', () => {
  const seeds = Number(process.env.CARPOOL_SEEDS ?? 8)
  const first = Number(process.env.CARPOOL_SEED ?? 1)
  let [forged, most] = [0, 0]
  for (let seed = first; seed < first + seeds; seed += 1) {
    const found = forgedBy(seed)
    forged += found.forged
    most += found.most
    // The chance of one shard is its bound; five standard deviations above it happen to nobody.
    const bound = found.most + 5 * Math.sqrt(found.most) + 1
    assert(found.forged <= bound, `CARPOOL_SEED=${seed}: ${JSON.stringify(found)}`)
  }
  assert(forged <= most + 5 * Math.sqrt(most) + 1, `seeds from ${first}: ${forged} forged, at most ${most}`)
})

test('a cartel that asks for nothing gets no more of a job whose money runs low, and the job ends for want of it', () => {
  const seeds = Number(process.env.CARPOOL_SEEDS ?? 2)
  const first = Number(process.env.CARPOOL_SEED ?? 1)
  for (let seed = first; seed < first + seeds; seed += 1) {
    // Enough for half of it, where all of it goes to those that ask for money.
    const found = forgedBy(seed, { job: 'cap=300 budget=24000', honest: ':ask=200', cartel: ':ask=0' })
    assert(
      found.forged <= found.most + 5 * Math.sqrt(found.most) + 1,
      `CARPOOL_SEED=${seed}: ${JSON.stringify(found)}`,
    )
  }
})

test('a standby decides its job by the order of owners, also where half of those that the submitter knew have left', () => {
  for (const [count, here, most] of [
    [60, 60, 2.2],
    [60, 30, 3.2],
    // Of so few one of two is honest: three that are left are enough.
    [12, 3, 2],
  ] as const) {
    const known = Array.from({ length: count }, (_, i) => `o${i}`)
    const roster = known.slice(0, here).map((owner, i) => `v${i}:${owner}`)
    let executions = 0
    const play = new Play(
      `shards=96 replicas=2 cost=1000 owners=${known.join()}`,
      roster.join(' '),
      (offer) => {
        executions += offer.shards.length
        play.say(receiptOf(offer, (shard) => `r${shard}`))
      },
    )
    while (play.decided.length < 96 && play.seconds < 1_000) play.second()
    assert.equal(
      play.decided.filter((line) => line.includes(' accepted ')).length,
      96,
      `with ${here} of ${count} owners`,
    )
    assert(executions <= most * 96, `${executions} executions with ${here} of ${count} owners`)
  }
})

test('an owner that stays full for longer than its work takes is waited for no more', () => {
  const leases: { vehicle: string; seconds: number }[] = []
  const held: string[] = []
  const play = new Play('shards=40 replicas=1 cost=8000', 'v1:o1 v2:o2 v3:o3 v4:o4', (offer) => {
    leases.push({ vehicle: offer.vehicle, seconds: play.seconds })
    if (offer.vehicle === 'v1') play.say(receiptOf(offer, (shard) => `r${shard}`))
    else held.push(offer.lease)
  })
  while (!play.ended && play.seconds < 100) {
    if (play.seconds % 10 === 0) play.say(...held.map((lease) => `progress ${lease}`))
    play.second()
  }
  const later = leases.filter(({ seconds }) => seconds > 0)
  assert(
    later.length > 20 && later.slice(0, 20).every(({ vehicle }) => vehicle === 'v1'),
    'the only one with room',
  )
  assert.equal(later[0]!.seconds, 60, 'but not before the others had the time for their leases')
})

test('a vehicle that says it has many slots, and only says that it goes on, holds its shards for as long as one lease takes', () => {
  const held: string[] = []
  const play = new Play('shards=40 replicas=1 cost=8000', 'v9:o9:slots=20', (offer) => {
    if (offer.vehicle === 'v9') held.push(offer.lease)
    else play.say(receiptOf(offer, (shard) => `r${shard}`))
  })
  play.second()
  assert.equal(held.length, 40)
  play.say('roster v9:o9:slots=20 v1:o1')
  while (!play.ended && play.seconds < 1_000) {
    if (play.seconds % 10 === 0) play.say(...held.map((lease) => `progress ${lease}`))
    play.second()
  }
  // A lease of 8 s has half as much again; then the other owner does the first twenty, and after them the rest.
  assert(play.seconds <= 16, `the job ends after ${play.seconds} s`)
})

test('a vehicle that says its work took a day makes nobody wait longer for a straggler', () => {
  const held: string[] = []
  const play = new Play('shards=12 replicas=1 cost=8000', 'x1:x1 v2:o2', (offer) => {
    if (offer.vehicle === 'v2') held.push(offer.lease)
    else play.say(`${receiptOf(offer, (shard) => `r${shard}`)} wall=86400000`)
  })
  while (!play.ended && play.seconds < 1_000) {
    if (play.seconds % 10 === 0) play.say(...held.map((lease) => `progress ${lease}`))
    play.second()
  }
  assert(held.length > 0)
  assert(play.seconds <= 40, `the job ends after ${play.seconds} s`)
})

test('machines of several owners are as slow as the middle one says, whatever the others say', () => {
  const chance = new Chance(1, 'slowness')
  const common = new CommonSlowness()
  const single = new Map<string, number>()
  for (let i = 0; i < 300; i += 1) {
    const owner = `o${chance.between(0, 8)}`
    const ratio = chance.between(1, 9_000) / 100
    const before = single.get(owner)
    single.set(owner, before === undefined ? ratio : before + 0.3 * (ratio - before))
    common.measure(owner as OwnerId, ratio * 100, 100)
    const rising = [...single.values()].sort((a, b) => a - b)
    assert(Math.abs(common.value - rising[(rising.length - 1) >> 1]!) < 1e-9)
  }
})
