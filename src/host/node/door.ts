/**
 * The door: how many messages of each kind a node takes from one peer. A peer has its share of the processor (network/fair-share.ts), but what
 * a message causes is not all done while it is read: it may dial, fetch, write to the disk, or wake a job. So each kind has a rate of its own,
 * well above what honest peers send, and beyond it the rest of what the peer says waits unread. The table lists every kind by name: a new
 * one does not compile before somebody has said how often it may come.
 */
import type { Message } from '../../protocol/message.ts'
import type { Rate } from '../network/rates.ts'

/** `refused`: bytes that are no message, or records that do not hold; each is a line of the log. */
export type DoorKind = Message['type'] | 'refused'

/** Answers for leases, and what is said of them: a large vehicle has a thousand leases under way. */
const ofLeases: Rate = { burst: 4_096, perSecond: 256 }
/** Records and their comparison: two stewards that were apart tell each other tens of thousands. */
const ofRecords: Rate = { burst: 65_536, perSecond: 4_096 }
/** Once a second, for each job that two stewards share, at most a hundred or so. */
const ofBeats: Rate = { burst: 1_024, perSecond: 256 }
/** Words about a whole job: a gateway may submit hundreds of jobs at once. */
const ofJobs: Rate = { burst: 512, perSecond: 16 }
/** Words about a member: some times a day, and once more at each connection. */
const ofMembers: Rate = { burst: 64, perSecond: 1 }

/** Guesses, but for the reasons above. */
export const messageRates: Readonly<Record<DoorKind, Rate>> = {
  offer: ofLeases,
  accept: ofLeases,
  decline: ofLeases,
  progress: ofLeases,
  receipt: ofLeases,
  acknowledge: ofLeases,
  withdraw: ofLeases,
  /** A steward whose job is over answers each word about its leases with it. */
  ended: ofLeases,
  record: ofRecords,
  ids: ofRecords,
  want: ofRecords,
  branches: ofBeats,
  leaves: ofRecords,
  beat: ofBeats,
  adopt: ofJobs,
  invite: ofJobs,
  willing: ofJobs,
  unwilling: ofJobs,
  entrust: ofJobs,
  statement: ofJobs,
  account: ofJobs,
  accounted: ofJobs,
  /** Each is answered with all jobs of a key. */
  find: ofMembers,
  charter: ofMembers,
  advert: ofMembers,
  credential: ofMembers,
  /** A newcomer is told some hundreds. */
  evidence: ofJobs,
  refused: ofMembers,
}
