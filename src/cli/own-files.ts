/** Checks the files that a node is started with, before anything is made for it. */
import { statSync } from 'node:fs'
import { CommandFailure } from './failure.ts'

export interface OwnFiles {
  readonly dataDir: string
  readonly owner: string | null
  readonly fleet: string | null
  readonly fleetKey: string | null
  readonly meshKey: string | null
}

/** Throws CommandFailure for a file that is not there, or that cannot be what it is named for. */
export function checkOwnFiles({ dataDir, owner, fleet, fleetKey, meshKey }: OwnFiles): void {
  if (fleetKey !== null && fleet === null)
    throw new CommandFailure(`--fleet-key ${fleetKey} needs the fleet's charter, too: --fleet <file>`)
  const remedies = [
    ['--owner', owner, "the owner's certificate for this node; carpool owner sign makes one"],
    ['--fleet', fleet, "the fleet's charter; carpool fleet init makes one"],
    ['--fleet-key', fleetKey, "the fleet's key; carpool fleet init makes one"],
    ['--mesh-key', meshKey, 'the key of the mesh; carpool fleet init --mesh-key makes one'],
  ] as const
  for (const [flag, path, what] of remedies) {
    if (path === null) continue
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined) throw new CommandFailure(`there is no file ${path}; ${flag} names ${what}`)
    if (!stats.isFile()) throw new CommandFailure(`${path} is no file; ${flag} names ${what}`)
  }
  if (statSync(dataDir, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new CommandFailure(
      `${dataDir} is no folder; --data-dir names the folder in which a node keeps its data`,
    )
}
