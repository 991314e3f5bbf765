/** What a node keeps, and the secrets that it is given, are for its user alone. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { openProvider } from '../../src/host/signals/open.ts'
import { readToken } from '../../src/host/signals/token.ts'
import { closeToOthers, readSecret } from '../../src/host/store/private-files.ts'
import { openStore } from '../../src/host/store.ts'
import { launcher } from '../support/launcher.ts'

function temporary(t: TestContext, mode = 0o700): string {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-private-'))
  t.after(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, mode)
  return folder
}

const modeOf = (path: string) => statSync(path).mode & 0o777

/** Of the folder and of everything in it, whatever others may do with it. */
function open(folder: string): string[] {
  const inside = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
  return [folder, ...inside].filter((path) => (modeOf(path) & 0o077) !== 0)
}

test('no file of a data directory is open to others, whatever the umask of the process', (t) => {
  const folder = temporary(t)
  const umask = process.umask(0)
  t.after(() => process.umask(umask))
  const store = openStore(join(folder, 'data'))
  store.journal.nextSerial('advert')
  assert(readdirSync(join(folder, 'data')).includes('carpool.sqlite-wal'), 'the test sees what it is about')
  assert.deepEqual(open(join(folder, 'data')), [])
  store.close()
})

test('a data directory that others could read is closed, with the files that are in it', (t) => {
  for (const mode of [0o755, 0o775, 0o750, 0o711]) {
    const folder = temporary(t, mode)
    for (const name of [
      'carpool.sqlite',
      'carpool.sqlite-wal',
      'carpool.sqlite-shm',
      'lock',
      'config.json',
    ]) {
      writeFileSync(join(folder, name), '')
      chmodSync(join(folder, name), 0o644)
    }
    mkdirSync(join(folder, 'blocks'))
    closeToOthers(folder)
    assert.deepEqual(open(folder), [], mode.toString(8))
  }
})

test('an empty folder that a service manager made for the node is closed', (t) => {
  const folder = temporary(t, 0o755)
  openStore(folder).close()
  assert.deepEqual(open(folder), [])
})

test('a folder with other things in it is not closed over the heads of their users, but refused', (t) => {
  const folder = temporary(t, 0o755)
  writeFileSync(join(folder, 'passwd'), '')
  assert.throws(() => openStore(folder), {
    code: 'unusable-directory',
    message: `data directory ${folder} cannot be used: other users can read it; run: chmod 700 ${folder}, or name a folder for Carpool alone`,
  })
  assert.equal(modeOf(folder), 0o755)
  assert.throws(() => openStore(temporary(t, 0o777)), /other users can read it/)
  assert.throws(() => openStore(temporary(t, 0o1777)), /other users can read it/)
})

test('a folder of another user is refused, also where this one may read it', {
  skip: process.getuid?.() !== 0 && 'only root can give a folder away',
}, (t) => {
  const folder = temporary(t)
  chownSync(folder, 12345, 12345)
  assert.throws(() => openStore(folder), /belongs to another user \(12345\); give it to this one \(0\)/)
})

test('a secret that others can read is refused with the command that mends it', (t) => {
  const path = join(temporary(t), 'secret')
  writeFileSync(path, 'abc', { mode: 0o600 })
  assert.equal(readSecret(path).toString(), 'abc')
  assert.equal(readToken(path), 'abc')
  for (const mode of [0o640, 0o604, 0o660]) {
    chmodSync(path, mode)
    for (const read of [readSecret, readToken])
      assert.throws(
        () => read(path),
        (error: Error) => {
          assert.match(error.message, new RegExp(`chmod 600 ${path}`))
          assert.doesNotMatch(error.message, /abc/)
          return true
        },
      )
  }
})

test('a file that the user asked for by name gets the mode of the user’s own shell', (t) => {
  const folder = temporary(t)
  for (const [umask, mode] of [
    ['022', 0o644],
    ['027', 0o640],
    ['077', 0o600],
  ] as const) {
    const [key, output] = [join(folder, `${umask}.key`), join(folder, `${umask}.json`)]
    const command = ['-c', `umask ${umask}; exec "$@"`, 'sh', process.execPath, launcher]
    const init = [
      'fleet',
      'init',
      '--name',
      'f',
      '--registrar',
      '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWSo5ypXvMT1mpPpPMjPVKrmrdJfLcKkVx3LEyqYDmqkHx',
      '--key',
      key,
      '--output',
      output,
    ]
    const { stderr, status } = spawnSync(
      '/bin/sh',
      [...command, ...init, '--data-dir', join(folder, 'data')],
      { encoding: 'utf8' },
    )
    assert.equal(status, 0, stderr)
    assert.equal(modeOf(output), mode)
    assert.equal(modeOf(key), 0o600)
  }
})

test('a secret in the wrong place of a source of signals is not repeated in the refusal', () => {
  const log = pino({ level: 'silent' })
  for (const spec of [
    'viss:wss://car:6443?token=hunter2',
    'viss:wss://car:6443?version=9&token=hunter2',
    'viss:https://me:hunter2@car:6443',
    'viss:wss://me:hunter2@car:6443',
    'viss:wss://hunter2@car:6443',
    'viss:me:hunter2@car',
    'kuksa:http://me:hunter2@car:55555',
    'kuksa:http://car:55555?password=hunter2&held',
    'kuska:http://me:hunter2@car?token=hunter2',
  ])
    assert.throws(
      () => openProvider(spec, log),
      (error: Error) => {
        assert.doesNotMatch(error.message, /hunter2/, spec)
        return true
      },
      spec,
    )
})
