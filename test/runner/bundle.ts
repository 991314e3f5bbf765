/**
 * Carpool as it is published, for the processes that tests start: from the sources, a node's start takes 0.45 s more of processor
 * time, and the suite starts more than 300 processes.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A folder of this user, and kept: Node keeps compiled code by the path of its source. */
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'carpool', 'bundles')

/** Returns the folder. It is this process's until that ends. Throws where the sources cannot be bundled. */
export function bundleForTests(root: string): string {
  const folder = takeFolder(createHash('sha256').update(root).digest('hex').slice(0, 16))
  const script = join(root, 'scripts/bundle.js')
  const paced = 'paced-node.js=test/support/paced-node.ts'
  execFileSync(process.execPath, [script, join(folder, 'dist'), paced], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  mkdirSync(join(folder, 'bin'), { recursive: true })
  for (const file of ['package.json', 'bin/carpool.js']) copyFileSync(join(root, file), join(folder, file))
  mkdirSync(join(folder, 'src'), { recursive: true })
  // The page is served as it is, from its sources.
  for (const name of ['node_modules', 'samples', 'src/console']) {
    rmSync(join(folder, name), { force: true })
    symlinkSync(join(root, name), join(folder, name))
  }
  return folder
}

/** Another for each runner that is at work in the same checkout. */
function takeFolder(name: string): string {
  for (let i = 0; ; i += 1) {
    const folder = join(cache, `${name}-${i}`)
    const held = join(folder, 'pid')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (isHeld(held)) continue
    writeFileSync(held, `${process.pid}`)
    process.once('exit', () => rmSync(held, { force: true }))
    return folder
  }
}

function isHeld(path: string): boolean {
  try {
    return process.kill(Number(readFileSync(path, 'utf8')), 0)
  } catch {
    return false
  }
}
