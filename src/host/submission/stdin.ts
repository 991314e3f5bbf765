/** Stdin as a source of documents: the command has it, and hands it on to the node that reads it. */
/** The path that means stdin. */
export const stdinPath = '-'

/** Tells of a request that the client's stdin goes with it. */
export function readsStdin({ paths }: { readonly paths?: readonly string[] }): boolean {
  return paths?.includes(stdinPath) === true
}
