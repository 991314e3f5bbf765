/**
 * Loaded before a test file (`node --import`): puts counted.ts in the place of `node:test`, and writes how many tests
 * the file has declared when the process exits, however that comes about, short of a kill.
 */
import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { declaredTests } from './counted.ts'
import { declaredPath, isTestProcess } from './paths.ts'

const counted = new URL('./counted.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'node:test' && context.parentURL !== counted
      ? { url: counted, format: 'module-typescript', shortCircuit: true }
      : next(specifier, context),
})

if (isTestProcess) process.on('exit', () => writeFileSync(declaredPath(), `${declaredTests()}`))
