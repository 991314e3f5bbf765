/** To which vehicles a job's leases may go. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { candidatesFor } from '../../src/protocol/steward/candidate.ts'
import { manifestWith, placeOf } from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

/** Owners of stewards are named like them. */
const stewards = ['steward', 'standby'].map(placeOf)

function candidatesAmong(roster: readonly string[]): string[] {
  const capacities = roster.map(capacityOf)
  const candidates = candidatesFor(manifestWith({ stewards }), stewards, capacities)
  return candidates.map(({ peer }) => peer.replace(/\.+$/, ''))
}

test('no steward executes what it verifies, nor does any other vehicle of its owner', () => {
  const roster = ['standby:standby', 'steward:steward', 'v1:o1', 'v2:steward', 'v3:standby', 'v4:o2']
  assert.deepEqual(candidatesAmong(roster), ['v1', 'v4'])
})

test('an owner that a steward names in its advert is a steward’s owner, too', () => {
  assert.deepEqual(candidatesAmong(['standby:o1', 'v1:o1', 'v2:o2']), ['v2'])
})

test('a blind job goes to those whom its submitter gave keys, for the owner that they had then', () => {
  const [v1, v2] = ['v1:o1', 'v2:o2'].map(capacityOf)
  const blind = {
    key: new Uint8Array(32),
    candidates: [v1!, { peer: v2!.peer, owner: v1!.owner }],
    keys: manifestWith().documents,
  }
  const found = candidatesFor(manifestWith({ stewards, blind }), stewards, [v1!, v2!, capacityOf('v3:o3')])
  assert.deepEqual(
    found.map(({ peer }) => peer),
    [v1!.peer],
  )
})

test('who has another engine or no slots gets nothing', () => {
  assert.deepEqual(candidatesAmong(['v1:o1:engine=other', 'v2:o2:slots=0', 'v3:o3']), ['v3'])
})
