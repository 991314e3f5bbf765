/**
 * The files that a test file's process leaves for the runner: what was reported; how many tests were declared; which
 * began and ended; how much processor time it took; what was printed.
 */
import { join } from 'node:path'

// Not CARPOOL_…: a node refuses what it does not know of these.
const folderVariable = 'TEST_RUN_FOLDER'
const fileVariable = 'TEST_RUN_FILE'

export const eventsName = 'events.jsonl'
export const declaredName = 'declared'
export const notesName = 'notes'
export const cpuName = 'cpu'
export const outputName = 'output'

export function runEnvironment(folder: string, file: string): NodeJS.ProcessEnv {
  return { [folderVariable]: folder, [fileVariable]: file }
}

const { [folderVariable]: firstFolder = '', [fileVariable]: file } = process.env
let folder = firstFolder

/** A child that inherits the arguments and the environment of a test file's process is not that process. */
export const isTestProcess: boolean = folder !== '' && process.argv[1] === file

/** From now on everything is left in another folder, for the next file of a shared process. */
export function moveTo(next: string): void {
  folder = next
}

export function eventsPath(): string {
  return join(folder, eventsName)
}

export function declaredPath(): string {
  return join(folder, declaredName)
}

/** Seconds of processor time, written as the process exits. */
export function cpuPath(): string {
  return join(folder, cpuName)
}

export function notesPath(): string {
  return join(folder, notesName)
}
