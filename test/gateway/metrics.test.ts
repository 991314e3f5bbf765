import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metricsOf } from '../../src/gateway/metrics.ts'
import type { NodeInfo, WhyView } from '../../src/host/api.ts'

const info = {
  software: 'carpool/0.1.0',
  connections: 3,
  vehicle: {
    mode: 'stop',
    slots: { total: 2, free: 1 },
    leases: 1,
    shardsDone: 5,
    receipts: 4,
    leasesReleased: 1,
    hasRoom: true,
  },
} as NodeInfo
const rule = { value: '', limit: '', preference: null, origin: null }
const why: WhyView = {
  withheld: [],
  memory: [],
  mesh: [],
  fetching: [],
  verdict: 'stop',
  sentence: '',
  reasons: ['unplugged'],
  availableUntilMs: 61_000,
  rules: [
    { code: 'driving', verdict: 'run', ...rule },
    { code: 'unplugged', verdict: 'stop', ...rule },
  ],
}

const peers = ['0.1.0', '0.2.0', '0.2.0', '"} 1\nevil'].map((version) => ({
  software: `carpool/${version}`,
  self: false,
}))

test('versions that peers make up are one label, however many there are', async () => {
  const crowd = Array.from({ length: 1_000 }, (_, i) => ({ software: `carpool/1.${i}.0`, self: false }))
  const lines = (await metricsOf(info, why, crowd, 1_000)).match(/^carpool_peers\{.*$/gm) ?? []
  assert.equal(lines.length, 9)
  assert.equal(lines.at(-1), 'carpool_peers{version="other"} 992')
})

test('metrics name each rule by its code, and say which hold work back', async () => {
  const lines = (await metricsOf(info, why, peers, 1_000))
    .split('\n')
    .filter((line) => line !== '' && line[0] !== '#')
  assert.deepEqual(lines, [
    'carpool_build_info{version="0.1.0"} 1',
    'carpool_peers{version="0.2.0"} 2',
    'carpool_peers{version="0.1.0"} 1',
    'carpool_peers{version="other"} 1',
    'carpool_connections 3',
    'carpool_slots 2',
    'carpool_slots_free 1',
    'carpool_leases 1',
    'carpool_shards_done_total 5',
    'carpool_receipts_total 4',
    'carpool_leases_released_total 1',
    'carpool_verdict{verdict="run"} 0',
    'carpool_verdict{verdict="drain"} 0',
    'carpool_verdict{verdict="stop"} 1',
    'carpool_rule_holds{rule="driving",verdict="run"} 0',
    'carpool_rule_holds{rule="unplugged",verdict="stop"} 1',
    'carpool_available_seconds 60',
  ])
})
