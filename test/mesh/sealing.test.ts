/** What those get of a job who look where they may not, or give what they may not. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pino } from 'pino'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { Network } from '../../src/host/network/network.ts'
import { jobSecret, namesKey, sealCommitment, shardKey } from '../../src/host/sealing/sealing.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { rowBytesMax } from '../../src/host/store/block-writer.ts'
import { loadKey, SigningKey, verifyByPeerId } from '../../src/host/store/keys.ts'
import { openStore } from '../../src/host/store.ts'
import type { Cid, JobId, OwnerId } from '../../src/protocol/ids.ts'
import { openManifest } from '../../src/protocol/job/manifest.ts'
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/message.ts'
import { encodeBody, recordId, type SignedRecord } from '../../src/protocol/record/record.ts'
import { bodyOf, drawSecret, manifestWith, placeOf } from '../support/core-fakes.ts'
import { Gate, Mesh, type MeshNode } from '../support/mesh.ts'
import { Inbox } from '../support/network.ts'
import { honest } from '../support/scripted-executor.ts'

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: 3, standbys: 1 })
})
after(() => mesh.stop())

/** Told apart from everything else on a disk. */
const words = ['confidential-1', 'confidential-2'].map((word) => `${word}-${'marker'.repeat(4_000)}`)

test('a standby takes no secret that the manifest does not commit to', async (t) => {
  const standby = mesh.node('standby-1')
  const giver = await Stranger.start(standby)
  t.after(() => giver.stop())
  const secret = new Uint8Array(32).fill(7)
  const wrong = await giver.entrust(standby, 'with another secret', secret, new Uint8Array(32).fill(8))
  const without = await giver.entrust(standby, 'with none', secret, null)
  const right = await giver.entrust(standby, 'with its own', secret, secret)
  const jobs = () => standby.api.jobs().map(({ job }) => job)
  await mesh.until('the job whose secret is right is looked after', () => jobs().includes(right))
  // Messages of one peer are taken in their order.
  assert.deepEqual(
    [wrong, without].filter((job) => jobs().includes(job)),
    [],
  )
})

test('a peer that no lease names gets none of a job’s blocks', async (t) => {
  const { submitter } = mesh
  // Results that show nothing: stewards keep them in the clear.
  for (const member of mesh.running()) member.script = () => 'read'
  const { job } = await submitter.api.submit(mesh.request(words, { standbys: 1 }))
  assert.equal((await submitter.ended(job)).state, 'complete')
  const standby = mesh.node('standby-1')
  await standby.ended(job)
  await standby.texts(job)
  await submitter.stop()
  const { secret, weights } = blocksOf(submitter, job)
  await submitter.start(mesh.addresses())
  assert(secret.length >= 6, `${secret.length} blocks`)
  const sniffer = await Stranger.start(submitter)
  t.after(() => sniffer.stop())
  const offered = new Set<Cid>()
  for (const member of mesh.running()) {
    await sniffer.network.reach(member.api.info().addresses[0]!)
    const had = await sniffer.network.blocks.have(member.peer, [...secret, ...weights])
    for (const cid of had) offered.add(cid)
  }
  assert.deepEqual([...offered], weights, 'weights are anybody’s, and nothing else is')
  for (const member of mesh.running()) member.script = honest
  await mesh.acquainted()
})

test('what cannot be blind is refused in one sentence', async () => {
  const { api } = mesh.submitter
  const request = mesh.request(['one'], { blind: true, replicas: 4 })
  await assert.rejects(api.submit(request), /4 are needed, 3 are here/)
  await assert.rejects(
    api.submit({ ...request, runtime: 'ocr', engine: 'native' }),
    /must give the same bytes everywhere; 'native' does not, use --engine exact/,
  )
})

test('a blind job is finished without its submitter, who alone can read it afterwards', async () => {
  const { submitter } = mesh
  const cars = ['car-1', 'car-2', 'car-3'].map((name) => mesh.node(name))
  const standby = mesh.node('standby-1')
  const gate = new Gate()
  for (const car of cars) car.script = gate.script
  const texts = Array.from({ length: 4 }, (_, i) => `blind document ${i}`)
  const { job } = await submitter.api.submit(mesh.request(texts, { standbys: 1, blind: true }))
  await submitter.status(job, 'the standby holds it', ({ standbys }) => standbys.holding === 1)
  await submitter.crash()
  gate.open()
  const { shards } = await mesh.clock.hurry(standby.ended(job))
  assert.equal(shards.verified, texts.length)
  await assert.rejects(standby.texts(job), /is blind/)

  await submitter.start(mesh.addresses())
  await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual(await submitter.texts(job), texts)
  for (const car of cars) car.script = honest
  await mesh.acquainted()
})

test('of a blind job nobody but its vehicles and its submitter learns anything', async () => {
  const { submitter } = mesh
  const [standby, worker] = ['standby-1', 'car-1'].map((name) => mesh.node(name)) as [MeshNode, MeshNode]
  const cars = ['car-1', 'car-2', 'car-3'].map((name) => mesh.node(name))
  const gate = new Gate()
  for (const car of cars) car.script = gate.script
  const request = mesh.request(words, { standbys: 1, blind: true, replicas: 3 })
  const submitted = await submitter.api.submit(request)
  const { job } = submitted
  assert.deepEqual([submitted.blind, submitted.standbys], [true, 1])
  const idle = await mesh.join({ name: 'idle' })
  await submitter.status(job, 'the standby holds it', ({ standbys }) => standbys.holding === 1)
  // It lets go of the documents at the end of the job.
  const meanwhile = diskOf(standby.dataDir)
  gate.open()
  await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual(await submitter.texts(job), words)
  assert.equal((await standby.ended(job)).state, 'complete')
  await assert.rejects(standby.texts(job), /is blind: only its submitter can read it/)

  const report = join(mesh.folder, 'blind.car')
  await submitter.api.report(job, report)
  assert.deepEqual((await auditFile(report)).problems, [])
  assert.equal(readFileSync(report).includes('marker'), false, 'the report shows nothing')

  for (const one of [submitter, standby, worker, idle]) await one.stop()
  const keys = keysOf(submitter, job)
  for (const curious of [standby, idle]) {
    const disk = Buffer.concat([diskOf(curious.dataDir), meanwhile])
    assert.equal(disk.includes('marker'), false, `${curious.name} has a document or a result in the clear`)
    for (const key of keys)
      for (const bytes of [key, key.toString('hex')])
        assert.equal(disk.includes(bytes), false, `${curious.name} has a key`)
  }
  assert(
    keys.some((key) => diskOf(worker.dataDir).includes(key)),
    'keys are seen',
  )
  const held = new Set(blocksOf(standby, job).results)
  const { results } = blocksOf(submitter, job)
  assert(results.length > 0 && results.every((cid) => held.has(cid)), 'the standby holds the results')
  const documents = await documentsOn(submitter, job)
  assert.equal(documents.length, words.length)
  assert(
    documents.every((bytes) => meanwhile.includes(Buffer.from(bytes))),
    'and held the documents, which it cannot read either',
  )
  for (const car of cars) car.script = honest
  assert.deepEqual(blocksOf(idle, job).secret, [], 'and the idle vehicle nothing')
  for (const one of [submitter, standby, worker]) await one.start(mesh.addresses())
  await mesh.acquainted()
})

test('stewards of a blind job count what they cannot read, and its submitter reads it', async () => {
  const { submitter } = mesh
  const request = mesh.request(['blind one', 'blind two'], { standbys: 1, blind: true })
  const submitted = await submitter.api.submit(request)
  assert.equal(submitted.blind, true)
  assert.equal((await submitter.ended(submitted.job)).state, 'complete')
  assert.deepEqual(await submitter.texts(submitted.job), ['blind one', 'blind two'])
  // One that does not answer in time is passed over, and another stands by.
  const standbys = () =>
    mesh
      .running()
      .filter((one) => one !== submitter && one.api.jobs().some(({ job }) => job === submitted.job))
  await mesh.until('somebody stands by', () => standbys().length > 0)
  const [standby] = standbys() as [MeshNode]
  assert.equal((await standby.ended(submitted.job)).state, 'complete')
  await assert.rejects(standby.texts(submitted.job), /is blind: only its submitter can read it/)
})

test('documents and their names are ciphertext on every vehicle’s disk', async () => {
  for (const member of mesh.running()) {
    await member.stop()
    const disk = diskOf(member.dataDir)
    assert(disk.length > 100_000, 'there is something on the disk')
    assert.equal(disk.includes('marker'), false, `${member.name} has a document in the clear`)
    assert.equal(disk.includes('000.txt'), false, `${member.name} has a name in the clear`)
  }
})

/** All from which a job's documents and results open. */
function keysOf({ dataDir }: MeshNode, job: string): Buffer[] {
  const submitter = loadKey(join(dataDir, 'submitter.key'))
  const store = openStore(dataDir)
  try {
    const { payload } = openManifest(store.journal.get(job as Cid)!, sha256, verifyByPeerId)
    const secret = jobSecret(submitter, payload.seal.nonce)
    const shards = Array.from({ length: payload.shards.count }, (_, position) => shardKey(secret, position))
    return [secret, namesKey(secret), ...shards].map((key) => Buffer.from(key))
  } finally {
    store.close()
  }
}

/** What a node, which must not run, has of a job. */
function blocksOf({ dataDir }: MeshNode, job: string): { secret: Cid[]; results: Cid[]; weights: Cid[] } {
  const store = openStore(dataDir)
  const blocks = store.blocks.of(job as JobId)
  try {
    return {
      secret: [...blocks.list('input'), ...blocks.list('result')],
      results: blocks.list('result'),
      weights: [...blocks.list('weights')],
    }
  } finally {
    store.close()
  }
}

/** A job's documents, sealed: what a node, which must not run, keeps of its inputs in files of their own. */
async function documentsOn({ dataDir }: MeshNode, job: string): Promise<Uint8Array[]> {
  const store = openStore(dataDir)
  try {
    const blocks = store.blocks.of(job as JobId)
    const inputs = await Promise.all(blocks.list('input').map((cid) => blocks.get(cid)))
    return inputs.flatMap((bytes) => (bytes !== undefined && bytes.byteLength > rowBytesMax ? [bytes] : []))
  } finally {
    store.close()
  }
}

/** Everything that is in a data directory, in one piece; names of files, too. */
function diskOf(dataDir: string): Buffer {
  const entries = readdirSync(dataDir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'ballast')
  return Buffer.concat(
    files.flatMap((entry) => [Buffer.from(entry.name), readFileSync(join(entry.parentPath, entry.name))]),
  )
}

/** A peer that speaks the protocol, keeps nothing, and signs whatever a test has it sign. */
class Stranger {
  readonly network: Network
  readonly #key: SigningKey
  readonly #heard = new Inbox<Message>()

  static async start(nearby: MeshNode): Promise<Stranger> {
    const key = SigningKey.generate()
    const network = await Network.start({
      privateKey: key.toLibp2p(),
      listen: [],
      bootstrap: [],
      gossipScope: 'open',
      log: pino({ level: 'silent' }),
    })
    await network.reach(nearby.api.info().addresses[0]!)
    return new Stranger(network, key)
  }

  private constructor(network: Network, key: SigningKey) {
    this.network = network
    this.#key = key
    network.onMessage((_, bytes) => this.#heard.put(decodeMessage(bytes)))
  }

  /** Invites a node to stand by for a job of this name, and gives it the job with this secret. Answers the job. */
  async entrust(
    { peer }: MeshNode,
    name: string,
    secret: Uint8Array,
    given: Uint8Array | null,
  ): Promise<JobId> {
    const nonce = sha256(Buffer.from(name)).slice(0, 16)
    await this.network.send(peer, encodeMessage({ type: 'invite', nonce, bytes: 1, place: null }))
    const willing = await this.#heard.find(
      (message) => message.type === 'willing' && Buffer.from(message.nonce).equals(nonce),
    )
    assert(willing.type === 'willing')
    const manifest = manifestWith({
      category: name.replaceAll(' ', '-'),
      seal: { nonce, commitment: sealCommitment(secret) },
      deadlineMs: mesh.clock.now() + 3_600_000,
      stewards: [
        { ...placeOf('stranger'), peer: this.#key.peerId },
        { peer, owner: 'standby' as OwnerId, nonce },
      ],
    })
    const body = encodeBody(
      bodyOf('manifest', this.#key.peerId, manifest, { expiresMs: manifest.deadlineMs }),
    )
    const record: SignedRecord = { body, signature: this.#key.sign(body) }
    await this.network.send(
      peer,
      encodeMessage({ type: 'entrust', manifest: record, handovers: [], secret: given, drawSecret }),
    )
    return recordId(sha256, body)
  }

  stop(): Promise<void> {
    return this.network.stop()
  }
}
