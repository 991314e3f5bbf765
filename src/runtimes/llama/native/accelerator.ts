/**
 * llama.cpp on a graphics processor: from an optional package that its owner adds, held to a hash as the one for processors is, and
 * only where the owner allows it.
 *
 * Its numbers are its own: they differ by kind, driver and version of the driver, and some hundred times more than those of two
 * processors do, since it sums in half precision. So nothing is compared by bytes there. Its engine has a name of its own, its answers are
 * judged by scores alone, and the class of a vehicle names device and driver, for people who look for what differs.
 */
import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { type LlamaAddon, startAddon } from './addon.ts'
import { addonFolder, filesHash, version } from './packages.ts'

/** The packages, the one that is preferred first, and the sha256 of their names and hashes of files, in the order of names. */
export const acceleratorBuilds = {
  cuda: {
    folder: 'linux-x64-cuda',
    hash: '698dbd7da02673cb9b0908ce22a106d7fd137dd8cd78941a08192ce947bab61d',
  },
  vulkan: {
    folder: 'linux-x64-vulkan',
    hash: 'da2c7408b0c5f33d7103ff2f6ac96c5acc0a1b1eba2d694d066f08af9a7d3b46',
  },
} as const

type AcceleratorKind = keyof typeof acceleratorBuilds

export interface Accelerator {
  readonly kind: AcceleratorKind
  /** The folder of the addon and its libraries. */
  readonly folder: string
  /** Names the library, the device and its driver: `vulkan-amd-radeon-780m-linux-6.8.0`. At most 64 letters. */
  readonly isa: string
}

/** All that is asked of the machine, for tests that have no such device. */
export interface AcceleratorMachine {
  /** Undefined where the package is not installed. */
  folderOf(folder: string): string | undefined
  hashOf(folder: string): string
  start(folder: string): Promise<Pick<LlamaAddon, 'getGpuDeviceInfo'>>
  /** Reads a file of the system; null where there is none. */
  read(path: string): string | null
}

const thisMachine: AcceleratorMachine = {
  folderOf: addonFolder,
  hashOf: filesHash,
  start: (folder) => startAddon(folder),
  read: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : null),
}

/** The accelerator that this machine runs, or a sentence for its owner why it runs none. Loads its library. */
export async function findAccelerator(
  machine: AcceleratorMachine = thisMachine,
): Promise<Accelerator | string> {
  const faults: string[] = []
  for (const [kind, build] of Object.entries(acceleratorBuilds) as [AcceleratorKind, Build][]) {
    const found = await accelerator(machine, kind, build)
    if (typeof found !== 'string') return found
    if (machine.folderOf(build.folder) !== undefined) faults.push(found)
  }
  const [vulkan, cuda] = [acceleratorBuilds.vulkan, acceleratorBuilds.cuda].map(packageOf)
  return (
    faults.join('; ') ||
    `no package for accelerators is installed; run npm install ${vulkan}, or ${cuda}, in the folder of Carpool`
  )
}

type Build = (typeof acceleratorBuilds)[AcceleratorKind]

async function accelerator(
  machine: AcceleratorMachine,
  kind: AcceleratorKind,
  build: Build,
): Promise<Accelerator | string> {
  const folder = machine.folderOf(build.folder)
  if (folder === undefined) return `${packageOf(build)} is not installed`
  if (machine.hashOf(folder) !== build.hash)
    return `the package of ${build.folder} is not ${packageOf(build)}`
  let devices: readonly string[]
  try {
    devices = (await machine.start(folder)).getGpuDeviceInfo().deviceNames
  } catch {
    return `${packageOf(build)} does not load on this machine; it needs the driver of the device, with its library for ${kind}`
  }
  const [device] = devices
  if (device === undefined) return `${packageOf(build)} finds no device that it can use`
  const several = devices.length === 1 ? '' : ` and ${devices.length - 1} more`
  return { kind, folder, isa: className(kind, `${device}${several}`, driverOf(machine)) }
}

function packageOf({ folder }: Build): string {
  return `@node-llama-cpp/${folder}@${version}`
}

/** The folder of an accelerator's addon, in a process of a session: what it holds was looked at when engines were described. */
export function acceleratorFolder(): string | undefined {
  for (const { folder } of Object.values(acceleratorBuilds)) {
    const found = addonFolder(folder)
    if (found !== undefined) return found
  }
  return undefined
}

/** The modules of Linux's drivers that say their version; the others change with the kernel. */
const drivers = ['nvidia', 'amdgpu', 'i915', 'xe', 'nouveau']

function driverOf({ read }: AcceleratorMachine): string {
  for (const name of drivers) {
    const said = read(`/sys/module/${name}/version`)
    if (said !== null) return `${name}-${said.trim()}`
  }
  return `linux-${release()}`
}

/** A driver's version decides as much as a device's name: either may be cut, neither is left out. */
const [deviceLettersMax, driverLettersMax] = [30, 24]

function className(kind: AcceleratorKind, device: string, driver: string): string {
  return `${kind}-${slug(device, deviceLettersMax)}-${slug(driver, driverLettersMax)}`
}

function slug(text: string, lettersMax: number): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^-+/g, '')
    .slice(0, lettersMax)
    .replaceAll(/-+$/g, '')
}
