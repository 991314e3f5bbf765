import assert from 'node:assert/strict'
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { DataDirectory } from '../../src/host/store/data-directory.ts'
import { StoreError } from '../../src/host/store/errors.ts'
import { ended, firstOf, runChild, temporaryDirectory } from '../support/store.ts'

test('a data directory is private, and made with the folders above it', (t) => {
  const path = join(temporaryDirectory(t), 'deep', 'down')
  const directory = new DataDirectory(path)
  assert.equal(statSync(path).mode & 0o777, 0o700)
  directory.close()
})

test('a second node is refused with the pid of the first, until kill -9 ends that one', {
  timeout: 400_000,
}, async (t) => {
  const path = temporaryDirectory(t)
  const holder = runChild(
    t,
    `import { DataDirectory } from './store/data-directory.ts'
     globalThis.held = new DataDirectory(process.argv[1])
     console.log('held')
     setInterval(() => {}, 1000)`,
    path,
  )
  assert.equal(await firstOf(holder.lines), 'held')
  assert.throws(() => new DataDirectory(path), {
    code: 'in-use',
    message: `data directory ${path} is in use by another node (pid ${holder.pid})`,
  })
  holder.kill('SIGKILL')
  await ended(holder)
  new DataDirectory(path).close()
})

test('one process cannot open a directory twice, and can again after closing it', (t) => {
  const path = temporaryDirectory(t)
  const first = new DataDirectory(path)
  assert.throws(() => new DataDirectory(path), { code: 'in-use' })
  first.close()
  new DataDirectory(path).close()
})

test('what cannot be a directory is refused in one sentence', (t) => {
  const path = join(temporaryDirectory(t), 'file')
  writeFileSync(path, '')
  assert.throws(
    () => new DataDirectory(path),
    (error) =>
      error instanceof StoreError && error.code === 'unusable-directory' && !error.message.includes('\n'),
  )
})

test('the ballast is given up once, and is back at the next start', (t) => {
  const path = temporaryDirectory(t)
  const directory = new DataDirectory(path)
  assert.equal(directory.giveUpBallast(), true)
  assert.equal(directory.giveUpBallast(), false)
  directory.close()
  new DataDirectory(path).close()
  assert.equal(existsSync(join(path, 'ballast')), true)
  rmSync(join(path, 'ballast'))
})
