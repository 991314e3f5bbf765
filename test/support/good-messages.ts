/** A good message of each type, for the tests that bend bytes. A type that has none here does not compile. */

import type { Message } from '../../src/protocol/message.ts'
import { trieFanout } from '../../src/protocol/record/record-trie.ts'
import { cidNamed } from './core-fakes.ts'
import { bytes32, goodRecords, opening, place } from './good-records.ts'

const { manifest, handover, lease, receipt, owner: certificate } = goodRecords
const job = cidNamed('job') as never
const leaseId = cidNamed('lease') as never
const nonce = new Uint8Array(16)
const hashes = Array.from({ length: trieFanout }, () => bytes32)

const byType: { readonly [Type in Message['type']]: Extract<Message, { readonly type: Type }> } = {
  offer: { type: 'offer', manifest, handovers: [], lease, keys: [bytes32] },
  adopt: { type: 'adopt', manifest, handovers: [handover] },
  accept: { type: 'accept', job, lease: leaseId },
  decline: { type: 'decline', job, lease: leaseId, reason: 'busy', retryMs: 2_000 },
  progress: { type: 'progress', job, lease: leaseId, done: 3, weights: { bytes: 5, of: 9, peers: 2 } },
  receipt: {
    type: 'receipt',
    record: receipt,
    opening,
    released: 'stopped',
    logs: [{ place: 0, page: 1, text: 'warning' }],
  },
  acknowledge: { type: 'acknowledge', receipt: cidNamed('R1') as never },
  withdraw: { type: 'withdraw', lease: leaseId },
  ended: { type: 'ended', job, end: goodRecords.end, cancellation: goodRecords.cancellation },
  invite: { type: 'invite', nonce, bytes: 2 ** 20, place },
  willing: { type: 'willing', nonce, consent: goodRecords.consent },
  unwilling: { type: 'unwilling', nonce, reason: 'not-lost' },
  entrust: { type: 'entrust', manifest, handovers: [handover], secret: bytes32, drawSecret: bytes32 },
  record: { type: 'record', job, record: lease, opening: null },
  beat: { type: 'beat', job, acting: true, root: bytes32, asks: false, count: 1, heard: 2 },
  branches: { type: 'branches', job, hashes },
  leaves: { type: 'leaves', job, branch: 3, hashes },
  ids: { type: 'ids', job, leaf: 200, ids: ['abcdef'] },
  want: { type: 'want', job, leaf: 200, ids: ['abcdef'] },
  find: { type: 'find', access: goodRecords.access },
  charter: { type: 'charter', charter: goodRecords.charter },
  advert: { type: 'advert', advert: goodRecords.advert },
  credential: { type: 'credential', credential: goodRecords.credential },
  statement: {
    type: 'statement',
    record: goodRecords.statement,
    claims: [[cidNamed('R1') as never, 0, 3, 19, true]],
    next: 7,
  },
  account: { type: 'account', job, before: null },
  accounted: { type: 'accounted', job, statement: cidNamed('statement') as never, micros: 19 },
  evidence: {
    type: 'evidence',
    evidence: {
      manifest,
      handovers: [],
      lease,
      receipts: [
        { record: receipt, opening },
        { record: receipt, opening },
      ],
      certificate,
    },
  },
}

export const goodMessages: readonly Message[] = Object.values(byType)
