/**
 * Weights that move between nodes over a real network and are read by a child: the small twin of `npm run bench -- --only weights`,
 * which moves a gigabyte.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { hash, randomFillSync } from 'node:crypto'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { pino } from 'pino'
import { childCommand, pathInChild, probeIsolation } from '../../src/host/executor/isolation.ts'
import { defaultLimits } from '../../src/host/executor/limits.ts'
import { Network } from '../../src/host/network/network.ts'
import { Staging } from '../../src/host/submission/staging.ts'
import { Provisions } from '../../src/host/vehicle/provisions.ts'
import type { Cid, PeerId } from '../../src/protocol/ids.ts'
import type { FileReference, Manifest } from '../../src/protocol/job/manifest.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { manifestWith } from '../support/core-fakes.ts'
import { jobNamed, temporaryDirectory, temporaryStore } from '../support/store.ts'
import { silent } from '../support/wasm/executor.ts'

const job = jobNamed('weights')

async function networkOf(t: TestContext, bootstrap: string[]): Promise<Network> {
  const network = await Network.start({
    privateKey: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap,
    log: pino({ level: 'silent' }),
    gossipScope: 'weights',
  })
  t.after(() => network.stop())
  return network
}

/** A peer that has the file, and counts the bytes that it gave. */
async function provider(t: TestContext, path: string, onBlock: () => void = () => {}) {
  const { blocks } = temporaryStore(t)
  const staging = new Staging(blocks)
  const weights = await staging.keepWeights(path, () => {})
  await staging.handTo(blocks.of(job))
  const network = await networkOf(t, [])
  const gave = { bytes: 0 }
  network.blocks.serve(
    async (cid) => {
      const block = blocks.isPublic(cid) ? await blocks.get(cid) : undefined
      gave.bytes += block?.byteLength ?? 0
      onBlock()
      return block
    },
    (cid) => blocks.has(cid) && blocks.isPublic(cid),
  )
  return { weights, network, gave }
}

function manifestOf(weights: FileReference): Verified<Manifest> {
  const payload = manifestWith({ weights: [{ name: 'model', ...weights }] })
  return { id: job, payload } as unknown as Verified<Manifest>
}

function fetch(provisions: Provisions, weights: FileReference, stewards: readonly PeerId[]): Promise<void> {
  const needs = { manifest: manifestOf(weights), lease: { payload: { shards: [] as Cid[] } }, stewards }
  return provisions.ofLease(
    needs as unknown as Parameters<Provisions['ofLease']>[0],
    new AbortController().signal,
  )
}

test('weights come from two nodes at once, each part from one of them, and a child reads what was submitted', async (t) => {
  const path = join(temporaryDirectory(t), 'model')
  const whole = randomFillSync(Buffer.alloc(64 * 2 ** 20 - 12_345))
  writeFileSync(path, whole)
  const seen: ReturnType<Provisions['arrivals']>[number][] = []
  const look = () => {
    for (const { file, ...arrived } of provisions.arrivals()) {
      seen.push({ file, ...arrived })
      assert.deepEqual(provisions.arrivedOf(manifestOf(weights)), arrived)
    }
  }
  const providers = [await provider(t, path, look), await provider(t, path, look)]
  const { weights } = providers[0]!
  const network = await networkOf(
    t,
    providers.map((one) => one.network.addresses()[0]!),
  )
  const peers = providers.map((one) => one.network.addresses()[0]!.split('/').at(-1) as PeerId)
  const { blocks } = temporaryStore(t)
  // However slow the machine is, no block is late.
  const provisions = new Provisions(network, blocks, pino({ level: 'silent' }), undefined, 2 ** 30)
  await fetch(provisions, weights, peers)
  const gave = providers.map((one) => one.gave.bytes)
  assert(
    gave.every((bytes) => bytes > 2 ** 20),
    `${gave} bytes`,
  )
  assert.deepEqual(provisions.arrivals(), [])
  assert(seen.every(({ file, of }) => file === weights.file && of === weights.bytes))
  assert(seen[0]!.bytes === 0 && seen.every(({ bytes }, i) => bytes >= (seen[i - 1]?.bytes ?? 0)))
  const last = seen.at(-1)!
  assert(last.bytes > 2 ** 20 && last.bytes < weights.bytes && last.peers === 2, JSON.stringify(last))
  const root = blocks.size(weights.file)!
  assert.equal(gave[0]! + gave[1]!, weights.bytes + root, 'nothing comes twice')

  const file = { path: (await blocks.of(job).pathOf(weights))!, name: 'model' }
  assert.equal(statSync(file.path).size, whole.byteLength)
  const isolation = await probeIsolation(defaultLimits, silent)
  const [program, ...args] = childCommand(isolation, defaultLimits, false, { files: [file] }).slice(0, -1)
  const read = `require('fs').readFileSync(${JSON.stringify(pathInChild(isolation, file))})`
  const code = `console.log(require('crypto').hash('sha256', ${read}))`
  const { stdout } = await promisify(execFile)(program!, [...args, '--eval', code], { env: {}, cwd: '/' })
  assert.equal(stdout.trim(), hash('sha256', whole))
})
