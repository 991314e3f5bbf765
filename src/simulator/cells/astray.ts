/** Nodes that are not in one cell with those around them: some of them have split, or merged, and others have not. */

interface Placed {
  readonly side: number
  readonly cell: string
}

/** How many nodes are in a cell within that of others, where these are more; or in one that contains those of more. */
export function nodesAstray(nodes: readonly Placed[]): number {
  const counts = new Map<string, number>()
  for (const { side, cell } of nodes) {
    const name = `${side}/${cell}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  let astray = 0
  for (const [name, count] of counts) {
    const around = [...counts].filter(
      ([other]) => other !== name && (other.startsWith(name) || name.startsWith(other)),
    )
    if (around.reduce((sum, [, others]) => sum + others, 0) > count) astray += count
  }
  return astray
}
