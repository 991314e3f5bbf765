import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { Command } from 'commander'
import {
  addOptions,
  type Config,
  ConfigError,
  type OptionName,
  resolveConfig,
} from '../../src/cli/config/config.ts'
import { nearest } from '../../src/cli/config/nearest.ts'
import { asksOf, flagOf, optionNames, options, variableOf } from '../../src/cli/config/options.ts'

const peer = '/ip4/192.0.2.1/tcp/4001/p2p/12D3KooWAuYNLA9utqswYEiCHhouNRo8F4vYeqgYAX51BPbEFWVY'

test('a flag wins over a variable, a variable over the file, the file over the default, each with its origin', (t) => {
  const { resolve, configFile } = world(t)
  assert.deepEqual(slots(resolve()), [7, 'default', 'cores less one, at least 1'])
  const file = configFile({ slots: 3 })
  assert.deepEqual(slots(resolve()), [3, 'file', file])
  assert.deepEqual(slots(resolve([], { CARPOOL_SLOTS: '2' })), [2, 'environment', 'CARPOOL_SLOTS'])
  assert.deepEqual(slots(resolve(['--slots', '0'], { CARPOOL_SLOTS: '2' })), [0, 'flag', '--slots'])
})

test('an option is decided as a whole: lists of different layers are not joined', (t) => {
  const { resolve, configFile } = world(t)
  configFile({ listen: ['/ip4/127.0.0.1/tcp/1'], bootstrap: [] })
  const { listen, announce, bootstrap } = resolve([
    '--listen',
    '/ip4/127.0.0.1/tcp/2',
    '--listen',
    '/ip4/127.0.0.1/tcp/3',
  ])
  assert.deepEqual(listen, ['/ip4/127.0.0.1/tcp/2', '/ip4/127.0.0.1/tcp/3'])
  assert.deepEqual([announce, bootstrap], [[], []])
  assert.deepEqual(resolve([], { CARPOOL_BOOTSTRAP: `${peer}, ${peer}` }).bootstrap, [peer, peer])
})

test('a signal that the vehicle does not have is named by a flag, and a mesh by a domain', (t) => {
  const { resolve } = world(t)
  const { noSignal, signals, bootstrap } = resolve([
    ...['--no-signal', 'cabin-temperature', '--no-signal', 'low-voltage'],
    ...['--bootstrap', '/dnsaddr/mesh.example'],
  ])
  assert.deepEqual([noSignal, signals], [['cabin-temperature', 'low-voltage'], []])
  assert.deepEqual(bootstrap, ['/dnsaddr/mesh.example'])
})

test('an empty variable is one that is not set', (t) => {
  const { resolve } = world(t)
  assert.equal(resolve([], { CARPOOL_SLOTS: '', CARPOOL_CONFIG: '' }).slots, 7)
})

test('paths are relative to who names them: the shell, or the file', (t) => {
  const { resolve, folder } = world(t)
  const elsewhere = join(folder, 'etc')
  mkdirSync(elsewhere)
  writeFileSync(join(elsewhere, 'node.json'), JSON.stringify({ fleet: 'fleet.cbor', dataDir: '../data' }))
  const config = resolve(['--config', 'etc/node.json', '--owner', 'owner.cbor'])
  assert.equal(config.fleet, join(elsewhere, 'fleet.cbor'))
  assert.equal(config.owner, join(folder, 'owner.cbor'))
  assert.equal(config.dataDir, join(folder, 'data'))
})

test('the data directory follows XDG, then home', (t) => {
  const { resolve, folder } = world(t)
  assert.equal(
    resolve([], { CARPOOL_DATA_DIR: undefined }).dataDir,
    join(folder, 'home/.local/share/carpool'),
  )
  const environment = { CARPOOL_DATA_DIR: undefined, XDG_DATA_HOME: '/xdg' }
  assert.equal(resolve([], environment).dataDir, '/xdg/carpool')
})

test('sizes and switches read as people write them', (t) => {
  const { resolve, configFile } = world(t)
  for (const [text, bytes] of [
    ['1048576', 2 ** 20],
    ['500MB', 5e8],
    ['2GiB', 2 ** 31],
    ['1.5 kib', 1536],
    ['0', 0],
  ] as const)
    assert.equal(resolve(['--cache-bytes-max', text]).cacheBytesMax, bytes)
  configFile({ cacheBytesMax: 10, json: true })
  assert.equal(resolve().cacheBytesMax, 10)
  assert.equal(resolve().json, true)
  assert.equal(resolve([], { CARPOOL_JSON: 'false' }).json, false)
  assert.equal(resolve(['--json'], { CARPOOL_JSON: 'false' }).json, true)
})

test('a value that cannot be meant is refused on one line that says where it stands and what is expected', (t) => {
  const { resolve, refusal, configFile } = world(t)
  assert.equal(refusal(['--slots', 'many']), '--slots: "many" is not a whole number from 0 to 1024')
  assert.equal(
    refusal([], { CARPOOL_BOOTSTRAP: `${peer},/ip4/1.2.3.4/tcp/1` }),
    'CARPOOL_BOOTSTRAP: "/ip4/1.2.3.4/tcp/1" is not a multiaddr with a peer id, such as /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…, or /dnsaddr/ and a domain',
  )
  for (const args of [
    ['--announce', 'car.example:4001'],
    ['--slots', '-1'],
    ['--slots', ''],
    ['--cache-bytes-max', '2 parsecs'],
    ['--log-level', 'loud'],
  ])
    assert.match(refusal(args), /^--[a-z-]+: ".*" is not .+$/)
  const file = configFile({ listen: 'x' })
  assert.equal(refusal([]), `${file}: listen: "x" is not a multiaddr such as /ip4/0.0.0.0/tcp/4001`)
  assert.equal(resolve(['--listen', '/ip4/127.0.0.1/tcp/0']).listen.length, 1)
})

test('an unknown key or variable is refused with the nearest name that is known', (t) => {
  const { refusal, configFile } = world(t)
  assert.equal(
    refusal([], { CARPOOL_SLOT: '1' }),
    'unknown environment variable CARPOOL_SLOT; did you mean CARPOOL_SLOTS?',
  )
  const file = configFile({ bootstraps: [] })
  assert.equal(refusal([]), `${file}: unknown key 'bootstraps'; did you mean bootstrap?`)
  configFile({ zzzzzzzzzz: 1 })
  assert.equal(refusal([]), `${file}: unknown key 'zzzzzzzzzz'`)
})

test('a file that was asked for has to be there and be an object; the usual one need not be there', (t) => {
  const { refusal, configFile, resolve } = world(t)
  resolve()
  assert.match(refusal(['--config', 'nowhere.json']), /nowhere\.json: ENOENT/)
  for (const text of ['[]', '1', '{', '']) {
    configFile(text)
    assert.equal(refusal([]).split('\n').length, 1)
  }
})

test('the file in the data directory cannot say where the data directory is', (t) => {
  const { refusal, configFile } = world(t)
  configFile({ dataDir: '/elsewhere' })
  assert.match(refusal([]), /cannot set dataDir/)
})

test('one file serves all commands: options that a command does not have are no error', (t) => {
  const { configFile, machine } = world(t)
  configFile({ slots: 2, name: 'van' })
  assert.deepEqual(Object.keys(resolveConfig(['name'], {}, machine())), ['name', 'origins'])
})

test('every option is in the help with its variable and its default', () => {
  const help = addOptions(new Command(), optionNames).helpInformation().replace(/\s+/g, ' ')
  for (const name of optionNames) {
    assert.ok(help.includes(flagOf(name)), name)
    assert.ok(help.includes(`(${variableOf(name)}, default: ${options[name].fallbackText})`), name)
  }
})

test('the nearest name is the one with the fewest letters changed, or none', () => {
  assert.equal(nearest('log-level', ['slots', 'logLevel']), 'logLevel')
  assert.equal(nearest('colour', ['slots', 'logLevel']), null)
})

function slots({ slots, origins }: Config): unknown[] {
  return [slots, origins.slots.layer, origins.slots.where]
}

/** A machine with eight cores, its own home and working directory, and a data directory with or without a file. */
test('sources of signals are checked by kind, their files are relative to who names them, and a command stays as it is', (t) => {
  const { resolve, refusal, configFile, folder } = world(t)
  assert.deepEqual([resolve().signals, resolve().network], [[], 'auto'])
  const file = configFile({
    signals: [
      'trace:day.jsonl?speed=60',
      'viss:wss://car:6443?version=3&token-file=token',
      'command:./read day.jsonl',
    ],
    network: 'metered',
  })
  const { signals, network } = resolve()
  const home = dirname(file)
  assert.deepEqual(signals, [
    `trace:${join(home, 'day.jsonl')}?speed=60`,
    `viss:wss://car:6443?version=3&token-file=${join(home, 'token')}`,
    'command:./read day.jsonl',
  ])
  assert.equal(network, 'metered')
  assert.deepEqual(resolve(['--signals', 'trace:a', '--signals', 'kuksa:http://b:1']).signals, [
    `trace:${join(folder, 'a')}`,
    'kuksa:http://b:1',
  ])
  assert.match(refusal(['--signals', 'can0']), /can0.*trace:<file>, command:/s)
  assert.match(refusal(['--network', 'cheap']), /auto, metered, unmetered/)
})

test('a user without a home directory names a folder, and is told so where none is named', (t) => {
  const { machine, folder } = world(t)
  const homeless = { ...machine({ CARPOOL_DATA_DIR: undefined }), home: null }
  assert.throws(() => resolveConfig(['dataDir'], {}, homeless), /no home directory.*--data-dir/)
  assert.equal(resolveConfig(['dataDir'], { dataDir: folder }, homeless).dataDir, folder)
  const elsewhere = { ...homeless, environment: { XDG_DATA_HOME: folder } }
  assert.equal(resolveConfig(['dataDir'], {}, elsewhere).dataDir, join(folder, 'carpool'))
})

function world(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-config-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir)
  const machine = (environment: Record<string, string | undefined> = {}) => ({
    environment: { CARPOOL_DATA_DIR: dataDir, ...environment },
    home: join(folder, 'home'),
    workingDirectory: folder,
    cores: 8,
    timeZone: 'Europe/Berlin',
  })
  const resolve = (args: string[] = [], environment: Record<string, string | undefined> = {}) => {
    const command = addOptions(new Command(), optionNames).parse(args, { from: 'user' })
    return resolveConfig<OptionName>(optionNames, command.opts(), machine(environment))
  }
  const refusal = (args: string[], environment: Record<string, string | undefined> = {}): string => {
    try {
      resolve(args, environment)
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error))
      return error.message
    }
    return assert.fail('was accepted')
  }
  const configFile = (content: object | string) => {
    const path = join(dataDir, 'config.json')
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  return { folder, machine, resolve, refusal, configFile }
}

test('a price is for one runtime, exact, and of a currency', (t) => {
  const { resolve } = world(t)
  const prices = resolve(['--price', 'ocr=0.0002EUR', '--price', 'wasm=1 USD']).price
  assert.deepEqual(
    [...asksOf(prices)],
    [
      ['ocr', { currency: 'EUR', unitMicros: 200 }],
      ['wasm', { currency: 'USD', unitMicros: 1_000_000 }],
    ],
  )
  assert.deepEqual(resolve([], { CARPOOL_PRICE: 'ocr=0.5EUR' }).price, ['ocr=0.5EUR'])
  for (const bad of ['ocr', 'ocr=2', 'ocr=-1EUR', '0.1EUR', 'ocr=0.0000001EUR', 'ocr=1001EUR'])
    assert.throws(() => resolve(['--price', bad]), ConfigError, bad)
  assert.throws(() => resolve(['--price', 'ocr=1EUR', '--price', 'ocr=2EUR']), ConfigError)
})
