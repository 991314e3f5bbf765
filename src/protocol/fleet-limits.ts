/** Limits of a fleet's charter and of its registrars' books. */
import { credentialTtlMs, revocationsMax } from './limits.ts'

/**
 * A revocation stays in the charter this long where there is room (`revocationsKeptMax`), and a credential's life in any case: a
 * registrar that was away for so long still learns whom another one has put out. A guess.
 */
export const revocationKeptMs = 30 * credentialTtlMs
/** Half of the room is for revocations that credentials rest on. */
export const revocationsKeptMax = revocationsMax / 2
/** Multiaddrs of registrars that a charter names. */
export const registrarsMax = 4
/** Registrars whose charters one says that it takes in: those that are named, and as many that were. 8 take 0.8 KB. */
export const registrarsHeardMax = 2 * registrarsMax
/** Entries of a registrar's log of decisions; above that the oldest go. A decision takes 200 bytes. */
export const fleetLogMax = 100_000
