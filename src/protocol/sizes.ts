/**
 * The sizes of what is said and kept, each with its reason: records, openings, evidence, messages, reports. In bytes. At the
 * end it is asserted that each fits in what carries it, so a change that breaks one does not start.
 */
import { assert } from '../base/assert.ts'
import {
  blockBytesMax,
  handoverRecordsMax,
  leaseShardsMax,
  resultBytesMax,
  shardPagesMax,
  statementClaimsMax,
  stewardsMax,
  syncIdsMax,
  wrappedKeyBytes,
} from './limits.ts'

/** Addresses that an advert names: of each kind that a machine may have, public and private, one of IPv4 and one of IPv6. */
export const advertAddressesMax = 4
/** Candidates that one record names: a longer list is a record and its changes, of which a turn signs one. */
export const drawListedMax = 512
/** Engines for which an advert calls vehicles: a node has one or two of each runtime. */
export const advertCallsMax = 4

/** An entry of a list of documents: a name of 4,096 characters, of up to three bytes each, a CID and three numbers. */
export const documentEntryBytesMax = 13 * 2 ** 10

/**
 * The longest body of each kind of record: the most that honest programs put into it, and some air for a later
 * version's additions. test/protocol/limits.test.ts builds the fullest of each. A longer one is refused before a byte
 * of it is looked at.
 */
export const recordBytesMax = {
  /** A certificate of an owner is a peer id. */
  owner: 1024,
  /** 512 revocations and 64 cleared owners of 90 bytes each, and the rest. */
  charter: 60 * 1024,
  credential: 1024,
  /** With certificate, credential, four addresses and four engines an advert takes about 1,600 bytes. */
  advert: 4096,
  /** 64 candidates of a blind job take 8 KiB, 8 stewards and 512 owners 2 KiB each; options and weights share the rest. */
  manifest: 16 * 1024,
  /** 512 candidates, 133 bytes each, and what they change. */
  draw: 80 * 1024,
  /** 64 shards of 80 bytes, and a bit for each candidate. */
  lease: 16 * 1024,
  receipt: 16 * 1024,
  /** 64 shards that each settle 8 verdicts, and 128 receipts, take 57 KiB; those of other programs may name more. */
  verdict: 128 * 1024,
  end: 1024,
  /** 128 verdicts of 61 bytes. */
  holding: 16 * 1024,
  /** A consent, and a place of three names beside it. */
  handover: 3072,
  consent: 1024,
  /** 1,000 receipts of 61 bytes with their positions. */
  window: 80_000,
  /** A digest of a cell: hundreds of speakers' are heard in an hour. Engines that do not fit are not named. */
  digest: 500,
  access: 1024,
  cancellation: 1024,
  statement: 2048,
  /** 64 leases that are written off, with 64 places each, and the units that stay owed of each. */
  allowance: 40 * 1024,
} as const
/** The bytes of a record in memory beside the names that it lists, and of each name: both measured (2,200 and 117). */
export const recordBytesLeast = 2304
export const recordEntryBytes = 120
/**
 * Bytes that the records of one standby may take for one job, by an estimate (state/signer-bounds.ts): some three
 * thousand leases that were declined …
 */
export const signerBytesMax = 16 * 2 ** 20
/**
 * … and for each shard of the list that is here this much for each of its replicas, and once more for its verdict: a lease and a receipt of
 * one shard take 5,000 bytes, and some are repeated.
 */
export const shardRecordBytesMax = 8192
/** Lists from abroad of one steward that are looked at: an honest one draws another when the vehicles of the last are busy. A guess. */
export const signerListsAbroadMax = 128
/** The submitter's node may sign so much more: it is its job, and it may have to do it alone. */
export const submitterBoundFactor = 8
/**
 * A taker has this many times the part of the bound that it has of the share of handovers, and no less than the other. So the
 * first taker of a steward may sign as much as that one: it may have to do the job alone, too. Guesses.
 */
export const takerShareFactor = 3
export const takerShareLeast = 1 / 8
/** Shards in a row whose owners a standby asks in one order (job/order.ts): a lease of one cell takes a few. A guess. */
export const orderedShards = 16
/** Owners on the list of a manifest: 2 KiB. */
export const orderedOwnersMax = 512
/** Later than this in an order nobody is asked: a byte holds it, and so late it takes dozens of voices. */
export const ordinalsMax = 255
/** Hides what a receipt commits to: a hash of 32 bytes is enough for every program. */
export const nonceBytesMax = 64
/** The opening that shows a receipt's results: 64 of 61 bytes, and a nonce. */
export const openingBytesMax = 8 * 1024
/** Two receipts with their openings, their lease, the job's manifest and handovers, and the owner's certificate. */
export const evidenceBytesMax = 154 * 1024
/** The longest record with an opening; also an offer with the longest manifest, lease and path of handovers. */
export const messageBytesMax = 160 * 1024
/** The most that a document's program may write as its output. A document that writes more has an error of its own. */
const documentOutputBytesMax = 16 * 2 ** 20
/**
 * The record of one page: such an output as JSON that escapes every second byte, or in base64, and its text beside it. A page
 * whose record is longer has an error of its own.
 */
export const pageRecordBytesMax = 3 * documentOutputBytesMax + 4096
/** A part of a result: one such record, or several short ones, and what a list and sealing add. */
export const partBytesMax = pageRecordBytesMax + 64
/** The part that is kept of a module's stderr for a page: its end. */
export const logCharsMax = 4096
/** Logs of pages that come with one receipt, and their bytes together; the rest of them stays where it was written. Guesses. */
export const receiptLogPagesMax = 512
export const receiptLogBytesMax = 64 * 1024
/** Payments that one message about a statement names, the newest first, and those that a payee calls missing: a payee is paid a few times a month. A guess. */
export const statementPaymentsMax = 24
/** An end-to-end id of a bank (ISO 20022, Max35Text), and the reference beside it (Max140Text). */
export const settlementCharsMax = 35
export const paymentReferenceCharsMax = 140
/** A million results make a node of 41 MB, which a CAR file takes; the blocks that vehicles exchange are smaller. */
export const reportBytesMax = 64 * 2 ** 20

// Sizes in dag-cbor: a text or an integer of the protocol with its head, and what stands around a body, or around it all.
const [cidBytes, naturalBytes, peerBytes] = [61, 9, 66]
const [envelopeBytes, fieldsBytes] = [96, 256]
const carried = (kind: keyof typeof recordBytesMax) => recordBytesMax[kind] + envelopeBytes
/**
 * Stewards that a vehicle believes to look after a job, besides the signers of its leases: all of a manifest, and as many takers of
 * lost places. Each of them costs a message for each receipt, and 60 bytes for each that it has not acknowledged.
 */
export const adoptersMax = 16

assert(
  leaseShardsMax * cidBytes + nonceBytesMax + fieldsBytes <= openingBytesMax,
  "a full lease's results fit an opening",
)
/** The longest record that fits a message with its opening (records.ts). */
export const carriedBytesMax = messageBytesMax - envelopeBytes - openingBytesMax - fieldsBytes
assert(
  carried('manifest') +
    handoverRecordsMax * carried('handover') +
    carried('lease') +
    2 * (carried('receipt') + openingBytesMax) +
    carried('owner') +
    fieldsBytes <=
    evidenceBytesMax,
  'two full receipts and all that they rest on fit the evidence',
)
assert(
  carried('receipt') + openingBytesMax + receiptLogBytesMax + fieldsBytes <= messageBytesMax,
  'a receipt and its log fit a message',
)
assert(evidenceBytesMax + fieldsBytes <= messageBytesMax, 'evidence fits a message')
assert(
  carried('manifest') +
    handoverRecordsMax * carried('handover') +
    carried('lease') +
    leaseShardsMax * (wrappedKeyBytes + 2) +
    fieldsBytes <=
    messageBytesMax,
  'an offer with the longest path of handovers fits a message',
)
assert(
  carried('statement') +
    statementClaimsMax * (cidBytes + 3 * naturalBytes + 4) +
    // A character takes up to three bytes, and the names of the fields 50.
    statementPaymentsMax * (3 * (settlementCharsMax + paymentReferenceCharsMax) + 2 * naturalBytes + 50) +
    fieldsBytes <=
    messageBytesMax,
  'a statement, its claims and its payments fit a message',
)
assert(adoptersMax > stewardsMax, 'all stewards of a manifest may look after a job, and takers besides')
assert(syncIdsMax * peerBytes + fieldsBytes <= messageBytesMax, 'the ids of a leaf fit a message')
assert(
  shardPagesMax * (Math.ceil(partBytesMax / blockBytesMax) * (cidBytes + 4) + 64) + 4096 <= resultBytesMax,
  'the root of the longest result fits a block',
)
assert(resultBytesMax + 64 <= blockBytesMax, 'a part of several pages, sealed, is one block')
