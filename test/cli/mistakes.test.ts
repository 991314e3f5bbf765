/**
 * Whatever somebody gets wrong is said in one sentence that names it and says what to do, before a node starts. Every command and
 * every flag is walked, with input that no flag can mean; nothing here starts a process.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Command, CommanderError, InvalidArgumentError } from 'commander'
import { checkSubmission } from '../../src/cli/before-start.ts'
import { commandNames } from '../../src/cli/commands/all.ts'
import { requestOf } from '../../src/cli/commands/submit.ts'
import { ConfigError, resolveConfig } from '../../src/cli/config/config.ts'
import { options } from '../../src/cli/config/options.ts'
import { createProgram } from '../../src/cli/main.ts'
import { checkOwnFiles, type OwnFiles } from '../../src/cli/own-files.ts'
import { outageOf } from '../../src/host/network/outage.ts'
import { submitDefaults } from '../../src/host/submit-defaults.ts'
import { encodePng } from '../support/images.ts'
import { temporaryDirectory } from '../support/store.ts'

const junk = ['', ' ', 'nonsense !', '-1', '1e999', 'NaN', '../..', '\u0000', '🚗', 'a'.repeat(10_000)]

/** A command and all below it, each with the words that lead to it. */
function* commandsOf(command: Command, words: readonly string[] = []): Generator<[Command, string[]]> {
  for (const below of command.commands) {
    const path = [...words, below.name()]
    yield [below, path]
    yield* commandsOf(below, path)
  }
}

async function silent(): Promise<Command> {
  const program = await createProgram([])
  for (const command of [program, ...[...commandsOf(program)].map(([one]) => one)])
    command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
  return program
}

const walked = [...commandsOf(await createProgram([]))]

test('a command that is named first is loaded alone, and all are where none is', async () => {
  const namesOf = async (...argv: string[]) => (await createProgram(argv)).commands.map((one) => one.name())
  const all = await namesOf()
  assert.deepEqual([...all].sort(), [...commandNames].sort())
  for (const name of commandNames) {
    const loaded = await namesOf(name)
    assert(loaded.includes(name) && loaded.length < 6, `${name}: ${loaded}`)
  }
  for (const other of ['help', '--json', 'peer']) assert.deepEqual(await namesOf(other), all)
})

test('an option behind a command of a group is that command’s, also where the group has it, too', async () => {
  const program = await silent()
  const argv = ['node', 'carpool', 'settle', 'list', '--data-dir', '/nowhere/at-all']
  await assert.rejects(program.parseAsync(argv), /no node is running on \/nowhere\/at-all/)
})

test('every flag that is read by itself takes what it is given, or says in a sentence what it takes', () => {
  let found = 0
  for (const [command, words] of walked)
    for (const option of command.options) {
      if (option.parseArg === undefined) continue
      found += 1
      for (const text of junk)
        try {
          option.parseArg(text, undefined)
        } catch (error) {
          assert(
            error instanceof InvalidArgumentError || error instanceof CommanderError,
            `${words} ${option.flags}`,
          )
          assert.match(error.message, /^[^\n]+$/, `${words.join(' ')} ${option.flags}`)
        }
    }
  assert(found > 15, `${found} flags`)
})

test('every option of a node names its flag and what it expects, or takes what it is given', (t) => {
  const home = temporaryDirectory(t)
  const machine = { environment: {}, home, workingDirectory: home, cores: 2, timeZone: 'UTC' }
  for (const name of Object.keys(options) as (keyof typeof options)[])
    for (const text of junk)
      try {
        resolveConfig([name], { [name]: options[name].isList ? [text] : text }, machine)
      } catch (error) {
        assert(error instanceof ConfigError, `${name}: ${error}`)
        assert.match(error.message, /^[^\n]+$/)
      }
})

for (const [, words] of walked)
  test(`carpool ${words.join(' ')} names a flag that it does not know, and does nothing`, async () => {
    // Commands that are only a heading print their help.
    await assert.rejects(
      (await silent()).parseAsync([...words, '--no-such-flag'], { from: 'user' }),
      (error) => {
        assert(error instanceof CommanderError)
        assert.match(error.message, /unknown option '--no-such-flag'|outputHelp/)
        return true
      },
    )
  })

test('a submission that nobody could execute is refused before a node starts, with what to do', async (t) => {
  const folder = temporaryDirectory(t)
  const [page, module, large, empty] = ['page.png', 'module.wasm', 'large.bin', 'empty'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string]
  writeFileSync(page, encodePng({ width: 1, height: 1, pixels: Uint8Array.of(255) }))
  writeFileSync(module, 'no module')
  writeFileSync(large, '')
  truncateSync(large, 2 ** 28)
  mkdirSync(empty)
  const flags = { ...submitDefaults, ifShort: 'wait', runtime: 'ocr' } as const
  const {
    standbys: _,
    deadlineMs: __,
    replicas: ___,
    module: ____,
    payment: _____,
    options: ______,
    passwordFile: _______,
    model: ________,
    promptTemplate: _________,
    ...rest
  } = flags
  const request = (changes: object, paths = [page]) =>
    requestOf(paths, { ...rest, ...changes } as unknown as Parameters<typeof requestOf>[1])
  const wrong: [ReturnType<typeof request>, RegExp][] = [
    [request({ runtime: 'tea' }), /no runtime 'tea'; there are ocr, wasm, llm, embed/],
    [request({ runtime: 'llm' }), /needs a model: name one with --model <file.gguf>/],
    [request({ runtime: 'llm', model: page }), /page.png is refused: the model is no GGUF file/],
    [request({ runtime: 'ocr', model: 'teseract' }), /model is not one of auto, paddle, tesseract/],
    [request({ runtime: 'ocr', promptTemplate: page }), /ocr runtime answers no prompts/],
    [request({ runtime: 'wasm' }), /needs a module: name one with --module/],
    [request({ runtime: 'wasm', module: join(folder, 'none') }), /module at .* cannot be read/],
    [request({ runtime: 'wasm', module }), /no vehicle would run the module at .*not WebAssembly/],
    [request({ option: { lines: true } }), /no option is called "lines"; there are \S+, /],
    [request({ deadline: 31 * 86_400_000 }), /at most 30 days; give a --deadline/],
    [request({ priceCap: { currency: 'EUR', micros: 5 } }), /needs a budget: add --budget/],
    [request({}, [join(folder, 'none')]), /none cannot be read: there is no such file/],
    [request({}, [empty]), /there are no documents in/],
    [
      request({}, [large]),
      /large\.bin cannot be read: larger than the \d+ bytes .*\(split it, or compress it\)/,
    ],
    [request({}, [module]), /module\.wasm cannot be read: text \(take it as it is, or print it to PDF\)$/],
    [request({}, [module, large]), /none of 2 documents can be read: 1 larger .*; 1 text \(.*\): .*$/],
    [
      request({ strict: true }, [page, module]),
      /module\.wasm cannot be read: text \(.*\); leave out --strict/,
    ],
  ]
  for (const [one, pattern] of wrong) await assert.rejects(checkSubmission(one), pattern)
  await checkSubmission(request({}))
  await checkSubmission(request({}, [large, page]))
  await checkSubmission(request({ priceCap: { currency: 'EUR', micros: 5 } }), true)
  assert.deepEqual(readdirSync(folder).sort(), ['empty', 'large.bin', 'module.wasm', 'page.png'])
})

test('a file that a node is started with and that is not there is named with its flag, and what makes it', (t) => {
  const dataDir = join(temporaryDirectory(t), 'data')
  const none: OwnFiles = { dataDir, owner: null, fleet: null, fleetKey: null, meshKey: null }
  checkOwnFiles(none)
  const wrong: [Partial<OwnFiles>, RegExp][] = [
    [{ owner: '/no/file' }, /there is no file \/no\/file; --owner names .*carpool owner sign/],
    [{ fleet: '/no/file' }, /there is no file \/no\/file; --fleet names .*carpool fleet init/],
    [{ fleet: import.meta.filename, fleetKey: '/' }, /\/ is no file; --fleet-key names/],
    [{ fleetKey: '/no/file' }, /--fleet-key \/no\/file needs the fleet's charter, too/],
    [{ meshKey: '/no/file' }, /there is no file \/no\/file; --mesh-key names .*fleet init --mesh-key/],
    [{ dataDir: import.meta.filename }, /is no folder; --data-dir names the folder/],
  ]
  for (const [changes, pattern] of wrong) assert.throws(() => checkOwnFiles({ ...none, ...changes }), pattern)
})

test('a bootstrap peer that cannot be reached is said with why, and what to do next', () => {
  const said: [string, RegExp][] = [
    ['connect ECONNREFUSED 192.0.2.1:4001', /nothing listens there: check the port.*\(connect ECONNREFUSED/],
    ['getaddrinfo ENOTFOUND mesh.example', /that name is not known/],
    ['queryTxt ENODATA _dnsaddr.example', /that name is not known/],
    ['connect ENETUNREACH 2001:db8::1', /this machine has no way there/],
    ['connect ETIMEDOUT 192.0.2.1:4001', /no answer: check the address, and whether a firewall/],
    ['The operation was aborted due to timeout', /no answer/],
    ['Payload identity key a does not match expected remote identity key b', /another node answers there/],
    ['The stream has been reset: ECONNRESET', /it hung up: it may have another mesh key/],
    ['something new', /^something new$/],
  ]
  for (const [text, pattern] of said) assert.match(outageOf(new Error(text)), pattern)
})
