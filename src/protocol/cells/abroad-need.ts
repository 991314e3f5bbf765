/** Tells whether a job wants vehicles of other cells, by what its steward's own cell has. */

export interface OwnSupply {
  /** Shards without a verdict. */
  readonly open: number
  /** Voices that each takes. */
  readonly replicas: number
  /** Owners of the cell that could execute it, and their slots. */
  readonly owners: number
  readonly slots: number
}

/** Beyond its replicas a shard may need so many owners: one lies, and one drives off. */
const spareOwners = 2
/** Executions for each slot of the cell: of shards of seconds to a minute it has them done within minutes. A guess. */
const executionsPerSlotMax = 8

export function wantsAbroad({ open, replicas, owners, slots }: OwnSupply): boolean {
  if (open === 0) return false
  return owners < replicas + spareOwners || open * replicas > executionsPerSlotMax * slots
}
