/** What people get wrong, through the command line that they use: one line, an exit code, and a node that lives. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assemblePng, encodePng, pngHeader } from '../support/images.ts'
import {
  cars,
  ocrJob,
  resultsOf,
  sharedSwarm,
  temporaryFolder,
  testTimeout,
  untilEnded,
  wasmJob,
  writeDocuments,
} from '../support/swarm.ts'

const swarmOf = sharedSwarm({ vehicles: cars(2) })
const launcher = fileURLToPath(new URL('../../bin/carpool.js', import.meta.url))

test(
  'what cannot be submitted is refused in one line that names it, and the node lives',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'empty'))
    writeFileSync(join(folder, 'page.png'), blankPage())
    const { dataDir } = swarm.submitter
    const refused: readonly (readonly [args: readonly string[], said: RegExp])[] = [
      [['submit', join(folder, 'nowhere'), '--runtime', 'ocr'], /nowhere cannot be read/],
      [['submit', join(folder, 'empty'), '--runtime', 'ocr'], /no documents in .*empty/],
      [['submit', join(folder, 'page.png'), '--runtime', 'telepathy'], /telepathy/],
      [['submit', join(folder, 'page.png'), '--runtime', 'wasm'], /--module/],
      [['submit', join(folder, 'page.png'), '--runtime', 'ocr', '--engine', 'steam'], /steam/],
      [['submit', join(folder, 'page.png'), '--runtime', 'ocr', '--error-bound', '2'], /error.bound/],
      [['status', 'bafynothing'], /no job 'bafynothing'/],
      [['audit', join(folder, 'page.png')], /not a whole report/],
    ]
    for (const [args, said] of refused) {
      const { code, err } = await carpool([...args, ...(args[0] === 'audit' ? [] : ['--data-dir', dataDir])])
      assert.notEqual(code, 0, args.join(' '))
      assert.match(err, said)
    }
    assert.equal((await swarm.submitter.node.info()).name, 'submitter')
  },
)

test(
  'a document that cannot be read is an error in the output, the same for all owners, and the others are read',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const whole = blankPage()
    const documents: Readonly<Record<string, Uint8Array>> = {
      'a-blank.png': whole,
      'b-nothing.png': new Uint8Array(0),
      'c-letter.txt': Buffer.from('Dear Sirs'),
      'd-torn.png': whole.subarray(0, whole.byteLength - 40),
      'e-bomb.png': assemblePng(pngHeader(20_000, 20_000, 8, 0), new Uint8Array(0)),
    }
    const folder = temporaryFolder(t)
    for (const [name, bytes] of Object.entries(documents)) writeFileSync(join(folder, name), bytes)
    const { job } = await swarm.submitter.node.submit(ocrJob([folder]))
    const status = await untilEnded(swarm.submitter, job)
    assert.equal(status.state, 'complete')
    assert.deepEqual(status.contradicted, [], 'it is nobody’s fault')
    const { lines } = await resultsOf(swarm.submitter, job)
    assert.deepEqual(
      lines.map(({ document, error }) => [document, error?.code ?? null]),
      [
        ['a-blank.png', null],
        ['b-nothing.png', 'empty-document'],
        ['c-letter.txt', 'not-an-image'],
        ['d-torn.png', 'damaged-image'],
        ['e-bomb.png', 'image-too-large'],
      ],
    )
  },
)

test(
  'a module that loops, traps or hoards fails its document and no other, and the vehicles live',
  testTimeout,
  async (t) => {
    const swarm = await swarmOf(t)
    const documents = writeDocuments(t, ['s spins', 't traps', 'x exits', 'f floods', 'well', 'z'])
    const request = await wasmJob(t, 'moody', documents, { options: { pageCpuMsMax: 300 } })
    const { job } = await swarm.submitter.node.submit(request)
    const status = await untilEnded(swarm.submitter, job)
    assert.equal(status.state, 'complete')
    assert.deepEqual(status.contradicted, [])
    const { lines } = await resultsOf(swarm.submitter, job)
    assert.deepEqual(
      lines.map(({ error }) => error?.code ?? null),
      ['cpu-limit', 'trap', 'exit-code', 'output-limit', null, null],
    )
    for (const vehicle of swarm.vehicles()) assert.equal((await vehicle.node.info()).vehicle.mode, 'run')
  },
)

test('a file that is no module fails every document of its job by name', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const module = join(temporaryFolder(t), 'notes.wasm')
  writeFileSync(module, 'not a module at all')
  const request = { ...(await wasmJob(t, 'echo', writeDocuments(t, ['x']))), module }
  const { job } = await swarm.submitter.node.submit(request)
  assert.equal((await untilEnded(swarm.submitter, job)).state, 'complete')
  const { lines } = await resultsOf(swarm.submitter, job)
  assert.equal(lines[0]!.error?.code, 'not-a-wasi-command')
})

test('two nodes on one data directory: the second says who has it, in one line', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const { code, err } = await carpool(['node', '--data-dir', swarm.vehicle('car-1').dataDir])
  assert.equal(code, 1)
  assert.match(err, new RegExp(`in use by another node \\(pid ${swarm.vehicle('car-1').pid}\\)`))
})

test('an address in use is said in one line', testTimeout, async (t) => {
  const swarm = await swarmOf(t)
  const taken = swarm.vehicle('car-1').addresses[0]!.replace(/\/p2p\/.*/, '')
  const { code, err } = await carpool(['node', '--data-dir', temporaryFolder(t), '--listen', taken])
  assert.equal(code, 1)
  assert.match(err, /in use/)
  assert.equal(
    err
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('carpool:')).length,
    1,
  )
})

function blankPage(): Uint8Array {
  return encodePng({ width: 320, height: 240, pixels: new Uint8Array(320 * 240).fill(255) })
}

async function carpool(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code, out, err }
}
