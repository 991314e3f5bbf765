/** What is owed follows from a job's records: for each of these stories, which claims, and why not the others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Allowance } from '../../src/protocol/allowance.ts'
import type { Lease, Opening, Receipt } from '../../src/protocol/lease.ts'
import { type OwedRecords, owedBy } from '../../src/protocol/owed.ts'
import type { Verified } from '../../src/protocol/record.ts'
import type { JobEnd, ShardVerdict, Verdict } from '../../src/protocol/verdict.ts'
import { bodyOf, cidNamed, manifestWith, ownerNamed, peerNamed } from '../support/core-fakes.ts'

const [job, steward] = [cidNamed('job'), peerNamed('steward')]

class Story {
  readonly leases: Verified<Lease>[] = []
  readonly receipts: { record: Verified<Receipt>; opening: Opening }[] = []
  readonly verdicts: Verified<Verdict>[] = []
  readonly allowances: Verified<Allowance>[] = []
  readonly ends: Verified<JobEnd>[] = []
  readonly manifest = manifestWith({
    payment: { currency: 'EUR', unit: 'page', unitMicrosMax: 100, budgetMicros: 10_000 },
  })
  #serial = 0

  /** A lease on these shards, and if there are results a receipt for as many. Both by name: l-v1, r-v1. */
  lease(
    vehicle: string,
    owner: string,
    positions: readonly number[],
    results: readonly string[],
    isa?: string,
  ): this {
    const payload: Lease = {
      vehicle: peerNamed(vehicle),
      owner: ownerNamed(owner),
      shards: positions.map((position) => cidNamed(`s${position}`)),
      positions,
      isa: isa ?? null,
      costMs: 1,
      units: positions.map((position) => position + 1),
      price: { currency: 'EUR', unitMicros: 10, operatorPpm: 0 },
      draw: { basis: cidNamed('basis'), eligible: new Uint8Array([1]), index: 0 },
    }
    this.leases.push({ ...bodyOf('lease', steward, payload, { job }), id: cidNamed(`l-${vehicle}`) })
    if (results.length > 0) this.receipt(`r-${vehicle}`, vehicle, results)
    return this
  }

  receipt(name: string, vehicle: string, results: readonly string[]): this {
    const payload: Receipt = {
      lease: cidNamed(`l-${vehicle}`),
      covers: results.map((_, place) => place),
      root: new Uint8Array(32),
      cpuMs: 1,
      wallMs: 1,
      energy: null,
    }
    this.#serial += 1
    this.receipts.push({
      record: {
        ...bodyOf('receipt', peerNamed(vehicle), payload, { serial: this.#serial }),
        id: cidNamed(name),
      },
      opening: { results: results.map(cidNamed), nonce: new Uint8Array(16) },
    })
    return this
  }

  verdict(
    name: string,
    position: number,
    result: string | null,
    agreeing: string[],
    changes: Partial<ShardVerdict> = {},
  ) {
    const shard: ShardVerdict = {
      position,
      shard: cidNamed(`s${position}`),
      outcome: result === null ? 'failed' : 'accepted',
      status: 'final',
      result: result === null ? null : cidNamed(result),
      because: 'unanimous',
      agreeing: agreeing.map((receipt) => cidNamed(receipt)),
      contradicting: [],
      settles: [],
      ...changes,
    }
    this.#serial += 1
    const body = bodyOf('verdict', steward, { shards: [shard] }, { serial: this.#serial })
    this.verdicts.push({ ...body, id: cidNamed(name) })
    return this
  }

  /** `v1:0 owed 10`, in order. */
  rows(records: OwedRecords = this): string[] {
    return owedBy(records).map(({ vehicle, position, state, amountMicros, named }) => {
      const copy = state === 'owed' && !named ? ' for a copy' : ''
      return `${vehicle.replaceAll('.', '')}:${position} ${state} ${amountMicros}${copy}`
    })
  }
}

const two = () => new Story().lease('v1', 'o1', [0, 1], ['x', 'y']).lease('v2', 'o2', [0, 1], ['x', 'y'])

test('claims that agree with a verdict are owed, and pending until there is one', () => {
  const story = two().verdict('V0', 0, 'x', ['r-v1', 'r-v2'])
  assert.deepEqual(
    story.rows(),
    ['v1:0 owed 10', 'v2:0 owed 10', 'v1:1 pending 20', 'v2:1 pending 20'].sort(byShard),
  )
  story.ends.push({ ...bodyOf('end', steward, {} as JobEnd), id: cidNamed('end') })
  assert.deepEqual(story.rows().slice(2), ['v1:1 unpaid 20', 'v2:1 unpaid 20'].sort(byShard))
})

test('a speculative copy that comes after the verdict is owed if it agrees', () => {
  const story = two().lease('v3', 'o3', [0], ['x']).lease('v4', 'o4', [0], ['z'])
  story.verdict('V0', 0, 'x', ['r-v1', 'r-v2'])
  const rows = story.rows().filter((row) => /v[34]/.test(row))
  assert.deepEqual(rows.sort(), ['v3:0 owed 10 for a copy', 'v4:0 unpaid 10'])
})

test('across instruction-set classes a copy agrees with the claims of its class', () => {
  const story = new Story().lease('v1', 'o1', [0], ['x'], 'avx').lease('v2', 'o2', [0], ['x2'], 'sse')
  story.lease('v3', 'o3', [0], ['x2'], 'sse').lease('v4', 'o4', [0], ['x2'], 'avx')
  story.verdict('V0', 0, 'x', ['r-v1', 'r-v2'])
  assert.deepEqual(story.rows().sort(), [
    'v1:0 owed 10',
    'v2:0 owed 10',
    'v3:0 owed 10 for a copy',
    'v4:0 unpaid 10',
  ])
})

test('who contradicts a verdict is owed what verdicts name, and no copy', () => {
  const story = two().lease('v3', 'liar', [0], ['lie']).lease('v4', 'liar', [1], ['y'])
  story.verdict('V0', 0, 'x', ['r-v1', 'r-v2'], { contradicting: [cidNamed('r-v3')] })
  story.verdict('V1', 1, 'y', ['r-v1', 'r-v2'])
  assert.deepEqual(
    story.rows().filter((row) => /v[34]/.test(row)),
    ['v3:0 unpaid 10', 'v4:1 unpaid 20'],
  )
})

test('an owner is owed one execution of a shard, the one that the verdict names', () => {
  const story = two().lease('v3', 'o1', [0], ['x'])
  story.verdict('V0', 0, 'x', ['r-v3', 'r-v2'])
  assert.deepEqual(
    story
      .rows()
      .filter((row) => row.includes(':0'))
      .sort(),
    ['v1:0 unpaid 10', 'v2:0 owed 10', 'v3:0 owed 10'],
  )
})

test('two results for one place are owed neither', () => {
  const story = two().receipt('again', 'v1', ['other']).verdict('V0', 0, 'x', ['r-v1', 'r-v2'])
  assert(story.rows().includes('v1:0 unpaid 10'))
})

test('what was written off is not owed', () => {
  const story = two().verdict('V0', 0, 'x', ['r-v1', 'r-v2']).verdict('V1', 1, 'y', ['r-v1', 'r-v2'])
  const payload: Allowance = { writtenOff: [{ lease: cidNamed('l-v1'), places: [1] }], given: [] }
  story.allowances.push({ ...bodyOf('allowance', steward, payload), id: cidNamed('A') })
  assert.deepEqual(story.rows().sort(), ['v1:0 unpaid 10', 'v1:1 owed 20', 'v2:0 owed 10', 'v2:1 owed 20'])
})

test('verdicts made apart that differ owe nothing until a third settles them; a failed shard owes nothing', () => {
  const story = two()
    .lease('v3', 'o3', [0], ['z'])
    .verdict('A', 0, 'x', ['r-v1', 'r-v2'])
    .verdict('B', 0, 'z', ['r-v3'])
  const first = () =>
    story
      .rows()
      .filter((row) => row.includes(':0'))
      .sort()
  assert.deepEqual(first(), ['v1:0 pending 10', 'v2:0 pending 10', 'v3:0 pending 10'])
  story.verdict('C', 0, 'x', ['r-v1', 'r-v2'], { settles: [cidNamed('A'), cidNamed('B')] })
  assert.deepEqual(first(), ['v1:0 owed 10', 'v2:0 owed 10', 'v3:0 unpaid 10'])
  assert(two().verdict('V1', 1, null, []).rows().includes('v1:1 unpaid 20'))
})

test('the order of records makes no difference', () => {
  const story = two().lease('v3', 'o1', [0, 1], ['x', 'y']).lease('v4', 'o4', [0], ['lie'])
  story.receipt('again', 'v2', ['x', 'w'])
  story.verdict('V0', 0, 'x', ['r-v1', 'r-v2'], { contradicting: [cidNamed('r-v4')] })
  story.verdict('V1', 1, 'y', ['r-v1', 'r-v2']).verdict('W1', 1, 'y', ['r-v1'])
  const expected = story.rows()
  const shuffled = <Item>(items: readonly Item[]) =>
    fc.shuffledSubarray([...items], { minLength: items.length })
  fc.assert(
    fc.property(
      shuffled(story.leases),
      shuffled(story.receipts),
      shuffled(story.verdicts),
      (leases, receipts, verdicts) => {
        const { manifest, allowances, ends } = story
        assert.deepEqual(story.rows({ manifest, allowances, ends, leases, receipts, verdicts }), expected)
      },
    ),
  )
})

function byShard(a: string, b: string): number {
  return Number(a.split(/[: ]/)[1]) - Number(b.split(/[: ]/)[1]) || orderOf(a) - orderOf(b)
}

/** Within a shard rows are in the order of lease ids, which are hashes. */
function orderOf(row: string): number {
  const vehicles = ['v1', 'v2'].sort((a, b) => (cidNamed(`l-${a}`) < cidNamed(`l-${b}`) ? -1 : 1))
  return vehicles.indexOf(row.split(':')[0]!)
}
