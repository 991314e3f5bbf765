/** Slots that fit into the memory of a machine, by what Linux says of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryGroups, type ReadText } from '../../src/host/executor/memory-groups.ts'
import { availableBytes, memoryBytes, slotsThatFit } from '../../src/host/executor/memory-room.ts'
import { MemoryKills } from '../../src/host/executor/out-of-memory.ts'
import { lackOfRoom } from '../../src/host/vehicle/weights-room.ts'
import { cidNamed } from '../support/core-fakes.ts'

const gib = 2 ** 30
const two = '/sys/fs/cgroup'
const one = '/sys/fs/cgroup/memory'

function machine(files: Readonly<Record<string, string | number>>): ReadText {
  return (path) => (path in files ? `${files[path]}\n` : null)
}

const meminfo = (gibs: number) => `MemTotal: 99999999 kB\nMemAvailable:   ${gibs * 2 ** 20} kB\nBuffers: 1 kB`

test('the memory that is available is the least of the machine’s and of every control group’s', () => {
  const groups = {
    '/proc/meminfo': meminfo(20),
    '/proc/self/cgroup': '0::/user/carpool',
    [`${two}/user/carpool/memory.current`]: 1 * gib,
    [`${two}/user/carpool/memory.max`]: 8 * gib,
    [`${two}/user/carpool/memory.high`]: 'max',
    [`${two}/user/memory.current`]: 3 * gib,
    [`${two}/user/memory.max`]: 'max',
  }
  assert.equal(availableBytes(machine(groups)), 7 * gib)
  assert.equal(memoryBytes(machine(groups)), 8 * gib)
  assert.equal(memoryBytes(machine({})), Number.POSITIVE_INFINITY)
  assert.equal(availableBytes(machine({ ...groups, [`${two}/user/memory.max`]: 4 * gib })), 1 * gib)
  assert.equal(availableBytes(machine({ ...groups, [`${two}/user/carpool/memory.high`]: 2 * gib })), 1 * gib)
  assert.equal(availableBytes(machine({ ...groups, '/proc/meminfo': meminfo(5) })), 5 * gib)
  const droppable = {
    ...groups,
    [`${two}/user/carpool/memory.stat`]: `anon 5\ninactive_file ${gib / 2}\nx 1`,
  }
  assert.equal(availableBytes(machine(droppable)), 7.5 * gib)
})

test('a group of version 1 counts as well, in a container that sees only itself, too', () => {
  const files = {
    '/proc/meminfo': meminfo(20),
    '/proc/self/cgroup': '5:devices:/x\n4:cpu,memory:/docker/abc\n0::/',
    [`${one}/memory.limit_in_bytes`]: 2 * gib,
    [`${one}/memory.usage_in_bytes`]: 1 * gib,
    [`${one}/memory.stat`]: `inactive_file 7\ntotal_inactive_file ${gib / 4}`,
  }
  assert.equal(availableBytes(machine(files)), 1.25 * gib)
  const unlimited = { ...files, [`${one}/memory.limit_in_bytes`]: '9223372036854771712' }
  assert.equal(availableBytes(machine(unlimited)), 20 * gib)
  const full = { ...files, [`${one}/memory.usage_in_bytes`]: 3 * gib }
  assert.equal(availableBytes(machine(full)), 0)
})

test('where nothing tells of memory, nothing bounds the slots', () => {
  assert.equal(availableBytes(machine({})), null)
  assert.deepEqual(slotsThatFit(64, gib, null), { slots: 64, why: null })
  assert(availableBytes()! > 0, 'this machine tells')
  assert(memoryGroups().every(({ usedBytes }) => usedBytes >= 0))
})

test('no more slots are opened than fit, and the node says which fact keeps it from more', () => {
  for (const [asked, available, slots] of [
    [4, 20, 4],
    [4, 6.5, 4],
    [4, 6.4, 3],
    [15, 8, 5],
    [2, 2, 1],
    [1, 2, 1],
    [0, 0.1, 0],
  ] as const) {
    const fits = slotsThatFit(asked, 1.5 * gib, available * gib)
    assert.equal(fits.slots, slots, `${asked} in ${available} gib`)
    assert.equal(fits.why === null, slots === asked)
    assert(slots <= 1 || slots * 1.5 <= available)
  }
  assert.equal(
    slotsThatFit(15, 1.5 * gib, 8 * gib).why,
    'the node opens 5 slots instead of 15: a slot may need 1.5 GiB of memory, the node itself 0.5 GiB, and 8.0 GiB are available; a node that starts again looks again',
  )
})

test('one slot is opened also where none fits, and the node says what may come of it', () => {
  assert.equal(
    slotsThatFit(3, 1.5 * gib, gib).why,
    'the node opens one slot instead of 3: a slot may need 1.5 GiB of memory, the node itself 0.5 GiB, and 1.0 GiB are available; a page that needs more fails',
  )
  const { slots, why } = slotsThatFit(1, 1.5 * gib, gib)
  assert.equal(slots, 1)
  assert.match(why!, /^the node opens one slot: .*; a page that needs more fails$/)
})

test('a process that the kernel ended is known by its count, once', () => {
  for (const [path, other] of [
    ['/proc/vmstat', {}],
    [`${two}/a/memory.events`, { [`${two}/a/memory.current`]: 1, '/proc/self/cgroup': '0::/a' }],
    [
      `${one}/a/memory.oom_control`,
      { [`${one}/a/memory.usage_in_bytes`]: 1, '/proc/self/cgroup': '2:memory:/a' },
    ],
  ] as const) {
    let count = 7
    const kills = new MemoryKills((name) =>
      name === path ? `oom 9\noom_kill ${count}\noom_kill_disable 0\n` : machine(other)(name),
    )
    assert.equal(kills.take(), false, path)
    count += 2
    assert.deepEqual([kills.take(), kills.take(), kills.take()], [true, true, false], path)
  }
  assert.equal(new MemoryKills(() => null).take(), false)
})

test('a vehicle takes weights only where they fit its memory and its disk, beside what is here', () => {
  const file = (bytes: number) => ({ name: 'model', file: cidNamed(String(bytes)), bytes })
  const disk = (roomBytes: number, here: readonly string[] = []) =>
    ({
      hasWeights: (cid: string) => here.includes(cid),
      reserve: { hasRoom: (bytes: number) => bytes <= roomBytes },
    }) as unknown as Parameters<typeof lackOfRoom>[1]
  const slot = 1.5 * gib
  assert.equal(lackOfRoom([file(0.25 * gib)], disk(0), slot, 0), null, 'small ones are part of a slot')
  assert.equal(lackOfRoom([file(2 * gib)], disk(100 * gib), slot, 4 * gib), null)
  assert.equal(lackOfRoom([file(2 * gib + 1)], disk(100 * gib), slot, 4 * gib), 'too-large')
  const split = [file(1 * gib), file(1 * gib + 1)]
  assert.equal(lackOfRoom(split, disk(100 * gib), slot, 4 * gib), 'too-large', 'all files together')
  assert.equal(lackOfRoom([file(2 * gib)], disk(1 * gib), slot, 4 * gib), 'no-space')
  const here = file(2 * gib)
  assert.equal(lackOfRoom([here], disk(0, [here.file]), slot, 4 * gib), null)
})
