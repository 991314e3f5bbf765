/** Single parts of the gateway that need no node: lines, addresses of webhooks, and why a batch waits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isGlobal } from '../../src/gateway/addresses.ts'
import { answerOf } from '../../src/gateway/answers.ts'

test('a vehicle’s words about a failed line draw nothing in a terminal', () => {
  const batch = { id: 'batch_1', createdAtMs: 0 } as never
  const row = { line: 1, customId: 'a', part: 0, form: null, records: 1, fault: null }
  const error = { code: 'bad\u009b', message: 'red: \u001b[31m\u202ethis\nway' }
  const record = { document: '1.0', page: 1, result: null, error } as never
  const { text, isSuccess } = answerOf(batch, row, { endpoint: {}, model: { id: 'm' } } as never, [record])
  const { response } = JSON.parse(text)
  assert(!isSuccess)
  assert.deepEqual([response.body.error.code, response.body.error.message], ['bad�', 'red: �[31m�this�way'])
})

test('webhooks are sent to addresses of the whole internet alone, by the registries of special ones', () => {
  // One address of each block of the registries that is not for everybody, and those that hold an IPv4 address.
  const special = [
    '0.1.2.3, 10.1.2.3, 100.64.1.1, 100.127.255.255, 127.0.0.1, 127.9.9.9, 169.254.169.254, 172.16.0.1, 172.31.255.255',
    '192.0.0.1, 192.0.0.171, 192.0.2.1, 192.88.99.1, 192.168.1.1, 198.18.0.1, 198.19.255.255, 198.51.100.1, 203.0.113.1',
    '224.0.0.1, 239.255.255.255, 240.0.0.1, 255.255.255.255',
    '::, ::1, ::7f00:1, ::ffff:127.0.0.1, ::ffff:8.8.8.8, 64:ff9b::7f00:1, 64:ff9b:1::7f00:1, 100::1, 100:0:0:1::1',
    '2001::1, 2001:2::1, 2001:10::1, 2001:20::1, 2001:1ff::1, 2001:db8::1, 2002:7f00:1::, 3fff::1, 5f00::1',
    'fc00::1, fdff::1, fe80::1, fec0::1, ff02::1, 4000::1',
  ]
  const family = (address: string) => (address.includes(':') ? 6 : 4)
  for (const address of special.join(', ').split(', '))
    assert(!isGlobal({ address, family: family(address) }), address)
  for (const address of ['8.8.8.8', '100.63.255.255', '100.128.0.1', '172.15.0.1', '172.32.0.1', '192.0.1.1'])
    assert(isGlobal({ address, family: 4 }), address)
  for (const address of ['2001:4860:4860::8888', '2001:200::1', '2003::1', '2606:4700::1', '2a00:1450::1'])
    assert(isGlobal({ address, family: 6 }), address)
})
