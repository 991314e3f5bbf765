import type { Mutation } from './mutation.ts'

export const sealing: readonly Mutation[] = [
  {
    name: 'All shards have one key.',
    file: 'src/host/sealing/sealing.ts',
    find: 'derive(secret, `shard/',
    replace: 'derive(secret, `shard` ?? `',
    caughtBy: ['test/host/sealing.test.ts'],
  },
  {
    name: 'A wrapped key of no length opens.',
    file: 'src/host/sealing/sealing.ts',
    find: '  if (wrapped.byteLength !== wrappedBytes) throw new Unsealable(what)\n',
    replace: '',
    caughtBy: ['test/host/sealing.test.ts'],
  },
  {
    name: 'Different results of a shard of a blind job are sealed under one key.',
    file: 'src/host/sealing/sealing.ts',
    find: "const named = Buffer.from(synthetic).toString('hex')",
    replace: 'const named = synthetic.length',
    caughtBy: ['test/host/blind-keys.test.ts'],
  },
]
