/** The plan, against the tables of the notes on reliability (§3), which were checked there by Monte Carlo. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ProtocolError } from '../../src/protocol/errors.ts'
import { leadFor, replicasFor } from '../../src/protocol/verification/plan.ts'

/** share f, error bound ε, lead d, unanimous replicas m. */
const table = [
  [0.01, 1e-4, 3, 2],
  [0.05, 1e-4, 4, 4],
  [0.1, 1e-4, 5, 4],
  [0.2, 1e-4, 7, 6],
  [0.3, 1e-4, 11, 8],
  [0.01, 1e-6, 4, 3],
  [0.05, 1e-6, 5, 5],
  [0.1, 1e-6, 7, 6],
  [0.2, 1e-6, 10, 9],
  [0.3, 1e-6, 17, 12],
] as const

for (const [share, bound, lead, replicas] of table)
  test(`a share of ${share} that colludes and a bound of ${bound} take ${replicas} replicas and a lead of ${lead}`, () => {
    assert.equal(replicasFor(bound, share), replicas)
    assert.equal(leadFor(bound, share), lead)
  })

test('the number is the least that keeps the bound', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.001, max: 0.4, noNaN: true }),
      fc.double({ min: 1e-8, max: 0.5, noNaN: true }),
      (share, bound) => {
        const m = replicasFor(bound, share)
        assert(share ** m <= bound * 1.000001)
        assert(m === 1 || share ** (m - 1) > bound * 0.999999)
        const wrong = (d: number) => share ** d / (share ** d + (1 - share) ** d)
        const d = leadFor(bound, share)
        assert(wrong(d) <= bound * 1.000001)
        assert(d === 1 || wrong(d - 1) > bound * 0.999999)
      },
    ),
  )
})

test('a bound that no number of voices reaches is refused by name', () => {
  for (const [bound, share] of [
    [0, 0.1],
    [1, 0.1],
    [1e-4, 0.5],
    [1e-4, -0.1],
    [Number.NaN, 0.1],
    [1e-4, Number.NaN],
    [1e-60, 0.49],
  ] as const)
    for (const numberFor of [replicasFor, leadFor])
      assert.throws(
        () => numberFor(bound, share),
        (error) => error instanceof ProtocolError && error.refusal.code === 'impossible-bound',
      )
})
