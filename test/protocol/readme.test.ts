/** The driver in src/protocol/README.md: it compiles as the core does, and a job ends that a worker does with it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { carryOut, type Hands } from '../../src/protocol/driver.ts'
import type { JobId, LeaseId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import { leaseInput } from '../../src/protocol/inbox.ts'
import type { Lease } from '../../src/protocol/job/lease.ts'
import type { JobEnd } from '../../src/protocol/job/verdict.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { type Opened, openRecordAs } from '../../src/protocol/records.ts'
import type { StewardEffect, StewardInput } from '../../src/protocol/steward/contract.ts'
import { Steward } from '../../src/protocol/steward/steward.ts'
import type { Done, WorkerEffect, WorkerInput } from '../../src/protocol/worker/contract.ts'
import { Worker } from '../../src/protocol/worker/worker.ts'
import {
  bodyOf,
  cidNamed,
  manifestWith,
  peerNamed,
  seed,
  sha256,
  sign,
  signBytes,
  verify,
} from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const protocol = join(root, 'src/protocol')

/** The README's interface, as far as a test has to meet it. */
interface Computer {
  now(): number
  wakeAt(atMs: number, wake: () => void): void
  write(effect: WorkerEffect): Promise<void>
  send(to: PeerId, effect: Extract<WorkerEffect, { type: 'send' | 'deliver' | 'show' }>): void
  fetch(lease: LeaseId): Promise<void>
  run(slot: number, lease: LeaseId, done: (done: Done) => void): Promise<void>
  halt(slot: number, after: 'this shard' | 'now'): void
}

interface Readme {
  drive(worker: Worker, computer: Computer): (input: WorkerInput) => void
}

/** Writes the README's code into a folder of its own, from where it imports the core. */
function extracted(t: TestContext): string {
  const [, source] = /```ts\n(.*?)```/s.exec(readFileSync(join(protocol, 'README.md'), 'utf8'))!
  const folder = mkdtempSync(join(tmpdir(), 'carpool-readme-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'driver.ts')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  writeFileSync(file, source!.replaceAll("from './", `from '${relative(folder, protocol)}/`))
  return file
}

test('the README’s driver compiles where the core does: without Node, a clock or a disk', (t) => {
  const file = extracted(t)
  const folder = join(file, '..')
  const settings = { extends: join(protocol, 'tsconfig.json'), include: ['driver.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
  const tsc = join(root, 'node_modules/.bin/tsc')
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
  assert.equal(status, 0, stdout)
})

test('a job ends that a worker does with the README’s driver, and nothing is said before it is durable', async (t) => {
  const { drive } = (await import(pathToFileURL(extracted(t)).href)) as Readme
  const [vehicle, self] = [peerNamed('v1'), peerNamed('steward')]
  const shards = [0, 1, 2].map((i) => ({ shard: cidNamed(`shard ${i}`), pages: 1, bytes: 1, costMs: 1 }))
  const payload = manifestWith({
    shards: { file: cidNamed('list'), bytes: 1, count: shards.length, pages: shards.length },
    assurance: { replicas: 1 },
  })
  const opened = openRecordAs('manifest', sign(bodyOf('manifest', self, payload)), null, sha256, verify)
  const manifest = opened.record
  const job: JobId = manifest.id
  const leases = new Map<LeaseId, Verified<Lease>>()
  const receipts = new Map<RecordId, Opened<'receipt'>>()
  const log: string[] = []
  const ended = Promise.withResolvers<string>()
  let end: Verified<JobEnd> | undefined

  const steward = new Steward({ job, manifest: payload, shards, self, drawSecret: seed, sha256 })
  const tellWorker = (input: WorkerInput) => setImmediate(() => handle(input))
  const hands: Hands<StewardEffect> = {
    issue: ({ issued }) => {
      if (issued.kind === 'lease') leases.set(issued.record.id, issued.record)
      if (issued.kind === 'end') end = issued.record
    },
    offer: ({ lease }) =>
      tellWorker({
        type: 'offer',
        from: self,
        manifest,
        handovers: [],
        lease: leases.get(lease)!,
        isPast: false,
      }),
    send: ({ message }) => {
      if (message.type === 'acknowledge' || message.type === 'withdraw')
        tellWorker({ ...message, from: self })
    },
    collect: ({ wanted }) => {
      const finding = { state: 'good', text: 'read', exhausted: false } as const
      tellSteward({ type: 'examined', results: wanted.map((want) => ({ ...want, finding })) })
    },
    'tell-end': () => tellWorker({ type: 'ended', end: end!, cancellation: null }),
    ended: ({ end }) => ended.resolve(end.outcome),
    ...{ keep: () => {}, revoke: () => {}, recompute: () => {}, lied: () => {}, decided: () => {} },
    wake: () => {},
    'go-on': () => tellSteward({ type: 'go-on' }),
  }
  const tellSteward = (input: StewardInput) =>
    setImmediate(() => carryOut(steward.handle(input, 0), hands, (say) => say()))

  const computer: Computer = {
    now: () => 0,
    wakeAt: () => {},
    write: async (effect) => {
      if (effect.type === 'issue') {
        const { issued, body } = effect
        const receipt = openRecordAs(
          'receipt',
          signBytes(issued.record, body),
          issued.opening,
          sha256,
          verify,
        )
        receipts.set(issued.record.id, receipt)
      }
      // A slow disk: everything else that can happen now happens first.
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      log.push(`${effect.type} is durable`)
    },
    send: (_, effect) => {
      if (effect.type === 'deliver') {
        log.push('deliver')
        tellSteward({ type: 'receipt', receipt: receipts.get(effect.receipt)!, released: effect.released })
      } else if (effect.type === 'send') {
        const { message } = effect
        log.push(message.type)
        if (message.type === 'accept' || message.type === 'decline' || message.type === 'progress')
          tellSteward(leaseInput(vehicle, message))
      }
    },
    fetch: () => Promise.resolve(),
    run: async (_, lease, done) => {
      for (const place of leases.get(lease)!.payload.positions.keys())
        done({ place, result: cidNamed(`result ${place}`), cpuMs: 1, wallMs: 1 })
    },
    halt: () => {},
  }
  const engine = { runtime: payload.runtime, id: payload.engine.id, isa: null, ask: null }
  const secret = sha256(new Uint8Array(1))
  const worker = new Worker(
    { self: vehicle, slots: 1, engines: [engine], categories: null, secret, sha256 },
    0,
  )
  const handle = drive(worker, computer)
  tellSteward({ type: 'roster', capacities: [capacityOf('v1:o1')] })

  assert.equal(await ended.promise, 'complete')
  for (const [written, said] of [
    ['take is durable', 'accept'],
    ['issue is durable', 'deliver'],
  ] as const)
    assert.ok(log.includes(said) && log.indexOf(written) < log.indexOf(said), log.join(', '))
  assert.ok(log.includes('take is durable') && log.includes('issue is durable'), log.join(', '))
})
