import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { serviceManager } from '../../src/cli/service-manager.ts'
import { temporaryDirectory } from '../support/store.ts'

test('systemd hears that the node is ready, lives and stops, and no other process speaks for it', async (t) => {
  const folder = temporaryDirectory(t)
  const [tool, said] = [join(folder, 'notify'), join(folder, 'said')]
  writeFileSync(tool, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> '${said}'\n`)
  chmodSync(tool, 0o755)
  const environment: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    NOTIFY_SOCKET: '/run/notify',
    WATCHDOG_USEC: '100000',
    WATCHDOG_PID: '1',
  }
  const manager = serviceManager(environment, tool)
  // Or a process is started every 50 ms for as long as this one lives.
  t.after(() => manager.stopped())
  assert.deepEqual(Object.keys(environment), ['PATH'])
  manager.ready()
  const heard = async (word: string) => {
    while (!existsSync(said) || !readFileSync(said, 'utf8').includes(`/run/notify ${word}\n`)) await delay(20)
  }
  await heard('READY=1')
  await heard('WATCHDOG=1')
  manager.stopping()
  await heard('STOPPING=1')
  manager.stopped()
  // Pulses on their way still write into the folder, which goes with the test.
  while (process.getActiveResourcesInfo().includes('ProcessWrap')) await delay(20)
})

test('without systemd nobody is told anything, and a tool that is missing ends nothing', async () => {
  const environment: NodeJS.ProcessEnv = { PATH: '/nowhere' }
  serviceManager(environment).ready()
  environment.NOTIFY_SOCKET = '/run/notify'
  serviceManager(environment, 'no-such-tool').ready()
  // Its failure is known before that of another process that is started after it.
  await assert.rejects(promisify(execFile)('no-such-tool'))
})
