/**
 * The bounds of cells, each with its reason: when a cell splits and merges, who speaks for it, how much is said and kept. Times in
 * milliseconds. The relations that cells rely on are asserted at the end.
 */
import { assert } from '../base/assert.ts'
import { advertIntervalMs, advertTtlMs } from './limits.ts'
import { messageBytesMax } from './sizes.ts'

/** A cell that has more members for so long splits: each advert costs each member 4 to 6 ms, so that 256 take 2 % of a core … */
export const splitAbove = 256
/** … and it merges with its sibling when both together have fewer: the half of a split cell is far above the half of that. */
export const mergeBelow = 96
/** So long must a cell be too large, or too small: all vehicles of a street may leave within minutes, and others come. A guess. */
export const resizeAfterMs = 900_000
/** A node that moved listens and speaks in its old cell for so long: two lives of an advert, so that nobody misses it. */
const bothCellsMs = 360_000
/** A node that has heard nobody in its cell for so long looks for others, and goes up a level. */
const lonelyMs = advertTtlMs
/** 2^24 cells of 128 are two thousand million vehicles. */
export const cellDepthMax = 24

/** Bits of the prefix by which a region divides: 64 cells, or 64 smaller regions. */
export const regionBits = 6
/** Nodes that speak for a cell or a region, of distinct owners: the middle one of three is honest where two of them are. */
export const speakersMax = 3
/** Speakers are others after this long, so that nobody speaks for long, and a silent one is got rid of. */
export const speakersForMs = 3_600_000
/** A digest is repeated this often … */
export const digestIntervalMs = 300_000
/** … and said at once when members or free slots differ by this share from the last, in parts per hundred, … */
export const digestChangePercent = 25
/** … but not more often than this. */
export const digestSpacingMs = 15_000
/** Three lost digests in a row make a cell unknown. */
export const digestTtlMs = 3 * digestIntervalMs
/** Engines that a digest names: those with the most slots, as far as they fit. */
export const digestEnginesMax = 8

/** Nodes of its own cell whose addresses a node keeps on its disk … */
export const ownContactsMax = 16
/** … and of each other half on the way to the root: a search gains a bit or more with each answer. */
export const farContactsMax = 2
/** Contacts that an answer names. */
export const answerContactsMax = 8
/** Questions of a search under way, and in all: a search of a tree of 24 levels takes 24 answers at most. */
export const searchWidth = 3
export const searchQuestionsMax = 48
/** A question that is not answered by then is put to another node. */
export const questionTtlMs = 5_000

/** Adverts that one answer carries, at 1.7 KB each; the asker asks on. */
export const answerAdvertsMax = 64

/** Candidates that a census is made to find, or up to twice as many: a draw among 200 is as good as one among a million. A guess. */
export const censusWanted = 150
/** Candidates of one census: its record and its block of adverts hold so many. Of more, those at the beginning of the arc are listed. */
export const censusMax = 400
/** Members of distinct owners that are asked in each cell that a census touches … */
export const censusVoices = 3
/** … and once more so many where the first answers have a gap, or are few. */
export const censusRounds = 2
/** Honest gaps are as long as 12 mean distances in one of 160,000 cases; among 200 candidates in one of 800 censuses. */
export const gapDistancesMax = 12
/** An answer with fewer than one in so many of the members that digests speak of is doubted. */
export const censusShareMin = 2
/** A census that is not done by then ends with what it has. */
export const censusTtlMs = 60_000

/** Proofs of lies that a node knows by owner and name, 200 bytes each. */
export const proofsMax = 16_384
/** Proofs that one message lists. */
export const listedProofsMax = 256
/** Proofs that a speaker fetches and checks in a minute before it tells others of them, 5 ms each; and those of them that one peer named. Guesses. */
export const [proofsPerMinuteMax, proofsOfOneMax] = [256, 32]

/** The limits that follow from how many nodes there are, and how fast they come and go: a test lowers them, so that few nodes are several cells. */
export interface CellLimits {
  readonly splitAbove: number
  readonly mergeBelow: number
  readonly resizeAfterMs: number
  readonly bothCellsMs: number
  /** A node that has come to a cell listens for so long before it speaks for it: everybody says its advert within an interval; some are late. */
  readonly listenMs: number
  readonly lonelyMs: number
}

export const defaultCellLimits: CellLimits = {
  ...{ splitAbove, mergeBelow, resizeAfterMs, bothCellsMs, lonelyMs },
  listenMs: 1.5 * advertIntervalMs,
}

assert(
  2 * mergeBelow < splitAbove,
  'a cell that has just merged is far from splitting, and one that has split from merging',
)
assert(bothCellsMs > 2 * advertTtlMs - advertIntervalMs, 'who moves is heard in both cells')
assert(
  bothCellsMs + advertTtlMs < resizeAfterMs,
  'whoever went elsewhere is forgotten before a cell splits or merges again',
)
assert(answerAdvertsMax * 4096 > messageBytesMax, 'an answer is bounded by its bytes as well')
