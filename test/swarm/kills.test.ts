/**
 * Kills at random of everybody who has to do with a job: what was acknowledged stays.
 *
 *   CARPOOL_KILLS=100 node test/swarm/kills.test.ts    a hundred of them, in some four minutes
 *   CARPOOL_SEED=17 node test/swarm/kills.test.ts      in the order of one seed
 *
 * The journal of everyone who is killed is read before it starts again, so that what was on the disk at some time can be
 * held against what is there in the end, and no signature that ever was is overlooked.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RandomStream } from '../../src/base/prng.ts'
import { Member } from '../../src/cli/swarm/member.ts'
import type { JobStatus } from '../../src/host/api.ts'
import { auditFile } from '../../src/host/jobs/audit.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { loadOrCreateKey } from '../../src/host/store/keys.ts'
import { openStore } from '../../src/host/store.ts'
import type { JobId, RecordId } from '../../src/protocol/ids.ts'
import { openVerdict } from '../../src/protocol/job/verdict.ts'
import { decodeCbor } from '../../src/protocol/record/block.ts'
import type { RecordBody } from '../../src/protocol/record/record.ts'
import type { RecordKind } from '../../src/protocol/records.ts'
import { pacedProgram } from '../support/launcher.ts'
import { freePort } from '../support/ports.ts'
import {
  slowTexts,
  temporaryFolder,
  textsOf,
  until,
  untilStatus,
  wasmJob,
  writePacedDocuments,
} from '../support/swarm.ts'

const kills = Number(process.env.CARPOOL_KILLS ?? 8)
/** So many at a time are dead or on their way back. */
const killers = 2
const stewards = ['submitter', 'steward-1', 'steward-2']
const names = [...stewards, 'car-1', 'car-2', 'car-3']

test(`${kills} kills during jobs cost nothing that was acknowledged`, { timeout: 600_000 }, async (t) => {
  const seed = process.env.CARPOOL_SEED ?? `${randomInt(2 ** 31)}`
  t.diagnostic(`CARPOOL_SEED=${seed}`)
  const random = new RandomStream(sha256, Buffer.from(seed), 'kills')
  const mortals = await startMortals(t)
  const startedMs = performance.now()
  const before = new Map<string, Noted[]>(names.map((name) => [name, []]))
  // How many of the kills a job lives through depends on the machine: those that are left go to the next one.
  const jobs: string[] = []
  for (let left = kills; left > 0; ) {
    const texts = { count: 2 * left, first: 2 * kills * jobs.length }
    const job = await submit(t, mortals, texts)
    jobs.push(job)
    left -= await killWhileItRuns(mortals, jobs, left, random, before)
    await assertComplete(t, mortals, job, texts)
  }
  t.diagnostic(`${kills} kills, ${jobs.length} jobs, ${Math.round((performance.now() - startedMs) / 1000)} s`)
  for (const job of jobs) for (const name of stewards) await untilWhole(mortals.member(name), job)
  await mortals.endAll()

  for (const job of jobs) {
    const ofJob = (notes: readonly Noted[]) => notes.filter((note) => note.job === job)
    const [then, now] = [new Map<string, Noted[]>(), new Map<string, Noted[]>()]
    for (const name of names) {
      then.set(name, ofJob(before.get(name)!))
      now.set(name, notesOf(mortals.dataDir(name), [job]))
    }
    assertNobodyContradictsItself([...then.values(), ...now.values()].flat())
    for (const name of stewards) assertKept(mortals, name, then.get(name)!, now)
  }
})

/** The documents of one job, and the number of the first. */
interface Texts {
  readonly count: number
  readonly first: number
}

/** Until the last of the jobs has ended, or `killsMax` are done. Answers how many were. */
async function killWhileItRuns(
  mortals: Mortals,
  jobs: readonly string[],
  killsMax: number,
  random: RandomStream,
  before: ReadonlyMap<string, Noted[]>,
): Promise<number> {
  let [done, running] = [0, true]
  const killer = async () => {
    while (done < killsMax && running) {
      done += 1
      const alive = names.filter((name) => mortals.isAlive(name))
      const name = alive[random.below(alive.length)]!
      if ((await mortals.kill(name, jobs.at(-1)!)) !== 'running') running = false
      before.get(name)!.push(...notesOf(mortals.dataDir(name), jobs))
      await mortals.start(name)
    }
  }
  await Promise.all(Array.from({ length: killers }, killer))
  return done
}

async function assertComplete(
  t: TestContext,
  mortals: Mortals,
  job: string,
  { count, first }: Texts,
): Promise<void> {
  const submitter = mortals.member('submitter')
  // A submitter that was dead when its job ended may hear of the end before the last verdicts, and of what they rest on.
  const status = await untilWhole(submitter, job)
  assert.equal(status.shards.verified, count)
  t.diagnostic(`${status.executions} executions of ${count} shards`)
  assert.deepEqual(status.contradicted, [])
  assert.deepEqual(await textsOf(submitter, job), slowTexts(count, 9, first))
  const report = join(temporaryFolder(t), 'report.car')
  await submitter.node.report(job, report)
  assert.deepEqual((await auditFile(report)).problems, [])
}

/** The status of a job that is complete where its report would pass an audit, which may be a moment after its end. */
async function untilWhole({ node, name }: Member, job: string): Promise<JobStatus> {
  let status: JobStatus | undefined
  await until(`${name} has all of ${job}`, async () => {
    status = await node.status(job)
    return status.state === 'complete' && status.doubts.length === 0
  })
  return status!
}

/** What one journal says of a job at one time. */
interface Noted {
  readonly job: string
  readonly id: RecordId
  readonly kind: RecordKind
  readonly signer: string
  readonly serial: number
  /** The receipts that a verdict counts. */
  readonly counted: readonly RecordId[]
}

function notesOf(dataDir: string, jobs: readonly string[]): Noted[] {
  const store = openStore(dataDir)
  try {
    return jobs.flatMap((job) =>
      [...store.journal.ofJob(job as JobId)].map((row) => {
        const { signer, serial } = decodeCbor('record', row.body, row.body.byteLength) as RecordBody
        const shards = row.kind === 'verdict' ? openVerdict(row, sha256, () => true).payload.shards : []
        const counted = shards.flatMap(({ agreeing, contradicting }) => [...agreeing, ...contradicting])
        return { job, id: row.id, kind: row.kind, signer, serial, counted }
      }),
    )
  } finally {
    store.close()
  }
}

/** One signer, one job and one serial are one record, whatever the signer forgot in between. */
function assertNobodyContradictsItself(notes: readonly Noted[]): void {
  const signed = new Map<string, RecordId>()
  for (const { id, kind, signer, serial } of notes) {
    if (kind === 'manifest') continue // the job begins with it, under the submitter's own key
    const first = signed.get(`${signer} ${serial}`) ?? id
    assert.equal(id, first, `${signer} signed two records with the serial ${serial}`)
    signed.set(`${signer} ${serial}`, id)
  }
}

/** A steward has all that its disk ever had, all that others have of its own word, and all that its verdicts count. */
function assertKept(
  mortals: Mortals,
  name: string,
  before: readonly Noted[],
  after: ReadonlyMap<string, readonly Noted[]>,
): void {
  const own = after.get(name)!
  const kept = new Set(own.map(({ id }) => id))
  const { peer } = mortals.member(name)
  const acknowledged = [...after.values()].flat().filter(({ signer }) => signer === peer)
  for (const { id, kind } of [...before, ...acknowledged])
    assert.ok(kept.has(id), `${name} lost a ${kind} that it had`)
  for (const { counted } of own)
    for (const receipt of counted)
      assert.ok(kept.has(receipt), `${name} lost a receipt that a verdict counts`)
}

/** Members that come back on their own data and at their own address after each death. */
class Mortals {
  readonly #folder: string
  readonly #addresses: ReadonlyMap<string, string>
  readonly #members = new Map<string, Member>()
  readonly #alive = new Set<string>()

  static async create(folder: string): Promise<Mortals> {
    const addresses = new Map<string, string>()
    for (const name of names) {
      mkdirSync(join(folder, name), { mode: 0o700 })
      const { peerId } = loadOrCreateKey(join(folder, name, 'node.key'), 'node')
      addresses.set(name, `/ip4/127.0.0.1/tcp/${await freePort()}/p2p/${peerId}`)
    }
    return new Mortals(folder, addresses)
  }

  private constructor(folder: string, addresses: ReadonlyMap<string, string>) {
    this.#folder = folder
    this.#addresses = addresses
  }

  async start(name: string): Promise<void> {
    const listen = this.#addresses.get(name)!.replace(/[/]p2p.*/, '')
    const flags = ['--listen', listen, '--slots', name.startsWith('car') ? '1' : '0', '--log-level', 'warn']
    for (const address of this.#addresses.values()) flags.push('--bootstrap', address)
    this.#members.set(
      name,
      await Member.start({ name, dataDir: this.dataDir(name), flags, program: pacedProgram }),
    )
    this.#alive.add(name)
  }

  /** Answers in which state a job was, as far as it knew. */
  async kill(name: string, job: string): Promise<string> {
    this.#alive.delete(name)
    const member = this.member(name)
    const known = (await member.node.jobs()).find((row) => row.job === job)
    await member.end('SIGKILL')
    return known?.state ?? 'running'
  }

  async endAll(): Promise<void> {
    this.#alive.clear()
    await Promise.all([...this.#members.values()].map((member) => member.end('SIGTERM')))
  }

  isAlive(name: string): boolean {
    return this.#alive.has(name)
  }

  member(name: string): Member {
    return this.#members.get(name)!
  }

  dataDir(name: string): string {
    return join(this.#folder, name)
  }
}

async function startMortals(t: TestContext): Promise<Mortals> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-test-'))
  const mortals = await Mortals.create(folder)
  // In this order: what a folder keeps is read while it is there.
  t.after(async () => {
    if (!(t as TestContext & { readonly passed: boolean }).passed)
      for (const name of names) t.diagnostic(`${name}: ${mortals.member(name)?.log().slice(-2000)}`)
    await mortals.endAll()
    rmSync(folder, { recursive: true, force: true })
  })
  await Promise.all(names.map((name) => mortals.start(name)))
  return mortals
}

/** Answers once the job is durable, as all stewards hold what it takes, or is over. */
async function submit(t: TestContext, mortals: Mortals, { count, first }: Texts): Promise<string> {
  const submitter = mortals.member('submitter')
  await until('the submitter knows everybody', async () => {
    return (await submitter.node.peers()).length === names.length
  })
  const request = await wasmJob(t, 'slow', writePacedDocuments(t, count, 9, first), { standbys: 2 })
  const { job, standbys } = await submitter.node.submit(request)
  assert.equal(standbys, 2)
  // Its documents take real time: on a busy machine it may be over before all hold what it takes.
  const isDurable = ({ standbys, state }: JobStatus) => standbys.holding === 2 || state === 'complete'
  await untilStatus(submitter, job, 'the job is durable', isDurable)
  return job
}
