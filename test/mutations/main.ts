/**
 * Can the tests fail? Plants known bugs in copies of the tree, one at a time in each copy, and shows which test catches
 * each. A bug that no test catches has ESCAPED, and the exit code is 1.
 *
 *   npm run mutations                         all of them
 *   npm run mutations -- --only receipt       those whose sentence has this word in it
 *   npm run mutations -- --room council       those of one room (a file in this folder)
 *   npm run mutations -- --list               only says which there are
 *
 * A bug costs little when its nearest test catches it: only the test files that it names run, or the one test, the bug is caught as
 * soon as one test is red, and what is left of the file is killed.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { childrenCpuSeconds } from '../runner/cpu.ts'
import { Runnable } from '../runner/runnable.ts'
import { type Mutation, nameOf, type Run, runsOf } from './mutation.ts'
import { mutations } from './mutations.ts'
import type { TestRun } from './run-file.ts'
import { Tree } from './tree.ts'

/**
 * Most of these tests wait for most of their time, above all with a bug: with two trees for each core, 473 bugs took 32 minutes
 * of two cores, and 23 minutes of CPU.
 */
const treesAtOnce = 4 * availableParallelism()

const options = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    room: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
  },
}).values
const only = options.only.toLowerCase()
const chosen = mutations.filter(({ name, room }) => {
  return name.toLowerCase().includes(only) && (options.room === '' || room === options.room)
})

const startedMs = performance.now()
const trees: Tree[] = []
process.on('exit', () => {
  for (const tree of trees) tree.remove()
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))

if (options.list) for (const { room, name } of chosen) say(`${room.padEnd(13)} ${name}`)
else process.exitCode = await check(chosen)

async function check(bugs: readonly Mutation[]): Promise<number> {
  if (bugs.length === 0) {
    say('no bug has this word in its sentence, or there is no such room')
    return 1
  }
  for (let i = 0; i < treesAtOnce; i += 1) trees.push(Tree.copy())
  const obsolete = bugs.filter((bug) => !trees[0]!.applies(bug))
  for (const { name, file } of obsolete) say(`no longer applies: ${name} Its text is not once in ${file}.`)
  if (obsolete.length > 0) return 1

  const before = await withoutBugs(bugs.flatMap(runsOf))
  const isGreen = [...before.values()].every(isGreenRun)
  if (!isGreen) say('A test that is red without a bug catches none.')

  say(`\nWith each of ${bugs.length} bugs:`)
  const secondsOf = (bug: Mutation) => before.get(nameOf(runsOf(bug)[0]!))!.seconds
  const escaped: Mutation[] = []
  await inEachTree(
    bugs.toSorted((a, b) => secondsOf(b) - secondsOf(a)),
    async (tree, bug) => {
      const beganMs = performance.now()
      const caught = await tree.catching(bug, before)
      if (caught === undefined) escaped.push(bug)
      const seconds = ((performance.now() - beganMs) / 1000).toFixed(1).padStart(6)
      say(`${seconds} s  ${caught === undefined ? 'ESCAPED' : 'caught '}  ${bug.name}`)
      say(`          ${caught ?? `not by ${bug.caughtBy.join(', ')}`}`)
    },
  )
  say('')
  for (const { name, file } of escaped) say(`ESCAPED  ${name} (${file})`)
  const minutes = (performance.now() - startedMs) / 60_000
  say(
    `${bugs.length} planted, ${bugs.length - escaped.length} caught, ${escaped.length} escaped, ` +
      `in ${minutes.toFixed(1)} min (${(childrenCpuSeconds() / 60).toFixed(1)} min of CPU)`,
  )
  return escaped.length > 0 || !isGreen ? 1 : 0
}

/** Each run once, by name. */
async function withoutBugs(runs: readonly Run[]): Promise<ReadonlyMap<string, TestRun>> {
  const before = new Map<string, TestRun>()
  const distinct = new Map(runs.map((run) => [nameOf(run), run]))
  say(`Without a bug, in ${distinct.size} test files, or tests of one:`)
  await inEachTree([...distinct], async (tree, [name, test]) => {
    const run = await tree.run(test)
    before.set(name, run)
    const { seconds, failed, timedOut } = run
    say(`${seconds.toFixed(1).padStart(6)} s  ${isGreenRun(run) ? 'green  ' : 'RED    '}  ${name}`)
    if (timedOut) say('          (it never ends)')
    for (const test of failed) say(`          ${test}`)
  })
  return before
}

function isGreenRun({ failed, passed, timedOut, code }: TestRun): boolean {
  return failed.size === 0 && passed.size > 0 && !timedOut && code === 0
}

/** Each tree takes the next item as soon as it has done with one, and the machine has room. */
async function inEachTree<Item>(items: readonly Item[], act: (tree: Tree, item: Item) => Promise<void>) {
  const [waiting, idle, runnable] = [[...items], [...trees], new Runnable()]
  await new Promise<void>((resolve, reject) => {
    const startMore = () => {
      while (waiting.length > 0 && idle.length > 0 && runnable.hasRoom(trees.length - idle.length)) {
        const tree = idle.pop()!
        runnable.began()
        act(tree, waiting.shift()!).then(() => {
          idle.push(tree)
          startMore()
        }, reject)
      }
      if (waiting.length === 0 && idle.length === trees.length) resolve()
    }
    runnable.onLook(startMore)
    startMore()
  })
  runnable.stop()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
