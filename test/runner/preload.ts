/**
 * Loaded before a test file (`node --import`): puts counted.ts in the place of `node:test`, and writes how many tests
 * the file has declared, and its processor time, when the process exits, however that comes about, short of a kill.
 */
import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import './without-promises.ts'
import { cpuSeconds } from './cpu.ts'
import { cpuPath, declaredPath, isTestProcess } from './paths.ts'

// It loads node:test, which must not come before what is above.
const { declaredTests } = await import('./counted.ts')

const counted = new URL('./counted.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'node:test' && context.parentURL !== counted
      ? { url: counted, format: 'module-typescript', shortCircuit: true }
      : next(specifier, context),
})

if (isTestProcess)
  process.on('exit', () => {
    writeFileSync(declaredPath(), `${declaredTests()}`)
    writeFileSync(cpuPath(), `${cpuSeconds()}`)
  })
