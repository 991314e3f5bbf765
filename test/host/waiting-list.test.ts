/** Who has a place in the list of those who wait, while others want all of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WaitingList } from '../../src/host/membership/waiting-list.ts'

const bounds = { allMax: 6, perHostMax: 3, ttlMs: 100 }

test('at its bound a host’s newcomer takes the place of the one that asked longest ago from there', () => {
  const list = new WaitingList<string>(bounds)
  for (const name of ['a', 'b', 'c']) assert.deepEqual(list.ask(name, 'host', 0), [])
  assert.deepEqual(list.ask('a', 'host', 1), [], 'it asks again')
  assert.deepEqual(list.ask('d', 'host', 2), ['b'])
  assert.deepEqual(list.ask('e', 'another host', 2), [])
})

test('when all places are taken, the host with the most gives one up', () => {
  const list = new WaitingList<string>(bounds)
  list.ask('alone', 'small', 0)
  for (const name of ['a', 'b', 'c']) list.ask(name, 'large', 1)
  for (const name of ['x', 'y']) list.ask(name, 'medium', 2)
  assert.equal(list.size, bounds.allMax)
  assert.deepEqual(list.ask('newcomer', 'new', 3), ['a'])
  assert.equal(list.size, bounds.allMax)
})

test('all networks of one site give up their places first, however few each has', () => {
  const list = new WaitingList<string>(bounds)
  list.ask('alone', '192.0.2.1', 0)
  for (let i = 1; i < bounds.allMax; i += 1) list.ask(`n${i}`, `2001:db8:1:${i}`, 1)
  assert.equal(list.size, bounds.allMax)
  for (let i = 0; i < 10; i += 1) assert(!list.ask(`m${i}`, `2001:db8:1:f${i}`, 2).includes('alone'))
})

test('who has not asked for too long has no place, and who moves to another host has one', () => {
  const list = new WaitingList<string>(bounds)
  list.ask('a', 'host', 0)
  list.ask('b', 'host', 50)
  list.ask('b', 'another host', 60)
  assert.deepEqual(list.lapse(99), [])
  assert.deepEqual(list.lapse(100), ['a'])
  assert.deepEqual(list.ask('c', 'host', 160), ['b'])
  assert.equal(list.size, 1)
  list.remove('c')
  list.remove('nobody')
  assert.equal(list.size, 0)
})
