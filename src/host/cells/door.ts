/**
 * The door of cells: how many of their messages a node takes from one peer, each kind at a rate of its own (node/door.ts says why). Anybody
 * may send them, and what they cause goes beyond reading them: adverts to check, charters and proofs to send, others to dial.
 */

import type { CellMessage } from '../../protocol/cells/message.ts'
import type { Rate } from '../network/rates.ts'

/** `refused`: bytes that are no message of cells, or records that do not hold. */
export type CellDoorKind = CellMessage['type'] | 'refused'

/** Searches and censuses put some dozens of questions to one peer, and go on with each answer. */
const ofQuestions: Rate = { burst: 256, perSecond: 16 }
/** Once in 15 s at most, or once a minute, and some pages of what has gathered. */
const ofNews: Rate = { burst: 64, perSecond: 1 }
/** One comparison leads to a word for each branch that differs … */
const ofBranches: Rate = { burst: 256, perSecond: 4 }
/** … and two for each leaf. */
const ofLeaves: Rate = { burst: 1_024, perSecond: 32 }

/** Guesses, but for the reasons above. A new kind does not compile before somebody has said how often it may come. */
export const cellMessageRates: Readonly<Record<CellDoorKind, Rate>> = {
  where: ofQuestions,
  there: ofQuestions,
  who: ofQuestions,
  these: ofQuestions,
  report: ofNews,
  news: ofNews,
  'proof-branches': ofNews,
  'proof-leaves': ofBranches,
  proofs: ofLeaves,
  'charter-wanted': ofNews,
  /** A speaker asks for 64 a minute of all others together. */
  'proof-wanted': ofBranches,
  refused: ofNews,
}
