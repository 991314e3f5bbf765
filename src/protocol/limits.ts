/**
 * Every bound of the protocol, with its reason. Times in milliseconds, sizes in bytes.
 * The relations that the rest relies on are asserted at the end, so a change that breaks one does not start.
 */
import { assert } from '../base/assert.ts'

/** Structures are at most manifest → list → entry → error deep; anything deeper is an attack on the decoder. */
export const decodeDepthMax = 16
/** Owners that a charter clears of what is older than its word: those of one such time. 64 take 6 KB. */
export const clearedOwnersMax = 64
/** The bytes that one peer sends in one piece: measured best at 1 MiB with two in flight (notes on libp2p). */
export const blockBytesMax = 2 ** 20
/** Reasons why a vehicle does not work that an advert names, the strictest first: more change nothing for others. */
export const advertReasonsMax = 8

/** Adverts are repeated this often with ±10 % jitter; each costs every node of the cell 3 to 6 ms of CPU. */
export const advertIntervalMs = 60_000
/** Three lost adverts in a row make a vehicle unknown. */
export const advertTtlMs = 180_000
/** An owner that one steward has known for so long is on the roster of every other: one advert may be lost on its way. */
export const rosterLagMs = 2 * advertIntervalMs
/** The share of known owners that the candidates of a draw may lack, in parts per million, since rosters differ. A guess. */
export const shutOutPpmMax = 200_000
/** Changes of capacity are told at once, but not more often than this (a guess: a bundle of work takes seconds). */
export const advertSpacingMs = 1_000
/** Clocks of vehicles are set from GNSS or the network; five minutes off is broken or lying. */
export const clockSkewMaxMs = 300_000

/** Vehicles that a node knows, at 2 to 3 KB each: all of a large mesh. A flood displaces nobody honest. */
export const rosterEntriesMax = 20_000
/** Vehicles that one job draws from at a time: a draw hashes each owner that is free. Where more are known, owners are selected by lot … */
export const drawCandidatesMax = 4_096
/** … with so many vehicles each, so that there are 256 owners at least. A guess. */
export const drawOwnerVehiclesMax = 16

/** A credential that is not renewed ends after a day; a vehicle that drives through the weekend asks again. A guess. */
export const credentialTtlMs = 24 * 3_600_000
/** Revoked peers and owners that a charter names: those of one credential's life. 512 take 50 KB. */
export const revocationsMax = 512
/** Changes of a fleet's key that a newcomer follows from the first: with one a year, a vehicle's life. */
export const fleetKeyChangesMax = 32
/** Vehicles that wait for an operator's word: more than a person can look at, and one that comes takes a place. */
export const pendingMembersMax = 4_096
/** … from one host: a depot behind one address. A guess. */
export const pendingMembersPerHostMax = 256
/** A vehicle that waits asks again at least every minute; one that has not asked for so long has gone. A guess. */
export const pendingTtlMs = 24 * 3_600_000

/** An answer to an offer takes one round trip and one journal write; a vehicle that sleeps longer is not there. */
export const offerTtlMs = 5_000
/** A lease is lost when nobody hears of it for this long: BOINC and Bacalhau wait 60 s, a page takes 2 to 15. */
export const leaseTtlMs = 30_000
/** How often a vehicle tells of a running lease; three can be lost before the lease is. */
export const progressIntervalMs = 5_000
/** A dropped connection is often redialled in a second or two; then its leases go on as if nothing had happened. */
export const reconnectGraceMs = 3_000
/** A partial receipt at least this often, so that a kill -9 costs seconds of work, at one signature each. */
export const receiptIntervalMs = 10_000

/** Work in one lease: short against a parking window, long against a round trip and a signature. */
export const leaseCostMsTarget = 8_000
/** A lease names at most this many shards: its receipt's opening stays below 8 KiB. */
export const leaseShardsMax = 64
/** Leases that a steward gives out in one turn, so that it is back at its messages soon; the others follow in its next. */
export const turnLeasesMax = 32
/** … and it draws no further lease once so many vehicles were in its draws: each takes a hash, of a microsecond or two. */
export const turnLotsMax = 3_072
/** Leases under way for each slot: one executes while the next one's blocks arrive. */
export const leasesPerSlot = 2
/** A draw is among one in so many awaited owners at least, so that one that always has room gets at most so many times its share. */
export const drawnAmong = 2
/** An owner that is full is awaited so long at least, and while it failed at most so often in a row: a lease takes seconds. Guesses. */
export const awaitedMsMin = 60_000
export const awaitedSetbacksMax = 2
/** Leases that one vehicle keeps queued for all its stewards together, for each slot. */
export const queuedLeasesPerSlotMax = 8

/** A shard is a page of a scan, or many small documents: at most this much reference CPU time … */
export const shardCostMsTarget = 2_000
/** … this many pages … */
export const shardPagesMax = 256
/** … and this many bytes of documents, and of results, so that a vehicle on a slow link has them there in seconds. */
export const shardBytesTarget = 4 * 2 ** 20
/** A job of a million shards keeps its list of shards, which a steward has in memory, within 128 MiB. */
export const shardsMax = 1_000_000
/** … whose entry of the list is at most this long: a CID, three numbers, its units of work, and their names. */
export const shardEntryBytesMax = 134
export const shardListBytesMax = 128 * 2 ** 20
/** Documents of one job: their list must fit in memory wherever results are read. */
export const documentsMax = 1_000_000
/** A million documents with names of 150 bytes; only who reads the results has it in memory. */
export const documentListBytesMax = 256 * 2 ** 20

/**
 * A document as it is stored. An uncompressed page of A4 at 600 dpi in colour has 100 MiB; a node holds one that large
 * at a time (documentsInMemoryMax).
 */
export const documentBytesMax = 128 * 2 ** 20
/** The documents of one shard, each counted once: splitting joins none of this size with another. */
export const shardDocumentBytesMax = 128 * 2 ** 20
/** A shard's own block: 256 pages of 126 bytes take half of it, and their units of work a tenth. */
export const shardBlockBytesMax = 64 * 2 ** 10
/** Files of weights in a job: OCR has three. A guess. */
export const weightFilesMax = 16
/**
 * The weights of a job, all files together: sixteen of 4 GiB, as large models are split. A process maps them, and a runtime that
 * holds them in memory takes less. OCR has 16 MiB. The room on its disk is each node's own question (host/store/disk-reserve.ts).
 */
export const weightsBytesMax = 64 * 2 ** 30

/** Vehicles that a blind job's submitter wraps keys for: its manifest names them all, and stays within 16 KiB. */
export const blindCandidatesMax = 64
/** Keys of shards that it wraps for all of them together: 40 MiB, which a steward has in memory. */
export const blindKeysMax = 2 ** 20
/** A key under AES key wrap (RFC 3394): 32 bytes and 8 that tell whether it is the right one. */
export const wrappedKeyBytes = 40

/** A thousand of any currency for one unit of work: far above all prices, so that no lease's amount leaves 2^53. */
export const unitMicrosMax = 1_000_000_000
/** 128 MiB of documents, or 131,072 pages or tokens: far above what a shard holds. A price is for at most so many: others price a million. */
export const [shardUnitsMax, pricedUnitsMax] = [2 ** 17, 1_000_000]
/** A vehicle that is done with a lease, or silent, has this long to show what it finished before it is written off. */
export const writeOffMs = 30_000
/** A shard that the budget has no room for waits this long after the last change: a guess, in leases. */
export const budgetWaitMs = 2 * leaseTtlMs
/** Leases that one record writes off. */
export const writtenOffMax = 64
/** Stewards that one record gives money to: all fellows of a job. */
export const givenMax = 8

/** A result must fit in one block with room for its envelope. */
export const resultBytesMax = blockBytesMax - 4096

/** Claims of one owner in one window: its record stays below 80 KB. More would hold results back for longer. */
export const windowShardsMax = 1_000
/** A window closes when its owner has been idle for this long, though others are at work: a guess. */
export const windowIdleMs = 30_000
/** The lowest audit rate under any bound: nobody's work is ever unchecked. A guess. */
export const checkShareMin = 0.01
/** Windows close this long before the deadline, so that their checks can still be made: a guess, in leases. */
export const windowMarginMs = 4 * leaseTtlMs

/** After this many executions that came to nothing, the steward gives a shard up: a guess. */
export const lostReplicasMax = 12

/** A straggler gets a second copy when it takes this much longer than its lease's expected time (LATE, OSDI'08). */
export const speculationFactor = 1.5
/** A fresh steward hears of the owners around it within seconds; only then does it complain of too few. */
export const shortageGraceMs = 10_000
/** Below this, waiting is cheaper than a copy. */
export const speculationMinMs = 5_000
/** A claimed result that takes longer to come is asked for elsewhere, too: the longest page at 6 Mbit/s. A guess. */
export const deliveryMsMin = 60_000
/** A vehicle that failed a steward is left alone this long, twice as long each time after that … (a guess) */
export const setbackMsMin = 1_000
/** … up to this, so that a day of refusals is 1,440 leases in the journal and not 86,400. */
export const setbackMsMax = 60_000

/** Stewards that a manifest names: a submitter and its standbys; more copies of a job than this protect nobody. */
export const stewardsMax = 8
/** Room that a job must find on a standby beside its documents, for shards, weights and results: a guess. */
export const standbyRoomFactor = 2
/** A submitter's permission to read its jobs is used at once; a clock may be a few minutes off. */
export const accessTtlMs = 600_000
/** Standbys that a submitter looks for, unless told otherwise: with three stewards a job survives any two (DESIGN). */
export const standbysDefault = 2
/**
 * Handovers that may follow from one steward of the manifest, those of its takers included: ten that it signs itself,
 * and fewer that each taker signs. A steward that lies makes at most so many others that may sign records. A guess.
 */
export const handoverShare = 64
/** … so that at most so many lie between the manifest and any steward. */
export const handoversMax = 4
/** Handovers that an entrusting carries: those by which its sender and its receiver are stewards. */
export const handoverRecordsMax = 2 * handoversMax

/** A steward that acts and reaches too few vehicles leaves its turn after this long: lost connections come back sooner. A guess. */
export const reachPatienceMs = 30_000
/** … and so soon where others cannot dial it, and can dial that one: dials that are under way come to an end. A guess. */
export const outboundPatienceMs = 3_000
/** Each steward tells the others of a job that it lives, and what it holds, this often. */
export const beatIntervalMs = 1_000
/** Leases that a steward made while it was apart have come so long after both hear each other again. A guess. */
export const outOfTurnMs = 20_000
/** A steward is silent when nobody hears of it for this long: at 20 % loss, ten beats in a row in 1e7 intervals. */
export const stewardLeaseMs = 10_000
/** The stewards that live take over in their order, each this long after the one before it. */
export const successionStepMs = 2_000
/**
 * A steward that acts, while work waits that somebody could do, and gives out and decides nothing for this long, loses its
 * turn: it looks once a second, so that two minutes are patience enough for a busy machine. A guess.
 */
export const stewardIdleMs = 120_000
/** … or one to whom nothing has come back for this long, and for as long as so many of the largest shards take. Guesses. */
export const stewardFruitlessMs = 600_000
export const fruitlessShardsMax = 8
/**
 * A job that is decided waits so long for its results to be with another steward that lives, and then ends all the same: a
 * steward that takes none of them holds nobody up for longer. Most results were copied while the job ran. A guess.
 */
export const endPatienceMs = 300_000
/** A steward that acts ends a cancelled job in a round trip. After this long one that stands by does it instead. A guess. */
export const cancelPatienceMs = 15_000
/** A steward that is silent this long is replaced: a restart takes seconds, and a tunnel minutes. A guess. */
export const stewardLostMs = 60_000
/** Willing standbys answer in one round trip; one that does not is not asked again for this job for a while. */
export const inviteTtlMs = 3_000
/**
 * A person who submits a job waits at most so long for standbys to answer: four rounds in which somebody is silent, and any number
 * in which all answer at once. Where two of five nodes are silent, four rounds leave one place of forty empty. A guess.
 */
export const standbySearchMsMax = 15_000
/**
 * A standby that declined, or did not answer, is asked again after this long: its disk may have been emptied, or its
 * node restarted. A guess.
 */
export const inviteAgainMs = 1_800_000
/** Verdicts that stewards made apart are settled when all that they rest on was looked at, or after this long. */
export const settleWaitMs = 30_000
/** Ids that one message between stewards carries, at most 64 characters each. */
export const syncIdsMax = 512
/** Differences between two stewards' records are sought at most this often: each search costs two round trips. */
export const syncIntervalMs = 2_000

/** Voices that one shard may need, as replicas or as a lead. A mesh where it takes more is not worth asking. */
export const voicesMax = 64
/** Different results of one shard among which agreement is sought, each with each: 28 comparisons at most; the rest is against all of them. */
export const comparedResultsMax = 8
/** An edit costs a pass over the page: with a page's 64 Ki characters, 200 passes take a tenth of a second. */
export const toleratedEditsMax = 100
export const comparedTextMax = 65_536
/** Outputs that nest deeper are none: neither comparing them nor writing them out may end the stack. A guess. */
export const outputDepthMax = 64
/** Receipts that a shard's verdict names on either side, and a record of many shards together on both. */
export const verdictReceiptsMax = 64
/** Verdicts of one steward on one shard that wait for their proof: an honest one gives one, and one more for each that it settles. A guess. */
export const waitingVerdictsMax = 8
/** A taker waits so long for the results on which others' verdicts rest: a guess, longer than a fetch takes. */
export const proofWaitMs = 10_000
/** … and asks again for those that did not come, ever more seldom, and at last at every so many looks: twice a minute. A guess. */
export const proofRetryLooks = 30
/** Verdicts made apart that one shard's verdict settles: more stewards than that never act at once. */
export const settledVerdictsMax = 8
/** Verdicts that one holding names: more go into the next one. */
export const holdingVerdictsMax = 128

/** Receipts that a vehicle knows by name, 300 bytes each, and repeats until stewards answer; beyond, the oldest go. */
export const rememberedReceiptsMax = 4_096
/** Acknowledged receipts of one job that a steward who adopts it is shown; its predecessors share older ones. */
export const shownReceiptsMax = 256
/** Leases of one job that a vehicle knows by name to be over; older ones by their serial, which rises. A guess. */
export const overLeasesMax = 256
/** Jobs whose stewards a vehicle remembers in order to believe them that the job is over. */
export const rememberedJobsMax = 1_024

/** Claims that one message about a statement lists, at some 90 bytes each. */
export const statementClaimsMax = 500
/** While a job runs, a vehicle is told at most this often what has been decided about its work: a guess. */
export const statementIntervalMs = 60_000
/** A statement that its vehicle has not answered is said again after this long, twice as long each time … a guess */
export const statementRepeatMsMin = 10_000
/** … up to this; so does a vehicle ask that has heard nothing. A parked car that slept is told within the hour. */
export const statementRepeatMsMax = 3_600_000

/** A node keeps a finished job this long, unless it is told to forget it sooner: OpenAI's batch files live as long. */
export const jobRetentionMs = 30 * 24 * 3_600_000
/** A job whose submitter names no deadline: the window that buyers of batch APIs know. */
export const jobDeadlineDefaultMs = 24 * 3_600_000
/**
 * The longest that a job may run. Vehicles and standbys keep its blocks as long as it may run and then for the time above, so
 * that this bounds how long a stranger occupies their disks. A guess.
 */
export const jobDeadlineMsMax = 30 * 24 * 3_600_000
/**
 * Jobs that began longer ago convince nobody of a lie: as long as the longest job runs, and is kept. Without an end,
 * whoever buys a car could accuse its first owner of what the car did in its youth. Credentials are kept for as long.
 */
export const evidenceAgeMsMax = jobDeadlineMsMax + jobRetentionMs

assert(progressIntervalMs * 3 < leaseTtlMs, 'three progress messages may be lost before a lease is')
assert(advertIntervalMs * 2 < advertTtlMs, 'two adverts may be lost before a vehicle is')
assert(receiptIntervalMs < leaseTtlMs, 'a receipt renews its lease')
assert(reconnectGraceMs < leaseTtlMs, 'a lost connection is noticed before a lost lease')
assert(beatIntervalMs * 5 < stewardLeaseMs, 'five beats may be lost before a steward is')
assert(stewardLeaseMs < stewardLostMs, 'a steward is succeeded before it is replaced')
assert(
  unitMicrosMax * shardUnitsMax * leaseShardsMax <= Number.MAX_SAFE_INTEGER,
  'what a lease costs is a whole number',
)
assert(pendingMembersPerHostMax < pendingMembersMax, 'one host leaves others a place to wait in')
assert(shardPagesMax <= shardUnitsMax, 'every page is a unit')
assert(resultBytesMax < blockBytesMax, 'a result fits in a block')
assert(voicesMax <= verdictReceiptsMax, 'a verdict names every voice that its shard needed')
assert(2 * inviteTtlMs < standbySearchMsMax, 'the next of the draw is asked in place of one that is silent')
assert(givenMax >= stewardsMax - 1, 'a steward can give to all its fellows at once')
assert(documentBytesMax <= shardDocumentBytesMax, 'the largest document makes a shard')
assert(shardBytesTarget <= shardDocumentBytesMax, 'the documents of a shard that splitting fills are taken')
assert(jobDeadlineDefaultMs <= jobDeadlineMsMax, 'a job without a deadline of its own is taken')
assert(shardsMax * shardEntryBytesMax <= shardListBytesMax, 'the longest list of shards is read')
assert(clockSkewMaxMs < accessTtlMs, 'a permission to read outlives the difference of two clocks')
