import type { Mutation } from './mutation.ts'

export const records: readonly Mutation[] = [
  {
    name: 'The signature of a record is not verified.',
    file: 'src/protocol/record/record.ts',
    find: ' || !verify(body.signer, record.body, record.signature)',
    replace: '',
    caughtBy: ['test/protocol/records.test.ts'],
  },
  {
    name: 'A restored steward uses its serials again.',
    file: 'src/protocol/issuer.ts',
    find: 'if (signer === this.#signer) this.#serial = Math.max(this.#serial, serial + 1)',
    replace: '',
    caughtBy: ['test/protocol/steward-restart.test.ts'],
  },
  {
    name: 'A record that is longer than its kind allows comes in through the door.',
    file: 'src/protocol/records.ts',
    find: 'if (signed.body.byteLength > row.type.bytesMax)',
    replace: 'if (signed.body.byteLength > bytesMax)',
    caughtBy: ['test/protocol/records.test.ts'],
  },
  {
    name: 'A receipt comes in without what it commits to.',
    file: 'src/protocol/records.ts',
    find: "  if (row.hasOpening && opening === null) throw malformed(body.kind, 'its opening is missing')\n",
    replace: '',
    caughtBy: ['test/protocol/records.test.ts'],
  },
  {
    name: 'What a steward writes off is no news for the ledger.',
    file: 'src/protocol/records.ts',
    find: 'allowance: { type: job.allowanceType, rank: 4, ...sharedMoney }',
    replace: 'allowance: { type: job.allowanceType, rank: 4, ...shared }',
    caughtBy: ['test/protocol/records.test.ts'],
  },
  {
    name: 'A record whose bytes were damaged in the journal counts.',
    file: 'src/protocol/record/record.ts',
    find: 'if (recordId(sha256, body) !== id)',
    replace: 'if (body.length === 0)',
    caughtBy: ['test/protocol/records.test.ts'],
  },
  {
    name: 'What a vehicle asks about its pay is heard by nobody.',
    file: 'src/protocol/inbox.ts',
    find: "  account: 'steward',",
    replace: "  account: 'other',",
    caughtBy: ['test/protocol/inbox.test.ts'],
  },
  {
    name: 'A vehicle that declines a lease is asked again at once.',
    file: 'src/protocol/inbox.ts',
    find: 'retryMs: message.retryMs',
    replace: 'retryMs: 0',
    caughtBy: ['test/protocol/inbox.test.ts'],
  },
  {
    name: 'A window is too long for the message that takes it to a standby.',
    file: 'src/protocol/message.ts',
    find: "decodeCbor('message', bytes, messageBytesMax)",
    replace: "decodeCbor('message', bytes, messageBytesMax / 4)",
    caughtBy: ['test/protocol/limits.test.ts'],
  },
  {
    name: 'A manifest may name a list of shards that nobody can hold in memory.',
    file: 'src/protocol/job/manifest.ts',
    find: '...fileUpTo(shardListBytesMax)',
    replace: '...fileUpTo(2 * shardListBytesMax)',
    caughtBy: ['test/protocol/limits.test.ts'],
  },
  {
    name: 'What is said to another node does not wait for the disk.',
    file: 'src/protocol/driver.ts',
    find: '  send: true,',
    replace: '  send: false,',
    caughtBy: ['test/protocol/driver.test.ts'],
  },
  {
    name: 'A trie has the hashes of all its leaves from the beginning.',
    file: 'src/protocol/record/record-trie.ts',
    find: '    this.#sha256 = sha256\n',
    replace:
      '    this.#sha256 = sha256\n    for (let leaf = 0; leaf < trieFanout ** 2; leaf += 1) this.#leafHashes.set(leaf, new Uint8Array(hashBytes))\n',
    caughtBy: ['test/protocol/record-trie.test.ts'],
  },
]
