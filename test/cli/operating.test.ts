/** A node in its operator's hands: its configuration changes while it runs, and it ends when it is told to. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Inbox } from '../support/network.ts'

const launcher = fileURLToPath(new URL('../../bin/carpool.js', import.meta.url))

const dataDir = mkdtempSync(join(tmpdir(), 'carpool-operating-'))
const file = join(dataDir, 'config.json')
const said = new Inbox<string>()
let node: ReturnType<typeof startNode>
let url: string

before(async () => {
  node = startNode()
  const ready = JSON.parse(await said.find((line) => line.includes('"event":"ready"'))) as { http: string }
  url = ready.http
})
after(async () => {
  if (node.exitCode === null && node.kill('SIGKILL')) await once(node, 'exit')
  rmSync(dataDir, { recursive: true, force: true })
})

function startNode() {
  const flags = [
    '--listen',
    '/ip4/127.0.0.1/tcp/0',
    '--http',
    '127.0.0.1:0',
    '--reserve-percent',
    '40',
    '--json',
  ]
  const child = spawn(process.execPath, [launcher, 'node', '--data-dir', dataDir, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => said.put(line))
  return child
}

async function carpool(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [launcher, ...args, '--data-dir', dataDir])
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code, out, err }
}

test('config set changes what can change in the running node, and says what cannot', async () => {
  const now = await carpool('config', 'set', 'chargePercentMin', '60', '--json')
  assert.deepEqual(JSON.parse(now.out), {
    event: 'changed',
    option: 'chargePercentMin',
    value: 60,
    file,
    effect: 'now',
  })
  const [restart, overridden, wrong] = await Promise.all([
    carpool('config', 'set', 'cache-bytes-max', '1GiB', '--json'),
    carpool('config', 'get', 'chargePercentMin'),
    carpool('config', 'set', 'reservePercent', 'much'),
  ])
  assert.equal(JSON.parse(restart.out).effect, 'restart')
  assert.equal(overridden.out, '60\n')
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /^carpool: reservePercent: "much" is not a number from 0 to 100\n$/)
  const flag = await carpool('config', 'set', 'reservePercent', '30')
  assert.match(flag.out, /told otherwise by --reserve-percent, which goes first/)
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), {
    chargePercentMin: 60,
    cacheBytesMax: '1GiB',
    reservePercent: 30,
  })
})

test('SIGHUP has the node read its file again, and a file that is wrong changes nothing', async () => {
  writeFileSync(file, '{ "quietHours": ["00:00-23:59"] }')
  node.kill('SIGHUP')
  await said.find((line) => line.includes('was read again') && line.includes('quietHours'))
  writeFileSync(file, '{ "quietHour": [] }')
  node.kill('SIGHUP')
  const line = await said.find((one) => one.includes('stays as it was'))
  assert.match(line, /unknown key 'quietHour'; did you mean quietHours\?/)
})

test('readyz names each check, and a second signal ends the node at once', async () => {
  const ready = await fetch(`${url}/readyz?verbose`)
  assert.equal(ready.status, 200)
  const names = (await ready.text()).match(/(?<=^\[\+\])\w+/gm)
  assert.deepEqual(names, ['running', 'disk', 'rules', 'fleet', 'mesh'])
  node.kill('SIGTERM')
  await said.find((line) => line.includes('"event":"stopping"'))
  node.kill('SIGTERM')
  const [code] = node.exitCode === null ? await once(node, 'exit') : [node.exitCode]
  assert([0, 128 + 15].includes(code as number))
})
