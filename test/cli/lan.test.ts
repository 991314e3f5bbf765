import assert from 'node:assert/strict'
import { test } from 'node:test'
import { looksOnLan } from '../../src/cli/config/node-config.ts'

test('only a closed mesh that listens beyond this machine looks on the local network by itself', () => {
  const open = { lan: 'auto', fleet: null, meshKey: null, listen: ['/ip4/0.0.0.0/tcp/0'] } as const
  assert.equal(looksOnLan(open), false)
  assert.equal(looksOnLan({ ...open, lan: 'on' }), true)
  for (const closed of [
    { ...open, fleet: 'fleet.json' },
    { ...open, meshKey: 'mesh.key' },
  ]) {
    assert.equal(looksOnLan(closed), true)
    assert.equal(looksOnLan({ ...closed, lan: 'off' }), false)
    assert.equal(looksOnLan({ ...closed, listen: ['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0'] }), false)
  }
})
