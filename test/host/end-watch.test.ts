import assert from 'node:assert/strict'
import test from 'node:test'
import { pino } from 'pino'
import { EndWatch } from '../../src/host/stewardship/end-watch.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { cidNamed, peerNamed } from '../support/core-fakes.ts'

test('a job that waits for its results to be safe says so after a while, now and then, and names whom it waits for', () => {
  const said: { readonly level: number; readonly lacking: unknown }[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void said.push(JSON.parse(line)) })
  const watch = new EndWatch(cidNamed('job'), log)
  const standby = peerNamed('standby')
  const look = (fromMs: number, toMs: number, lacking: ReadonlyMap<PeerId, number>) => {
    for (let nowMs = fromMs; nowMs < toMs; nowMs += 1_000) watch.look(lacking, nowMs)
  }
  look(0, 4_000, new Map([[standby, 2]]))
  look(4_000, 5_000, new Map())
  look(5_000, 9_000, new Map([[standby, 1]]))
  assert.deepEqual(said, [], 'a second or two are nothing to speak of')
  look(9_000, 100_000, new Map([[standby, 1]]))
  assert.equal(said.length, 2)
  for (const { level, lacking } of said) {
    assert.equal(level, pino.levels.values.info)
    assert.deepEqual(lacking, [{ steward: standby, verdicts: 1 }])
  }
})
