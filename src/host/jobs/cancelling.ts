/**
 * Cancels a job: on the node that it was submitted to, which ends it; or, with the submitter's key, on any other, which tells the
 * job's stewards and waits for the end that follows.
 *
 * The answer is what stands when it is given, and how many other stewards know of it. A steward that has not heard may complete
 * the job meanwhile, and then that end stands. So a node that lives for one command waits until another steward has the same
 * records, by that steward's own word, and a moment longer for the rest of them.
 */
import { assert } from '../../base/assert.ts'
import { cancellationOf } from '../../protocol/job/cancellation.ts'
import { encodeBody } from '../../protocol/record/record.ts'
import { openRecordAs } from '../../protocol/records.ts'
import { elapsed } from '../clock.ts'
import { RequestError } from '../errors.ts'
import type { Cancelled } from '../job-views.ts'
import { say } from '../say.ts'
import { sha256 } from '../sha256.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import { verifyByPeerId } from '../store/keys.ts'
import type { RegistryOptions } from './registry.ts'

/** Longer than a steward that stands by waits for the one that acts, and as long again for what is lost on the way. */
const endMsMax = 30_000
/** Every so often the stewards are told again: a message may be lost. */
const retellMs = 2_000
/** A node that lives for one command waits so long for another steward to say that it knows of the end. */
const toldMsMax = 10_000
/** … and so long for the others, once one has said so: a steward that lives says so every second. A guess. */
const restToldMsMax = 3_000
const lookMs = 100

export type CancellingOptions = Pick<RegistryOptions, 'key' | 'submitter' | 'network' | 'log' | 'clock'> & {
  /** False for a node that lives for one command or one job. */
  readonly standsBy: boolean
}

/** The part of a stewardship that a cancellation asks. */
export type CancelledStewardship = Pick<
  CouncilDriver,
  | 'job'
  | 'manifest'
  | 'isSubmitters'
  | 'isReader'
  | 'submitter'
  | 'hasEnded'
  | 'end'
  | 'fellows'
  | 'level'
  | 'handle'
  | 'settled'
>

/** Resolves once the job has ended, as far as this node can see. Throws RequestError where it may not, or cannot, end it. */
export async function cancelJob(
  options: CancellingOptions,
  stewardship: CancelledStewardship,
): Promise<Cancelled> {
  const { job, isSubmitters, isReader, submitter, hasEnded } = stewardship
  if (hasEnded) return { ...endOf(stewardship), hadEnded: true, untold: 0 }
  if (isSubmitters) {
    stewardship.handle({ type: 'cancel' })
    await stewardship.settled()
    if (!options.standsBy) await untilTold(options, stewardship)
  } else if (submitter === options.submitter.peerId) await cancelFromElsewhere(options, stewardship)
  else
    throw new RequestError(
      `this node ${isReader ? 'only reads' : 'stands by for'} job ${job}; only its submitter can cancel it, on the node that it was submitted to or with its key`,
    )
  const untold = options.standsBy ? 0 : stewardship.fellows.length - stewardship.level.length
  return { ...endOf(stewardship), hadEnded: false, untold }
}

function endOf({ job, end }: CancelledStewardship): Pick<Cancelled, 'job' | 'state'> {
  assert(end !== undefined, 'a job that is cancelled has ended')
  return { job, state: end.outcome }
}

async function cancelFromElsewhere(
  options: CancellingOptions,
  stewardship: CancelledStewardship,
): Promise<void> {
  const { key, submitter, clock } = options
  const { job, manifest } = stewardship
  const body = encodeBody(cancellationOf(job, manifest, submitter.peerId))
  const signed = { body, signature: submitter.sign(body) }
  const record = openRecordAs('cancellation', signed, null, sha256, verifyByPeerId)
  stewardship.handle({ type: 'record', from: key.peerId, record })
  const message = { type: 'record', job, record: signed, opening: null } as const
  const sinceMs = clock.monotonicMs()
  for (let toldMs = Number.NEGATIVE_INFINITY; !stewardship.hasEnded; ) {
    const nowMs = clock.monotonicMs()
    if (nowMs - sinceMs > endMsMax)
      throw new RequestError(
        `job ${job} was not seen to end within ${endMsMax / 1_000} s: its ${stewardship.fellows.length} stewards end it as soon as one of them hears of this; to say it again: carpool cancel ${job}`,
      )
    if (nowMs - toldMs >= retellMs) {
      toldMs = nowMs
      for (const peer of stewardship.fellows) void say(options, peer, message)
    }
    await elapsed(clock, lookMs)
  }
  await stewardship.settled()
}

/** Else a node that ends with its command would keep the end to itself, and the others would go on with the job. */
async function untilTold({ clock }: CancellingOptions, stewardship: CancelledStewardship): Promise<void> {
  const { job, fellows } = stewardship
  if (fellows.length === 0) return
  const sinceMs = clock.monotonicMs()
  const waited = () => clock.monotonicMs() - sinceMs
  for (; stewardship.level.length === 0; await elapsed(clock, lookMs))
    if (waited() > toldMsMax)
      throw new RequestError(
        `job ${job} has ended here, and none of its ${fellows.length} other stewards could be told within ${toldMsMax / 1_000} s: they may go on with it until a node runs on this data directory`,
      )
  const toldMs = waited()
  while (stewardship.level.length < stewardship.fellows.length && waited() < toldMs + restToldMsMax)
    await elapsed(clock, lookMs)
}
