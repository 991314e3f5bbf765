/**
 * What a message costs a node that looks after many jobs: what a vehicle says of one lease, with one job running and with
 * thirty. Nothing is sent; the messages go straight to the node's jobs, one after the other.
 */

import { sha256 } from '../src/host/sha256.ts'
import { SigningKey } from '../src/host/store/keys.ts'
import type { JobId } from '../src/protocol/ids.ts'
import type { MessageToSteward } from '../src/protocol/inbox.ts'
import { type Opening, type Receipt, receiptRoot } from '../src/protocol/job/lease.ts'
import { cborCid } from '../src/protocol/record/block.ts'
import { JobsStage, vehicleOf } from '../test/support/jobs-stage.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'

const jobsMany = 30
const vehicles = 100
const shards = 1_000
const messagesInTurn = 50

export async function inbox({ quick, note }: BenchOptions): Promise<Figure[]> {
  const nodes = [await nodeWith(1), await nodeWith(jobsMany)] as const
  try {
    return Object.keys(nodes[0].messages).map((type): Figure => {
      const [alone, among] = ratesOf(nodes, type, quick ? 5 : 25)
      note(`${type}: ${Math.round(alone)}/s alone, ${Math.round(among)}/s among ${jobsMany} jobs`)
      return {
        name: `'${type}' messages taken by a node that looks after ${jobsMany} jobs`,
        unit: '/s',
        ours: among,
        baseline: alone,
        of: 'after one',
        goal: { value: 'ratio', least: 0.7 },
      }
    })
  } finally {
    for (const { stage } of nodes) await stage.close()
  }
}

interface LoadedNode {
  readonly stage: JobsStage
  readonly vehicle: SigningKey
  readonly messages: Readonly<Record<string, MessageToSteward>>
}

/** A node that looks after so many jobs, and what a vehicle has to say about the first. */
async function nodeWith(jobs: number): Promise<LoadedNode> {
  const stage = new JobsStage()
  const keys = Array.from({ length: vehicles }, () => SigningKey.generate())
  const vehicle = keys[0]!
  const planted: JobId[] = []
  for (let i = 0; i < jobs; i += 1) planted.push((await stage.plant(`job ${i}`, shards)).job)
  stage.jobs.resume()
  await Promise.all(planted.map((job) => stage.jobs.status(job))) // each has begun
  stage.roster(keys.map(({ peerId }) => vehicleOf(peerId)))
  return { stage, vehicle, messages: await messagesOf(stage, planted[0]!, vehicle) }
}

async function messagesOf(
  stage: JobsStage,
  job: JobId,
  vehicle: SigningKey,
): Promise<Record<string, MessageToSteward>> {
  const { id, payload } = await stage.leaseFor(job, vehicle.peerId)
  const row = stage.store.journal.get(id)!
  const opening: Opening = { results: [cborCid(sha256, new Uint8Array(1))], nonce: new Uint8Array(32) }
  const root = receiptRoot(sha256, { id, job, worker: vehicle.peerId, shards: payload.shards }, [0], opening)
  const receipt: Receipt = { lease: id, covers: [0], root, cpuMs: 1, wallMs: 1, energy: null }
  const record = stage.sign(vehicle, 'receipt', job, receipt)
  return {
    accept: { type: 'accept', job, lease: id },
    progress: { type: 'progress', job, lease: id, done: 1 },
    // Both were said before, as after every lost connection.
    record: { type: 'record', job, record: { body: row.body, signature: row.signature }, opening: null },
    receipt: { type: 'receipt', record, opening, released: null },
  }
}

/** Messages a second at each of the nodes, which take turns; the first turn warms up. */
function ratesOf(nodes: readonly [LoadedNode, LoadedNode], type: string, rounds: number): [number, number] {
  const taken: [number[], number[]] = [[], []]
  for (let round = 0; round <= rounds; round += 1)
    for (const [i, { stage, vehicle, messages }] of nodes.entries()) {
      const startedMs = performance.now()
      for (let said = 0; said < messagesInTurn; said += 1) stage.jobs.hear(vehicle.peerId, messages[type]!)
      if (round > 0) taken[i]!.push(messagesInTurn / ((performance.now() - startedMs) / 1000))
    }
  return [median(taken[0]), median(taken[1])]
}
