/**
 * The ways in which a lying steward lies: all that the wire allows a steward of a job.
 *
 * A way that is told at a moment signs records or says messages. A way that lasts is a mood: until it passes, the liar
 * leaves out or changes what its honest part would have said. A campaign counts both, since a way that never occurs
 * shows nothing.
 */

export const toldWays = [
  // Verdicts on shards that no honest steward would accept so.
  'verdict-without-receipts',
  'verdict-of-accomplices',
  'verdict-leaving-out-contradictions',
  'verdict-misquoting-receipts',
  'verdict-against-honest-owners',
  'verdict-recomputed-wrongly',
  'verdict-failed-for-nothing',
  'verdict-settling-honest-ones',
  'verdict-after-the-end',
  // Ends of jobs that go on.
  'end-complete',
  'end-failed',
  'end-cancelled',
  // Leases, and the draws that they name; each with receipts that its accomplice signs for nothing.
  'lease-above-the-cap',
  'lease-beyond-units',
  'lease-beyond-allowance',
  'lease-beyond-the-shard-list',
  'lease-undrawn',
  'lease-of-another-owner',
  'lease-for-honest-work',
  'draw-among-accomplices',
  'draw-picked',
  'draw-of-a-wrong-root',
  'draw-from-a-missing-list',
  'draw-from-an-impossible-change',
  'draw-used-twice',
  'draw-narrowed',
  // Windows and who is a steward.
  'window-of-lies',
  'handover-to-honest-node',
  'handover-to-accomplice',
  'handovers-in-numbers',
  // What is on disks, and money between stewards.
  'holding-of-everything',
  'holding-of-nothing',
  'gift-without-money',
  'write-off-of-others',
  // Records against each other, and as many as get in.
  'contradictory-records',
  'flood',
  // Messages that no record stands behind.
  'says-ended',
  'withdraws-leases',
  'adopts-vehicles',
  'compares-without-end',
  'statement-of-lies',
] as const

export const moodWays = [
  'silent',
  'idle',
  'beats-with-wrong-roots',
  'beats-as-if-acting',
  'beats-as-if-not-acting',
  'withholds-records-from-some',
  'tells-late',
  'withholds-receipts',
  'withholds-results',
  'recomputes-wrongly',
  // Its honest part leases, and knows of nobody else, or takes all others for busy.
  'lists-accomplices-alone',
  'calls-others-busy',
] as const

/** Beside the liar: what its accomplices deliver, and how it hands its own records out. */
const otherWays = [
  'forged-result',
  'told-to-some',
  'told-later',
  // Records before those that they rest on, and once more later.
  'told-backwards',
  'told-again',
] as const

export type ToldWay = (typeof toldWays)[number]
export type Mood = (typeof moodWays)[number]
export type Way = ToldWay | Mood | (typeof otherWays)[number]

export const ways: readonly Way[] = [...toldWays, ...moodWays, ...otherWays]

/** How often each way was taken. */
export type Lies = Map<Way, number>

export function count(lies: Lies, way: Way): void {
  lies.set(way, (lies.get(way) ?? 0) + 1)
}
