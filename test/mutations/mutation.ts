export interface Mutation {
  /** The bug, in a sentence. */
  readonly name: string
  readonly file: string
  /** Stands in the file exactly once; a change that takes it away has to plant the bug anew. */
  readonly find: string
  readonly replace: string
  /** Test files, the cheapest first, tried in this order until one goes red. */
  readonly caughtBy: readonly string[]
  /** The test of the first of these files that catches it, where the others there take long: it alone is run, and no other file. */
  readonly test?: string
}

/** Some tests, run in one process: a file, or one test of it. */
export interface Run {
  readonly file: string
  readonly test?: string | undefined
}

/** In the order in which they are tried. */
export function runsOf({ caughtBy, test }: Pick<Mutation, 'caughtBy' | 'test'>): readonly Run[] {
  return test === undefined ? caughtBy.map((file) => ({ file })) : [{ file: caughtBy[0]!, test }]
}

export function nameOf({ file, test }: Run): string {
  return test === undefined ? file : `${file}: ${test}`
}
