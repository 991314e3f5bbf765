/** The commands about who may take part: as whose vehicle, in which fleet, and who may not any more. */
import { bansCommand } from './bans.ts'
import { fleetCommand } from './fleet.ts'
import { idCommand } from './id.ts'
import { ownerCommand } from './owner.ts'

/** In the order in which help shows them. */
export const membershipCommands = [idCommand, ownerCommand, fleetCommand, bansCommand]
