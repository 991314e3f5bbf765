/** The answer to somebody who cancels a job: how it has ended, and whether its other stewards know. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { describeCancelled } from '../../src/cli/commands/jobs.ts'
import {
  type CancelledStewardship,
  type CancellingOptions,
  cancelJob,
} from '../../src/host/jobs/cancelling.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { JobId, PeerId } from '../../src/protocol/ids.ts'
import type { JobEnd } from '../../src/protocol/job/verdict.ts'
import { peerNamed } from '../support/core-fakes.ts'
import { SteppedClock } from '../support/stepped-clock.ts'

const job = 'bafyreigh2akiscaildc' as JobId
const [hub, other] = [peerNamed('hub'), peerNamed('other')]

function end(outcome: JobEnd['outcome']): JobEnd {
  return { outcome, reason: '', secret: new Uint8Array(32) }
}

/** The submitter's node, there for one command, whose own place another node has by now. */
class Replaced implements CancelledStewardship {
  readonly job = job
  readonly manifest = undefined as never
  readonly isSubmitters = true
  readonly isReader = true
  readonly submitter = peerNamed('submitter')
  readonly fellows = [hub, other]
  level: PeerId[] = []
  end: JobEnd | undefined

  get hasEnded(): boolean {
    return this.end !== undefined
  }

  handle(): void {
    this.end = end('cancelled')
  }

  async settled(): Promise<void> {}
}

function optionsOf(clock: SteppedClock, standsBy = false): CancellingOptions {
  const key = SigningKey.generate()
  return { key, submitter: key, network: undefined as never, log: pino({ level: 'silent' }), clock, standsBy }
}

/** Lets the clock run until it settles, or so long. */
async function within(clock: SteppedClock, ms: number, answer: Promise<unknown>): Promise<boolean> {
  let isThere = false
  const settle = () => {
    isThere = true
  }
  answer.then(settle, settle)
  for (let passed = 0; passed < ms && !isThere; passed += 100) {
    clock.pass(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return isThere
}

test('a node that is there for one command says that a job is cancelled once another steward says that it knows, whoever has its place', async () => {
  const [clock, stewardship] = [new SteppedClock(0), new Replaced()]
  const answer = cancelJob(optionsOf(clock), stewardship)
  assert(!(await within(clock, 5_000, answer)), 'nobody knows yet')
  stewardship.level = [hub]
  assert(await within(clock, 5_000, answer))
  assert.deepEqual(await answer, { job, state: 'cancelled', hadEnded: false, untold: 1 })
})

test('where no other steward says so in time, it says that they may go on', async () => {
  const clock = new SteppedClock(0)
  const answer = cancelJob(optionsOf(clock), new Replaced())
  const refused = assert.rejects(
    answer,
    /none of its 2 other stewards could be told within 10 s: they may go on/,
  )
  assert(await within(clock, 15_000, answer))
  await refused
})

test('a job that a steward completed before it heard is told of as complete, and so is one that had ended before', async () => {
  const [clock, stewardship] = [new SteppedClock(0), new Replaced()]
  const answer = cancelJob(optionsOf(clock), stewardship)
  await within(clock, 1_000, answer)
  stewardship.end = end('complete')
  stewardship.level = [hub, other]
  assert(await within(clock, 1_000, answer))
  assert.deepEqual(await answer, { job, state: 'complete', hadEnded: false, untold: 0 })
  assert.deepEqual(await cancelJob(optionsOf(clock), stewardship), {
    ...{ job, state: 'complete', hadEnded: true, untold: 0 },
  })
  const said = { job, state: 'cancelled', hadEnded: false, untold: 0 } as const
  assert.match(describeCancelled(said), /is cancelled; what is verified is kept$/)
  assert.match(
    describeCancelled({ ...said, untold: 1 }),
    /1 other steward has not said so yet, and may complete it/,
  )
  assert.match(
    describeCancelled({ ...said, state: 'complete' }),
    /ended as complete before all its stewards heard/,
  )
  assert.match(
    describeCancelled({ ...said, state: 'complete', hadEnded: true }),
    /had ended before, as complete; nothing was cancelled$/,
  )
})

test('a node that goes on running answers at once, since it goes on telling the others', async () => {
  assert.deepEqual(await cancelJob(optionsOf(new SteppedClock(0), true), new Replaced()), {
    ...{ job, state: 'cancelled', hadEnded: false, untold: 0 },
  })
})
