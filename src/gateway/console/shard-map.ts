/** The shards of a job as a map that fits a page: a letter for each, or for as many neighbours as make it fit. */

export interface ShardMap {
  /** A letter for each cell, which is that of its shard which most needs a look. */
  readonly cells: string
  readonly shardsPerCell: number
}

/** Forty lines of forty. */
const cellsMax = 1_600

/** The states that most need a look come first: a failed shard is not lost among a thousand verified ones. */
const urgency = 'fdrlqv'

export function shardMap(letters: string): ShardMap {
  const shardsPerCell = Math.max(1, Math.ceil(letters.length / cellsMax))
  if (shardsPerCell === 1) return { cells: letters, shardsPerCell }
  let cells = ''
  for (let at = 0; at < letters.length; at += shardsPerCell) {
    const inside = letters.slice(at, at + shardsPerCell)
    cells += [...urgency].find((letter) => inside.includes(letter)) ?? inside[0]
  }
  return { cells, shardsPerCell }
}
