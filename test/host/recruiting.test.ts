/** Whom a submitter takes for standbys: those that it asked, and that said yes themselves, in time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromString } from 'uint8arrays'
import type { Clock } from '../../src/host/clock.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { Recruiting } from '../../src/host/stewardship/recruiting.ts'
import { findStandbys, type StandbySearch } from '../../src/protocol/council/standbys.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { inviteTtlMs, standbySearchMsMax } from '../../src/protocol/limits.ts'
import type { Capacity } from '../../src/protocol/membership/advert.ts'
import { decodeMessage, type Message } from '../../src/protocol/message.ts'
import { standbyInsistMsMax } from '../../src/protocol/standing-by-limits.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { vehicleOf } from '../support/jobs-stage.ts'

/** Stands still until nothing else is left to happen; then goes ahead to the next moment that is waited for. */
class StillClock implements Clock {
  readonly waiting = new Set<{ readonly dueMs: number; readonly action: () => void }>()
  #nowMs = 1_000

  now(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, action: () => void): () => void {
    const one = { dueMs: this.#nowMs + delayMs, action }
    this.waiting.add(one)
    return () => this.waiting.delete(one)
  }

  async run<Value>(event: Promise<Value>): Promise<Value> {
    let isOver = false
    const done = event.finally(() => {
      isOver = true
    })
    for (;;) {
      await new Promise(setImmediate)
      if (isOver) return done
      const [next] = [...this.waiting].sort((a, b) => a.dueMs - b.dueMs)
      assert(next, 'nothing would ever happen')
      this.waiting.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.action()
    }
  }
}

type Invitation = Extract<Message, { type: 'invite' }>

const depot = (name: string) => vehicleOf(peerNamed(name), 0)

function searchAmong(names: readonly string[]): StandbySearch {
  return {
    capacities: names.map(depot),
    runtime: 'wasm',
    engine: 'engine',
    replicas: 2,
    taken: { peers: new Set(), owners: new Set() },
    inVain: new Map(),
    sha256,
    seed: sha256(fromString('recruiting')),
  }
}

/** The peers in the order in which they are drawn. */
function orderOf(search: StandbySearch): PeerId[] {
  return findStandbys(search, search.capacities.length).map(({ peer }) => peer)
}

/** A network on which `send` does this. */
function recruitingBy(send: (to: PeerId, invitation: Invitation) => Promise<void> | void) {
  const clock = new StillClock()
  const asked: PeerId[] = []
  const recruiting = new Recruiting(
    {
      connectedPeers: () => [],
      reachability: undefined,
      isRelayed: () => false,
      send: async (to: PeerId, bytes: Uint8Array) => {
        const message = decodeMessage(bytes)
        assert(message.type === 'invite')
        asked.push(to)
        await send(to, message)
      },
      blocks: {
        fetch: () => {
          throw new Error('nobody here has blocks')
        },
        have: async () => new Set(),
        giveBack: () => {},
      },
    },
    clock,
  )
  return { recruiting, clock, asked }
}

test('only the node that was invited can answer for itself', async () => {
  const other = peerNamed('other')
  const invited = Promise.withResolvers<Invitation>()
  const { recruiting } = recruitingBy((_, invitation) => invited.resolve(invitation))
  const places = recruiting.recruit(searchAmong(['asked']), 1, 1)
  const { nonce } = await invited.promise
  recruiting.heard(other, { type: 'unwilling', nonce, reason: 'no-space' })
  recruiting.heard(other, { type: 'willing', nonce, consent: null })
  recruiting.heard(peerNamed('asked'), { type: 'willing', nonce, consent: null })
  assert.deepEqual(await places, [{ peer: peerNamed('asked'), owner: depot('asked').owner, nonce }])
})

test('in place of a node that says no, or cannot be reached, the next of the draw is asked', async () => {
  const search = searchAmong(['one', 'two', 'three', 'four', 'five'])
  const [unwilling, away, willing, next, last] = orderOf(search)
  const { recruiting, asked } = recruitingBy((to, { nonce }) => {
    if (to === away) throw new Error('it is away')
    if (to === unwilling) recruiting.heard(to, { type: 'unwilling', nonce, reason: 'too-many-jobs' })
    else recruiting.heard(to, { type: 'willing', nonce, consent: null })
  })
  const places = await recruiting.recruit(search, 3, 1)
  assert.deepEqual(
    places.map(({ peer }) => peer),
    [willing, next, last],
  )
  assert.deepEqual(asked, [unwilling, away, willing, next, last])
})

test('nodes that say nothing, and those to which no connection comes about, cost a bounded time', async () => {
  const search = searchAmong(Array.from({ length: 40 }, (_, n) => `silent ${n}`))
  let sent = 0
  const { recruiting, clock, asked } = recruitingBy(async () => {
    sent += 1
    if (sent % 2 === 0) await new Promise(() => {})
  })
  const startedMs = clock.monotonicMs()
  assert.deepEqual(await clock.run(recruiting.recruit(search, 7, 1)), [])
  const tookMs = clock.monotonicMs() - startedMs
  assert(standbySearchMsMax <= 15_000 && tookMs <= standbySearchMsMax, `${tookMs} ms`)
  assert(tookMs >= inviteTtlMs, 'they have their time')
  assert(asked.length > 7, 'and others are asked after them')
  assert.deepEqual(asked, orderOf(search).slice(0, asked.length))
})

test('the search goes on with the next of the draw as soon as the time of a silent one is over', async () => {
  const search = searchAmong(['one', 'two', 'three'])
  const [silent, willing] = orderOf(search)
  const { recruiting, clock } = recruitingBy((to, { nonce }) => {
    if (to !== silent) recruiting.heard(to, { type: 'willing', nonce, consent: null })
  })
  const places = await clock.run(recruiting.recruit(search, 1, 1))
  assert.deepEqual(
    places.map(({ peer }) => peer),
    [willing],
  )
  assert.equal(clock.waiting.size, 0, 'no timer is left')
})

test('a node that answers late has its place where nobody else is left to ask, and is asked once; one that never does costs as long again', async () => {
  const search = searchAmong(['busy', 'gone', 'no'])
  const { recruiting, clock, asked } = recruitingBy((to, { nonce }) => {
    if (to === peerNamed('no')) recruiting.heard(to, { type: 'unwilling', nonce, reason: 'no-space' })
    if (to === peerNamed('busy'))
      clock.after(inviteTtlMs + 500, () => recruiting.heard(to, { type: 'willing', nonce, consent: null }))
  })
  const startedMs = clock.monotonicMs()
  const places = await clock.run(recruiting.recruit(search, 2, 1))
  assert.deepEqual(
    places.map(({ peer }) => peer),
    [peerNamed('busy')],
  )
  assert.deepEqual(asked, orderOf(search))
  assert.equal(clock.monotonicMs() - startedMs, 2 * inviteTtlMs)
})

test('while nobody at all is found, a node that has not answered is waited for to the end, and asked once', async () => {
  const search = searchAmong(['busy', 'gone'])
  const { recruiting, clock, asked } = recruitingBy((to, { nonce }) => {
    if (to === peerNamed('busy'))
      clock.after(3 * inviteTtlMs + 500, () =>
        recruiting.heard(to, { type: 'willing', nonce, consent: null }),
      )
  })
  const places = await clock.run(recruiting.recruit(search, 1, 1))
  assert.deepEqual(
    places.map(({ peer }) => peer),
    [peerNamed('busy')],
  )
  assert.deepEqual(asked.toSorted(), orderOf(search).toSorted())
  assert(clock.monotonicMs() <= standbySearchMsMax)
})

test('a node that nobody can dial, and that is not connected, is not asked', async () => {
  const { recruiting, asked, clock } = recruitingBy(() => {
    throw new Error('nobody is there')
  })
  const search = searchAmong(['a', 'b', 'c'])
  const [hidden, ...others] = search.capacities
  const capacities = [{ ...hidden!, reach: 'outbound' as const }, ...others]
  await clock.run(recruiting.recruit({ ...search, capacities }, 3, 1))
  assert.deepEqual(asked.toSorted(), others.map(({ peer }) => peer).toSorted())
})

test('for a job that must outlive its node it asks on while none is willing, and those whom it comes to know meanwhile', async () => {
  const late = peerNamed('late')
  let invitations = 0
  const { recruiting, clock } = recruitingBy((to, { nonce }) => {
    invitations += 1
    // The first is silent twice, then says no; nobody knows the other before.
    if (to === late) recruiting.heard(to, { type: 'willing', nonce, consent: null })
    else if (invitations > 2) recruiting.heard(to, { type: 'unwilling', nonce, reason: 'no-space' })
  })
  const known = () => (invitations < 3 ? [depot('busy')] : [depot('busy'), depot('late')])
  const places = await clock.run(recruiting.insist(searchAmong([]), 2, 1, known))
  assert.deepEqual(
    places.map(({ peer }) => peer),
    [late],
  )
})

test('where none is ever willing, it gives up', async () => {
  const { recruiting, clock } = recruitingBy(() => {
    throw new Error('it is away')
  })
  const startedMs = clock.monotonicMs()
  const asking = recruiting.insist(searchAmong([]), 1, 1, () => [depot('away')])
  const refused = await clock.run(asking.catch((error: Error) => error.message))
  assert.match(`${refused}`, /nothing was submitted; start nodes with --slots 0/)
  const tookMs = clock.monotonicMs() - startedMs
  assert(tookMs >= standbyInsistMsMax && tookMs < standbyInsistMsMax + standbySearchMsMax, `${tookMs} ms`)
})

/** Ten nodes that say no at once, ten that have left without a word, and two that are willing; `marks` is in the adverts of the ten. */
async function searchesAmongTwenty(marks: Partial<Capacity>): Promise<{ found: number; tookMs: number }> {
  const named = (kind: string, count: number) =>
    Array.from({ length: count }, (_, n) => depot(`${kind} ${n}`))
  const [laptops, gone, willing] = [named('laptop', 10), named('gone', 10), named('willing', 2)]
  const isOneOf = (nodes: readonly Capacity[], to: PeerId) => nodes.some(({ peer }) => peer === to)
  let [found, tookMs] = [0, 0]
  for (let job = 0; job < 50; job += 1) {
    const search = {
      ...searchAmong([]),
      capacities: [...laptops.map((node) => ({ ...node, ...marks })), ...gone, ...willing],
      seed: sha256(fromString(`job ${job}`)),
    }
    const { recruiting, clock } = recruitingBy(async (to, { nonce }) => {
      if (isOneOf(gone, to)) await new Promise(() => {})
      recruiting.heard(
        to,
        isOneOf(willing, to)
          ? { type: 'willing', nonce, consent: null }
          : { type: 'unwilling', nonce, reason: 'stopping' },
      )
    })
    const startedMs = clock.monotonicMs()
    const places = await clock.run(recruiting.recruit(search, 2, 1))
    found += places.length
    tookMs = Math.max(tookMs, clock.monotonicMs() - startedMs)
  }
  return { found, tookMs }
}

test('fifty jobs of fifty find the two nodes that are willing among twenty that are not, or have left', async (t) => {
  for (const marks of [{ standsBy: false }, {}]) {
    const { found, tookMs } = await searchesAmongTwenty(marks)
    t.diagnostic(`${found} of 100 places, ${tookMs} ms at most`)
    assert.equal(found, 100)
    assert(tookMs <= 3 * inviteTtlMs, `${tookMs} ms`)
  }
})
