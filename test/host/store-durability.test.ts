/**
 * What a power loss may take. A test cannot pull the plug; it looks at the disk at each fsync instead: which bytes and
 * names are made durable, and what is not said or written before they are.
 */
import assert from 'node:assert/strict'
import fs, { fstatSync, readdirSync, readFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { rowBytesMax } from '../../src/host/store/block-writer.ts'
import { Database } from '../../src/host/store/database.ts'
import { writeWhole } from '../../src/host/store/durable.ts'
import { blockOf, jobNamed, temporaryDirectory, temporaryStore } from '../support/store.ts'

type Synced = 'file' | 'folder'

/** Calls back before each fsync that does not block. */
async function onSync(t: TestContext, path: string, callback: (synced: Synced) => void): Promise<void> {
  const handle = await open(path, 'r')
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const sync = prototype.sync
  t.mock.method(prototype, 'sync', function (this: FileHandle) {
    callback(fstatSync(this.fd).isDirectory() ? 'folder' : 'file')
    return sync.call(this)
  })
}

/** … and before each one that does. */
function onBlockingSync(t: TestContext, callback: (synced: Synced) => void): void {
  const sync = fs.fsyncSync
  t.mock.method(fs, 'fsyncSync', (fd: number) => {
    callback(fstatSync(fd).isDirectory() ? 'folder' : 'file')
    sync(fd)
  })
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  })
}

test('a large block has its bytes on the disk before its name, and its name before its row', async (t) => {
  const { blocks, directory } = temporaryStore(t)
  const block = blockOf(rowBytesMax + 1)
  const synced: Synced[] = []
  await onSync(t, directory.blocksPath, (what) => {
    synced.push(what)
    const names = readdirSync(directory.blocksPath)
    assert.equal(names.length, 1)
    assert.equal(names[0] === block.cid, what === 'folder', 'the name comes after the bytes')
    assert.deepEqual(new Uint8Array(readFileSync(join(directory.blocksPath, names[0]!))), block.bytes)
    assert(!blocks.has(block.cid), 'the row comes after the name')
  })
  await blocks.of(jobNamed('a')).put(block.cid, block.bytes, 'input')
  assert.deepEqual(synced, ['file', 'folder'])
  assert(blocks.has(block.cid))
})

test('a file that is written whole has its bytes on the disk before its name', (t) => {
  const path = temporaryDirectory(t)
  const synced: Synced[] = []
  onBlockingSync(t, (what) => {
    synced.push(what)
    const names = readdirSync(path)
    assert.equal(names.includes('key'), what === 'folder')
    assert.equal(readFileSync(join(path, names[0]!), 'utf8'), 'secret')
  })
  writeWhole(join(path, 'key'), new TextEncoder().encode('secret'))
  assert.deepEqual(synced, ['file', 'folder'])
})

test('a commit waits for the disk', (t) => {
  const database = new Database(join(temporaryDirectory(t), 'carpool.db'), { migrations: [] })
  t.after(() => database.close())
  // https://sqlite.org/pragma.html#pragma_synchronous: 2 is FULL; in WAL mode less may forget the last commits.
  assert.deepEqual({ ...database.get<object>('PRAGMA synchronous') }, { synchronous: 2 })
  assert.deepEqual({ ...database.get<object>('PRAGMA journal_mode') }, { journal_mode: 'wal' })
})
