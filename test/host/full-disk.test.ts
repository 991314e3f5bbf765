/** What a vehicle does when its disk is full, and what a process does when its disk cannot be trusted. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import { StoreError } from '../../src/host/store/errors.ts'
import { Room } from '../../src/host/vehicle/room.ts'
import { temporaryDirectory } from '../support/store.ts'

function roomWith(t: { after: (work: () => void) => void }) {
  const space = { freeBytes: 50, totalBytes: 100 }
  const changes: boolean[] = []
  const room = new Room({
    space: () => space,
    onChange: (enough) => changes.push(enough),
    intervalMs: hourMs,
  })
  t.after(() => room.close())
  return { space, changes, room }
}

const hourMs = 3_600_000
const full = new StoreError({ code: 'disk-full', what: 'a test' })

test('below five percent there is no room, and above there is again', (t) => {
  const { space, changes, room } = roomWith(t)
  for (const freeBytes of [5, 4.9, 0, 5, 80]) {
    space.freeBytes = freeBytes
    room.look()
  }
  assert.deepEqual(changes, [false, true])
})

test('a write that found no space is done when there is room, and no sooner', async (t) => {
  const { changes, room } = roomWith(t)
  let attempts = 0
  const written = room.keep(async () => {
    attempts += 1
    if (attempts < 3) throw full
    return 'written'
  })
  await new Promise(setImmediate)
  assert.deepEqual([attempts, changes], [1, [false]])
  room.look()
  await new Promise(setImmediate)
  assert.deepEqual([attempts, changes], [2, [false, true, false]])
  room.look()
  assert.equal(await written, 'written')
})

test('other failures are not waited for, and at the end nothing waits', async (t) => {
  const { room } = roomWith(t)
  await assert.rejects(
    room.keep(() => Promise.reject(new Error('a bug'))),
    /a bug/,
  )
  const waiting = room.keep(() => Promise.reject(full))
  await new Promise(setImmediate)
  room.close()
  await assert.rejects(waiting, /disk is full/)
})

test('a database that cannot be read any more ends the process with one sentence', (t) => {
  const path = temporaryDirectory(t)
  const host = new URL('../../src/host/', import.meta.url).href
  const program = `
    import { writeFileSync, readFileSync } from 'node:fs'
    import { openStore } from '${host}store.ts'
    import { endOnBrokenDisk } from '${host}store/broken-disk.ts'
    const path = process.argv[1]
    openStore(path).close()
    const bytes = readFileSync(path + '/carpool.sqlite')
    writeFileSync(path + '/carpool.sqlite', bytes.fill(0xee, 4096))
    endOnBrokenDisk()
    try { openStore(path) } catch {}
    setInterval(() => {}, 1000)
  `
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program, path], {
    encoding: 'utf8',
    timeout: 400_000,
  })
  assert.equal(status, 1, stderr)
  assert.match(stderr, /^carpool: cannot trust the disk any more: .*\n$/)
})
