/** Folders with the system's own tools and without some of them, as on a machine that lacks these. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { findTool, systemFolders } from '../../src/host/executor/tools.ts'

const chainTools = [
  'prlimit',
  'nice',
  'unshare',
  'sh',
  'mount',
  'mkdir',
  'pivot_root',
  'setpriv',
  'perl',
  'true',
]

/** Where files are on a disk: `TMPDIR` may be a folder in memory below /dev, of which a child's own root has little. */
export const diskFolder = '/var/tmp'

/** Copies, since a link would lead out of a child's own root. Gone after the test. */
export function toolsWithout(t: TestContext, ...missing: readonly string[]): string[] {
  const folder = mkdtempSync(join(diskFolder, 'carpool-tools-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const name of chainTools) {
    const tool = findTool(name, systemFolders)
    if (tool !== null && !missing.includes(name)) copyFileSync(tool, join(folder, name))
  }
  return [folder]
}
