/** The state of a node's cell that outlives a restart, in the journal. */
import { z } from 'zod'
import { ownContactsMax } from '../../protocol/cell-limits.ts'
import type { KeptCell } from '../../protocol/cells/contract.ts'
import { keyBits } from '../../protocol/cells/key.ts'
import { ownerSchema } from '../../protocol/membership/owner.ts'
import { naturalSchema, peerIdSchema } from '../../protocol/record/record.ts'
import type { Journal } from '../store/journal.ts'

const keptSchema: z.ZodType<KeptCell> = z.object({
  key: naturalSchema,
  depth: naturalSchema.max(keyBits),
  contacts: z
    .array(
      z.object({
        peer: peerIdSchema,
        owner: ownerSchema,
        key: naturalSchema,
        addresses: z.array(z.string()),
      }),
    )
    .max(ownContactsMax * 8),
})

export class KeptCells {
  readonly #journal: Pick<Journal, 'getSetting' | 'putSetting'>
  readonly #name: string

  /** `scope`: the fleet's key, or that there is none: each mesh has its own contacts. */
  constructor(journal: Pick<Journal, 'getSetting' | 'putSetting'>, scope: string) {
    this.#journal = journal
    this.#name = `cell of ${scope}`
  }

  /** Null: nothing that could be read. A node then asks its bootstrap nodes. */
  read(): KeptCell | null {
    const text = this.#journal.getSetting(this.#name)
    if (text === undefined) return null
    try {
      return keptSchema.safeParse(JSON.parse(text)).data ?? null
    } catch {
      return null
    }
  }

  write(kept: KeptCell): void {
    this.#journal.putSetting(this.#name, JSON.stringify(kept))
  }
}
