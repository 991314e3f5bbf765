/** The answer of a node that has read its configuration again. */

/** The outcome of reading a node's configuration again, by names of options. */
export interface Reloaded {
  /** The file that it reads, whether or not it is there. */
  readonly file: string
  /** Changed and in force. */
  readonly changed: readonly string[]
  /** Changed, and in force once the node has started again. */
  readonly needsRestart: readonly string[]
  /** In the file, but said otherwise by a flag or a variable of the running node. */
  readonly overridden: readonly { readonly option: string; readonly by: string }[]
}
