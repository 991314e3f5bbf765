/** Limits of scores, and what is within them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scoreNatsMax } from '../../src/protocol/job/agreement.ts'
import { isWithin, limitsOf, sumOf } from '../../src/protocol/verification/score.ts'

const least = { gapMax: 1e-3, differenceMax: 1e-4 }

test('the limits follow from the worst of the honest windows, by the token', () => {
  const honest = [
    { tokens: 10, gap: 0.1, difference: 0.01 },
    { tokens: 100, gap: 0.2, difference: 0.5 },
  ]
  const limits = limitsOf(honest, least)
  assert.deepEqual(limits, { gapMax: 5 * 0.01, differenceMax: 5 * 0.005 })
  for (const one of [...honest, sumOf(honest), sumOf([])]) assert(isWithin(one, limits))
  assert(!isWithin({ tokens: 10, gap: 0.6, difference: 0 }, limits))
  assert(!isWithin({ tokens: 10, gap: 0, difference: 0.3 }, limits))
  assert(!isWithin({ tokens: 10, gap: Number.NaN, difference: 0 }, limits))
})

test('a model that leaves no noise is given some, and one of nothing but noise no more than the bound', () => {
  const { gapMax, differenceMax } = limitsOf([{ tokens: 10, gap: 0, difference: 0 }], least)
  assert.deepEqual({ gapMax, differenceMax }, least)
  assert.deepEqual(limitsOf([{ tokens: 1, gap: 20, difference: 20 }], least), {
    gapMax: scoreNatsMax,
    differenceMax: scoreNatsMax,
  })
})
