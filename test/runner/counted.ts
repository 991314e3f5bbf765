/**
 * `node:test` with a counter. preload.ts puts this module in its place, so that a test file counts the tests that it
 * declares, and notes which of them runs, without anything that the reporter does or fails to do.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { appendFileSync } from 'node:fs'
import builtin, { type TestContext, type TestFn } from 'node:test'
import { isTestProcess, notesPath } from './paths.ts'

export { after, afterEach, before, beforeEach, mock } from 'node:test'

let declared = 0
let subtestsAreCounted = false

/** Fails the test that an error comes from. It follows promises at no cost, as the hooks of `node:test` do not (without-promises.ts). */
const failing = new AsyncLocalStorage<(error: unknown) => void>()
let errorsAreHeard = false

/** The number of tests and suites that this process has declared so far, for this file. */
export function declaredTests(): number {
  return declared
}

/** Begins with the next file of a shared process. */
export function countAnew(): void {
  declared = 0
}

/** A suite that is not counted, for all tests of a file. */
export const fileSuite: typeof builtin.describe = builtin.describe

// biome-ignore lint/suspicious/noExplicitAny: any of node:test's overloads, handed through as it came
type Declare = (...args: any[]) => Promise<void>

function counted(declare: Declare): Declare {
  return (...args) => {
    declared += 1
    return declare(...args.map((arg) => (typeof arg === 'function' ? watched(arg) : arg)))
  }
}

/** The first test that runs shows the class of all test contexts, and its `t.test` is counted from then on. */
function watched(body: TestFn): TestFn {
  const watching: TestFn = function (this: unknown, t, done) {
    const prototype = Object.getPrototypeOf(t) as TestContext
    if (!subtestsAreCounted && 'test' in prototype) {
      subtestsAreCounted = true
      const { test } = prototype
      prototype.test = function (this: TestContext, ...args: Parameters<Declare>) {
        declared += 1
        return test.apply(this, args as Parameters<typeof test>)
      } as typeof test
    }
    note('began', t)
    hearErrors()
    const failed = Promise.withResolvers<never>()
    const ending: unknown = failing.run(failed.reject, () => body.call(this, t, done))
    if (ending instanceof Promise)
      return Promise.race([ending, failed.promise]).finally(() => note('ended', t))
    failed.promise.catch(() => undefined)
    // A test that takes a callback goes on until it calls that, which only Node's own word tells.
    if (body.length < 2) note('ended', t)
    return undefined
  }
  // Node hands over a callback where a test takes two arguments.
  return Object.defineProperty(watching, 'length', { value: body.length })
}

/** As for those that nobody catches, Node's own handlers take care as well: they fail the file where the test is over. */
function hearErrors(): void {
  if (errorsAreHeard) return
  errorsAreHeard = true
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => failing.getStore()?.(error))
}

/** Written at once: Node hands its own events on only when the test lets go of the thread. */
function note(what: 'began' | 'ended', { name }: { readonly name: string }): void {
  if (isTestProcess) appendFileSync(notesPath(), `${what} ${name.replaceAll('\n', ' ')}\n`)
}

function countedWithVariants(declare: typeof builtin.test): typeof builtin.test {
  const variants = { skip: counted(declare.skip), todo: counted(declare.todo), only: counted(declare.only) }
  return Object.assign(counted(declare), variants) as typeof builtin.test
}

export const test = countedWithVariants(builtin.test)
export const it = countedWithVariants(builtin.it as typeof builtin.test)
export const describe = countedWithVariants(builtin.describe as unknown as typeof builtin.test)
export const suite = countedWithVariants(builtin.suite as unknown as typeof builtin.test)
export default Object.assign(countedWithVariants(builtin.test), { ...builtin, test, it, describe, suite })
