/**
 * Carpool as a vehicle has it installed: bundled, in a folder of its own beside the checkout's packages. A checkout runs the
 * sources, and Node's TypeScript stripper and 1,300 modules then stay in each process's memory (50 MiB of 158, measured), which no
 * vehicle pays.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const checkout = resolve(import.meta.dirname, '..')

export interface Installed {
  /** The launcher. */
  readonly carpool: string
  remove(): void
}

/** Throws Error when the sources cannot be bundled. */
export function install(): Installed {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-installed-'))
  const modules = join(checkout, 'node_modules')
  symlinkSync(modules, join(folder, 'node_modules'))
  copyFileSync(join(checkout, 'package.json'), join(folder, 'package.json'))
  execFileSync(process.execPath, [join(checkout, 'scripts/bundle.js'), join(folder, 'dist')])
  mkdirSync(join(folder, 'bin'))
  const carpool = join(folder, 'bin', 'carpool.js')
  copyFileSync(join(checkout, 'bin/carpool.js'), carpool)
  return { carpool, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
