import type { Mutation } from './mutation.ts'

const example = ['test/library/example.test.ts']
const options = ['test/library/options.test.ts']

export const library: readonly Mutation[] = [
  {
    name: 'A runtime of a program takes the place of one that comes along.',
    file: 'src/library/runtimes.ts',
    find: 'if (Object.hasOwn(known, runtime.name))',
    replace: "if (runtime.name === '')",
    caughtBy: options,
  },
  {
    name: 'The bytes of documents stay on the disk after they were submitted.',
    file: 'src/library/documents.ts',
    find: 'if (this.#folder !== undefined) rmSync',
    replace: 'if (this.#folder === undefined) rmSync',
    caughtBy: options,
  },
  {
    name: 'Children do not get the runtimes of the program.',
    file: 'src/host/executor/isolation.ts',
    find: '...modules.map(({ path }) => `--runtime=',
    replace: '...[].map(({ path }) => `--runtime=',
    caughtBy: example,
    test: 'from a checkout the example runs by its sources, with a runtime of its own in the children',
  },
]
