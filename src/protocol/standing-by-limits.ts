/**
 * The bounds of looking after strangers' jobs, each with its reason: how many, for how long, and what is remembered of them. Strangers
 * decide how often a node is asked.
 */
import { assert } from '../base/assert.ts'
import { clockSkewMaxMs, shardsMax } from './limits.ts'

/** Jobs of others that a node looks after at once: each costs a message a second to each fellow. A guess. */
export const standingByMax = 64
/** Their shards together, whose lists it has in memory: as many as one job may have, at some 300 bytes each. */
export const standingByShardsMax = 1_000_000
/** … and as many of strangers' jobs that have ended, beside those: one of the largest can be read. */
export const endedShardsMax = 1_000_000
/**
 * A standby to which nothing of a stranger's job has come for so long gives up its place, where it has never held the inputs: its
 * fellows seek another. A laptop may be closed over lunch. A guess.
 */
export const inputsPatienceMs = 3_600_000
/**
 * A stranger's job that has not ended so long after its deadline has no place on a standby any more: a steward that holds it ends it
 * at the deadline, and clocks are minutes off. A guess.
 */
export const deadlineGraceMs = 6 * 3_600_000
/** Jobs of others that have ended and are kept for their readers; beyond, the one that ended first goes. Two a minute for a day, a guess. */
export const endedOfOthersMax = 4_096
/**
 * A node's yes to an invitation counts so long: its submitter finds the other standbys, seals the shards and signs the manifest
 * meanwhile, and may be cut off for a while. A guess.
 */
export const willingTtlMs = 3_600_000
/** Yeses that a node remembers: of one inviter, as many as the jobs that it takes, and of all, some hundred kilobytes. A guess. */
export const willingPerInviterMax = 64
export const willingMax = 4_096

assert(shardsMax <= standingByShardsMax, 'the largest job finds a standby')
assert(shardsMax <= endedShardsMax, 'the largest job can be read after its end')
assert(clockSkewMaxMs < deadlineGraceMs, 'a clock that is off ends no job before its time')
assert(standingByMax <= willingPerInviterMax, 'one submitter may have all places')
/**
 * A job that must outlive the submitter's node waits so long for its first standby: as long as it takes to reach a busy bootstrap
 * node on the third try. A guess.
 */
export const standbyInsistMsMax = 120_000
