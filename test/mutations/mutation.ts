export interface Mutation {
  /** The bug, in a sentence. */
  readonly name: string
  readonly file: string
  /** Stands in the file exactly once; a change that takes it away has to plant the bug anew. */
  readonly find: string
  readonly replace: string
  /** Test files, the cheapest first, tried in this order until one goes red. */
  readonly caughtBy: readonly string[]
}
