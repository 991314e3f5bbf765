/** Outputs longer than a block, from real nodes: they arrive, outlive the submitter, and pass the audit. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { resultEngine } from '../../src/protocol/job/manifest.ts'
import { encodeParted } from '../../src/protocol/job/result-parts.ts'
import { blockBytesMax } from '../../src/protocol/limits.ts'
import { HostileVehicle } from '../support/hostile-vehicle.ts'
import { Mesh, type MeshNode } from '../support/mesh.ts'
import type { Script } from '../support/scripted-executor.ts'

/** The output for a document of some words: a text of more than two blocks. */
const long: Script = (text) => (text.startsWith('long') ? text.padEnd(2 * blockBytesMax + 1000, '.') : text)

let mesh: Mesh
before(async () => {
  mesh = await Mesh.start({ vehicles: ['car-1', 'car-2'].map((name) => ({ name, script: long })) })
})
after(() => mesh.stop())

const texts = ['long one', 'short', 'long two']
const outputs = await Promise.all(texts.map((text) => long(text, 'exact')))

async function auditOf(member: MeshNode, job: string): Promise<readonly string[]> {
  const path = join(mesh.folder, `${job}-${member.name}.car`)
  await member.api.report(job, path)
  return (await auditFile(path)).problems
}

test('outputs of several blocks arrive with their neighbours, also sealed, and their report passes the audit', async () => {
  const { submitter } = mesh
  for (const blind of [false, true]) {
    const { job } = await submitter.api.submit(mesh.request(texts, { blind }))
    assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
    assert.deepEqual(await submitter.texts(job), outputs)
    assert.deepEqual(await auditOf(submitter, job), [])
  }
})

test('a standby holds every block of a long result, and reads, reports and finishes the job alone', async () => {
  const { submitter } = mesh
  const standby = await mesh.join({ name: 'standby', slots: 0 })
  const given = texts.map((text) => `${text} again`)
  const { job } = await submitter.api.submit(mesh.request(given, { standbys: 1 }))
  await mesh.clock.hurry(submitter.ended(job))
  await mesh.sameRecords(job, [submitter, standby])
  await submitter.stop()
  assert.equal((await standby.ended(job)).state, 'complete')
  assert.deepEqual(await standby.texts(job), await Promise.all(given.map((text) => long(text, 'exact'))))
  assert.deepEqual(await auditOf(standby, job), [])
  await submitter.start(mesh.addresses())
  await mesh.acquainted()
  await mesh.leave('standby')
})

test('a vehicle that names parts and never shows them, or shows others, holds nobody up', async (t) => {
  const { submitter } = mesh
  const hostile = await HostileVehicle.start(t, mesh.clock, submitter.api.info().addresses)
  await mesh.until('the hostile vehicle is known', () =>
    submitter.api.peers().some(({ peer }) => peer === hostile.key.peerId),
  )
  const given = Array.from({ length: 8 }, (_, i) => `document ${i}`)
  const { job } = await submitter.api.submit(mesh.request(given))
  await hostile.offers.until((offers) => offers.length > 0)
  const offer = hostile.offers.items[0]!
  await hostile.say(offer.from, { type: 'accept', job, lease: offer.lease.id })
  const nonsense = new Uint8Array(blockBytesMax).fill(1)
  const block = cidOf('raw', nonsense)
  hostile.serve({ cid: block, bytes: nonsense })
  const absent = cidOf('raw', Uint8Array.of(1))
  const places = offer.lease.payload.shards.map((_, place) => place)
  const results = places.map((place) => {
    const part = place % 2 === 0 ? { bytes: blockBytesMax, blocks: [block] } : { bytes: 1, blocks: [absent] }
    const engine = resultEngine(offer.manifest.payload)
    const bytes = encodeParted({ engine, exhausted: false, parts: [{ pages: 1, ...part }] })
    const cid = cidOf('dag-cbor', bytes)
    hostile.serve({ cid, bytes })
    return cid
  })
  await hostile.receipt(offer, places, results)
  assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
  assert.deepEqual(await submitter.texts(job), given)
  assert(hostile.asked.items.includes(block), 'its parts were looked at')
})
