/** The driver's half of the contract: effects in their order, and what leaves the node behind what is written. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { CouncilEffect } from '../../src/protocol/council/contract.ts'
import { carryOut, type Hands } from '../../src/protocol/driver.ts'
import type { WorkerEffect } from '../../src/protocol/worker/contract.ts'

type Type = (CouncilEffect | WorkerEffect)['type']

/** Hands that note what they carry out, while `after` keeps what is to wait. */
function carried(types: readonly Type[]): { atOnce: Type[]; later: Type[] } {
  const done: Type[] = []
  const hands = new Proxy({} as Hands<CouncilEffect | WorkerEffect>, {
    get: (_, type: string) => () => done.push(type as Type),
  })
  const waiting: (() => unknown)[] = []
  const effects = types.map((type) => ({ type }) as CouncilEffect | WorkerEffect)
  carryOut(effects, hands, (say) => waiting.push(say))
  const atOnce = done.splice(0)
  for (const say of waiting) say()
  return { atOnce, later: done }
}

test('what other nodes, or the rest of this one, hear waits for the disk, in its order', () => {
  const said: Type[] = [
    'offer',
    'send',
    'share',
    'entrust',
    'adopt',
    'deliver',
    'show',
    'lied',
    'revoke',
    'ended',
  ]
  assert.deepEqual(carried(said), { atOnce: [], later: said })
})

test('writes, work and timers begin at once, in their order', () => {
  const begun: Type[] = [
    'issue',
    'keep',
    'copy',
    'take',
    'follow',
    'release',
    'prepare',
    'run',
    'abort',
    'wake',
  ]
  assert.deepEqual(carried(begun), { atOnce: begun, later: [] })
  assert.deepEqual(carried(['issue', 'send', 'wake']), { atOnce: ['issue', 'wake'], later: ['send'] })
})

test('who carries out later waits for a hand that takes its time', async () => {
  const hands = { send: () => Promise.resolve('sent') } as unknown as Hands<CouncilEffect>
  const waiting: (() => unknown)[] = []
  carryOut([{ type: 'send' } as CouncilEffect], hands, (say) => waiting.push(say))
  assert.equal(await waiting[0]!(), 'sent')
})
