/** The log of a registrar: who decided what about its fleet, as long as there is room for it. */

import { fleetLogMax } from '../../protocol/fleet-limits.ts'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import type { Journal } from '../store/journal.ts'
import type { FleetAction, FleetLogEntry } from '../store/member-tables.ts'

/** The subject of a decision: a vehicle, an owner, or neither where it is about the charter alone. */
export interface Subject {
  readonly peer?: PeerId
  readonly owner?: OwnerId | null
  readonly vehicle?: string
}

export class FleetLog {
  readonly #journal: Pick<Journal, 'members'>

  constructor(journal: Pick<Journal, 'members'>) {
    this.#journal = journal
  }

  /** `by`: the user who gave the command; '' for what a registrar does by itself. */
  note(action: FleetAction, by: string, subject: Subject = {}, detail = ''): void {
    const { peer = null, owner = null, vehicle = '' } = subject
    const entry = { atMs: systemClock.now(), action, by, peer, owner, vehicle, detail }
    this.#journal.members.noteFleet(entry, fleetLogMax)
  }

  /** The last decisions, oldest first. */
  last(count: number): FleetLogEntry[] {
    return this.#journal.members.fleetLog(count)
  }
}
