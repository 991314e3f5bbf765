/** The commands as a shell sees them: what is on stdout and on stderr, and the exit code. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { Encrypter } from 'age-encryption'
import { pino } from 'pino'
import { isPrintable } from '../../src/base/printable.ts'
import { inContext } from '../../src/cli/contexts.ts'
import { shortPeer } from '../../src/cli/format.ts'
import type { NodeApi } from '../../src/host/api.ts'
import { RequestError } from '../../src/host/errors.ts'
import type { SettleRequest, SettleView } from '../../src/host/ledger/settle-contract.ts'
import { serveLocal } from '../../src/host/local/server.ts'
import { readCertificate, readCharter, readCredential } from '../../src/host/membership/certificates.ts'
import { loadKey, loadOrCreateKey } from '../../src/host/store/keys.ts'
import type { Cid } from '../../src/protocol/ids.ts'
import { commandEnvironment, type Ended, sharedCommands } from '../support/commands.ts'
import {
  type FakeNode,
  fakeNode,
  job,
  peerRow,
  plan,
  request,
  resultLine,
  resultsEnd,
  status,
} from '../support/fake-node.ts'
import { launcher } from '../support/launcher.ts'

/** In one process for all, which costs as much as one command; where it is the shell that matters, `runAlone`. */
const run = sharedCommands()
const { peer } = peerRow

test('a mistake in the command line is one line on stderr, with what was meant, and exit code 2', async (t) => {
  const dataDir = newDirectory(t)
  const mistakes: [string[], RegExp][] = [
    [['peer'], /unknown command 'peer' \(Did you mean peers\?\)/],
    [['why', '--data-dir', launcher], /carpool\.js: it is a file, and no folder/],
    [['peers', '--jsn'], /unknown option '--jsn' \(Did you mean --json\?\)/],
    [['submit', 'scans'], /required option '--runtime <name>' not specified/],
    [['submit', 'scans', '--runtime', 'ocr', '--error-bound', '2'], /--error-bound.*between 0 and 1/],
    [['submit', 'scans', '--runtime', 'ocr', '--deadline', 'soon'], /--deadline.*such as 90s, 45m, 2h or 1d/],
    [['history', '--days', '0'], /--days.*Say a number of days from 1 to 400/],
    [['pause', 'forever'], /'forever' is invalid.*Say a duration such as 1h, or today, or until-told/],
    [['node', '--slots', 'many', '--data-dir', dataDir], /--slots: "many" is not a whole number/],
  ]
  const ended = await runAll(mistakes.map(([args]) => args))
  for (const [i, [args, message]] of mistakes.entries()) {
    const { code, out, err } = ended[i]!
    assert.deepEqual([code, out], [2, ''], args.join(' '))
    assert.match(err, message)
    assert.match(err, /^carpool: .*\n$/)
  }
})

test('weights are listed and removed by what the node says of them', async (t) => {
  const row = {
    file: job as string as Cid,
    bytes: 3 * 2 ** 30,
    parts: 3072,
    partsHere: 1536,
    isPinned: true,
    isLinked: false,
    jobs: 2,
    usedAtMs: null,
  }
  const { dataDir, node } = await startFake(t)
  node.weights = () => [row]
  node.models = () => [{ name: 'letters', path: '/m/letters.gguf', bytes: 2 ** 20, addedAtMs: 0 }]
  node.removeModel = () => node.models()[0]!
  node.removeWeights = () => {
    throw new RequestError('they are in use by 2 jobs')
  }
  const { code, out } = await run(['weights', '--data-dir', dataDir])
  assert.equal(code, 0)
  assert.match(out, /3072\.0 MiB +50 % +2 +– +pinned\n1 file of weights, 3072\.0 MiB\nthe model letters, /)
  const refused = await run(['weights', 'remove', row.file, '--data-dir', dataDir])
  assert.deepEqual([refused.code, refused.err], [1, 'carpool: they are in use by 2 jobs\n'])
  const named = await run(['weights', 'remove', 'letters', '--data-dir', dataDir])
  assert.equal(named.out, 'removed the model letters, 1.0 MiB\n')
})

test('without a running node, a command says where it looked and how to start one', async (t) => {
  const dataDir = newDirectory(t)
  const { code, out, err } = await runAlone(['peers', '--data-dir', dataDir])
  assert.deepEqual([code, out], [1, ''])
  assert.equal(
    err,
    `carpool: no node is running on ${dataDir}; start one with: carpool node --data-dir ${dataDir}\n`,
  )
})

test('a stack is shown to whoever asks for --log-level debug, and to nobody else', async (t) => {
  const args = ['peers', '--data-dir', newDirectory(t)]
  assert.ok(!(await run(args)).err.includes('    at '))
  assert.ok((await run([...args, '--log-level', 'debug'])).err.includes('    at '))
})

test('help has examples, and goes to stdout', async () => {
  const { code, out, err } = await runAlone(['submit', '--help'])
  assert.deepEqual([code, err], [0, ''])
  assert.match(out, /Examples:\n {2}\$ carpool submit scans\//)
})

test('--json is machine readable line by line', async (t) => {
  const { dataDir } = await startFake(t)
  const commands = [
    ['peers'],
    ['jobs'],
    ['status', job],
    ['why'],
    ['pause'],
    ['resume'],
    ['history', '--days', '2'],
    ['config'],
    ['cancel', job],
    ['standby', 'release', job],
  ]
  for (const { code, out } of await runAll(
    commands.map((args) => [...args, '--json', '--data-dir', dataDir]),
  )) {
    assert.equal(code, 0)
    for (const line of out.trimEnd().split('\n')) assert.equal(typeof JSON.parse(line), 'object')
  }
})

test('a status that is not read by a person is every status as a JSON line', async (t) => {
  const { dataDir } = await startFake(t)
  const { out } = await run(['status', job, '--data-dir', dataDir])
  const states = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).state)
  assert.deepEqual(states, ['running', 'complete'])
  assert.deepEqual(JSON.parse((await run(['status', job, '--once', '--data-dir', dataDir])).out), status)
})

test('results that are incomplete are written, each missing page is named, and the exit code is 3', async (t) => {
  const { dataDir } = await startFake(t)
  const path = join(dataDir, 'out.jsonl')
  const { code, out, err } = await runAlone(['results', job, '-o', path, '--data-dir', dataDir])
  assert.deepEqual([code, out], [3, ''])
  assert.equal(readFileSync(path, 'utf8'), `${JSON.stringify(resultLine)}\n`)
  assert.match(
    err,
    /^1 of 2 pages missing:\n {2}b\.png page 1: queued\ncarpool: the results of job .* are incomplete/,
  )
  assert.equal((await run(['results', job, '--data-dir', dataDir])).out, `${JSON.stringify(resultLine)}\n`)
})

test('an output that cannot be written is refused before anything is submitted', async (t) => {
  const { dataDir, node } = await startFake(t)
  const path = join(dataDir, 'missing', 'out.jsonl')
  const args = ['submit', 'scans', '--runtime', 'ocr', '-o', path, '--data-dir', dataDir]
  const { code, err } = await run(args)
  assert.equal(code, 1)
  assert.ok(err.startsWith(`carpool: cannot write results to ${path}: `))
  assert.deepEqual(node.calls, [])
})

test('a running node is handed the job, and the command returns with the plan', async (t) => {
  const { dataDir, node } = await startFake(t)
  const flags = [
    '--deadline',
    '2h',
    '--option',
    'language=en',
    '--option',
    'columns=2',
    '--option',
    'deskew=true',
  ]
  const { code, out, err } = await run([
    'submit',
    '/scans',
    '--runtime',
    'ocr',
    ...flags,
    '--data-dir',
    dataDir,
  ])
  assert.deepEqual([code, err], [0, ''])
  assert.ok(out.startsWith(`job ${plan.job}\n4 documents, 40 pages`))
  assert.match(out, /follow it with: carpool status bafyreihdwdcefgh4d/)
  assert.deepEqual(node.calls, [['submit', request]])
})

test('results that are all there, errors among them, are written, and the exit code is 4', async (t) => {
  const outcomes = {
    ...{ pages: 2, withError: 1, withWarning: 0 },
    ...{ errors: [{ code: 'output-limit', count: 1 }], warnings: [] },
  }
  const { dataDir, node } = await startFake(t)
  Object.assign(node, {
    async *results() {
      yield resultLine
      return { ...resultsEnd, missing: [], outcomes }
    },
  })
  const path = join(newDirectory(t), 'out.jsonl')
  const { code, err } = await run(['results', job, '-o', path, '--data-dir', dataDir])
  assert.equal(code, 4)
  assert.equal(err, 'carpool: 1 of 2 pages ended in an error: output-limit × 1\n')
  assert.equal(readFileSync(path, 'utf8'), `${JSON.stringify(resultLine)}\n`)
})

test('retry makes a job of what failed, and wants to be told that it is that', async (t) => {
  const { dataDir, node } = await startFake(t)
  const vague = await run(['retry', job, '--data-dir', dataDir])
  assert.deepEqual([vague.code, vague.err], [2, 'carpool: say which documents to do again: add --failed\n'])
  const { code, out } = await run(['retry', job, '--failed', '--data-dir', dataDir])
  assert.equal(code, 0)
  assert(out.startsWith(`job ${plan.job}\n`), out)
  assert.deepEqual(
    node.calls.filter(([name]) => name === 'retry'),
    [['retry', { job }]],
  )
})

test('logs are shown document by document, line by line, and as JSON lines', async (t) => {
  const { dataDir } = await startFake(t)
  const shown = await run(['logs', job, '--data-dir', dataDir])
  assert.deepEqual(
    [shown.code, shown.out, shown.err],
    [0, 'a.txt page 1:\n  first\n  second\n', '1 page of 2 wrote to stderr\n'],
  )
  const { out } = await run(['logs', job, '--json', '--data-dir', dataDir])
  assert.deepEqual(JSON.parse(out), { document: 'a.txt', page: 1, text: 'first\nsecond\n', agreed: true })
})

test('with results on stdout, everything else is said on stderr', async (t) => {
  const { dataDir } = await startFake(t)
  const { code, out, err } = await run([
    'submit',
    '/scans',
    '--runtime',
    'ocr',
    '-o',
    '-',
    '--data-dir',
    dataDir,
  ])
  assert.equal(code, 3)
  assert.equal(out, `${JSON.stringify(resultLine)}\n`)
  assert.ok(err.startsWith(`job ${plan.job}\n`))
})

test('a submission that fails says why before it says what is missing', async (t) => {
  const { dataDir, node } = await startFake(t)
  const reason = 'the budget of 1 EUR is too small for the shards still open'
  Object.assign(node, {
    async *watch() {
      yield { ...status, state: 'failed', reason }
    },
  } satisfies Partial<NodeApi>)
  const path = join(newDirectory(t), 'out.jsonl')
  const { code, err } = await run(['submit', '/scans', '--runtime', 'ocr', '-o', path, '--data-dir', dataDir])
  assert.equal(code, 3)
  assert.match(err, new RegExp(`failed, .* verified: ${reason}\\n1 of 2 pages missing:`))
})

test('a job that still owes is forgotten with --yes alone where nobody can be asked', async (t) => {
  const { dataDir, node } = await startFake(t)
  let forgotten = 0
  Object.assign(node, {
    owes: () => ({ job, currency: 'EUR', micros: 43_038, payees: 3 }) as const,
    forget: async () => {
      forgotten += 1
    },
  } satisfies Partial<NodeApi>)
  const refused = await run(['forget', job, '--data-dir', dataDir])
  assert.equal(refused.code, 1)
  assert.match(refused.err, /still owes 0\.043038 EUR to 3 payees.*carpool settle.*or say --yes/)
  assert.equal((await run(['forget', job, '--yes', '--data-dir', dataDir])).code, 0)
  assert.equal(forgotten, 1)
})

test('a node prints its addresses when it is ready, is asked by its socket, and ends with 0 on SIGTERM', async (t) => {
  const dataDir = newDirectory(t)
  const node = start(t, [
    'node',
    '--json',
    '--listen',
    '/ip4/127.0.0.1/tcp/0',
    '--slots',
    '0',
    '--data-dir',
    dataDir,
  ])
  const lines = createInterface({ input: node.stdout! })[Symbol.asyncIterator]()
  const ready = JSON.parse((await lines.next()).value!)
  assert.deepEqual([ready.event, ready.dataDir], ['ready', dataDir])
  assert.match(ready.addresses[0], new RegExp(`^/ip4/127.0.0.1/tcp/\\d+/p2p/${ready.peer}$`))

  const [self] = (await run(['peers', '--json', '--data-dir', dataDir])).out.trimEnd().split('\n')
  assert.equal(JSON.parse(self!).peer, ready.peer)
  const second = await runAlone(['node', '--data-dir', dataDir])
  assert.equal(second.code, 1)
  assert.match(second.err, /^carpool: data directory .* is in use by another node \(pid \d+\)\n$/)

  const ended = once(node, 'exit')
  node.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
  assert.deepEqual(JSON.parse((await lines.next()).value!), { event: 'stopping', signal: 'SIGTERM' })
})

test('the peer id of a node that has never run is known beforehand, and stays', async (t) => {
  const dataDir = join(newDirectory(t), 'new')
  const id = (await run(['id', '--data-dir', dataDir])).out.trim()
  assert.equal(loadKey(join(dataDir, 'node.key')).peerId, id)
  const again = JSON.parse((await run(['id', '--json', '--data-dir', dataDir])).out)
  assert.deepEqual([again.peer, again.event], [id, 'id'])
})

test('help knows the commands of a group', async () => {
  const { code, out } = await run(['help', 'fleet', 'init'])
  assert.deepEqual([code, /--registrar <multiaddr>/.test(out)], [0, true], out)
})

test('an owner vouches for a vehicle, and a fleet admits it by hand', async (t) => {
  const folder = newDirectory(t)
  const [key, certificate, fleet] = ['owner.key', 'certificate', 'fleet.json'].map((name) =>
    join(folder, name),
  )
  const early = await run(['owner', 'sign', peer, '--key', key!])
  assert.deepEqual([early.code, early.out], [1, ''])
  assert.match(early.err, /there is no owner key at .*; make one with: carpool owner init --key /)

  const owner = (await run(['owner', 'init', '--key', key!])).out.trim()
  assert.match(owner, /^[0-9a-f]{64}$/)
  assert.equal((await run(['owner', 'init', '--key', key!])).out.trim(), owner)
  await run(['owner', 'sign', peer, '--key', key!, '-o', certificate!])
  assert.deepEqual(readCertificate(certificate!).content.payload, { peer })

  const fleetKey = join(folder, 'fleet.key')
  const made = await run([
    'fleet',
    'init',
    '--key',
    fleetKey,
    '--name',
    'test',
    '-o',
    fleet!,
    '--data-dir',
    folder,
  ])
  assert(made.err.includes(`--fleet-key ${fleetKey} --data-dir ${folder};`), made.err)
  const { signer, payload } = readCharter(fleet!).content
  const before = [fleet!, fleetKey].map((path) => readFileSync(path, 'utf8'))
  for (const [files, named] of [
    [['--key', fleetKey, '-o', fleet!], fleetKey],
    [['--key', fleetKey, '-o', join(folder, 'other.json')], fleetKey],
    [['--key', join(folder, 'other.key'), '-o', fleet!], fleet!],
    [
      ['--key', join(folder, 'other.key'), '-o', join(folder, 'other.json'), '--mesh-key', fleetKey],
      fleetKey,
    ],
    [['--key', join(folder, 'one'), '-o', join(folder, 'one')], join(folder, 'one')],
  ] as const) {
    const again = await run(['fleet', 'init', '--name', 'again', ...files])
    assert.deepEqual([again.code === 0, again.out], [false, ''])
    assert(again.err.includes(named), again.err)
  }
  assert.deepEqual(
    [fleet!, fleetKey].map((path) => readFileSync(path, 'utf8')),
    before,
  )
  assert.deepEqual(
    readdirSync(folder).filter((name) => /^o(ther|ne)/.test(name)),
    [],
  )
  assert.deepEqual(payload, { name: 'test', keys: [signer], registrars: [], operatorPpm: 0, revoked: [] })
  const credential = join(folder, 'credential.json')
  const admit = ['fleet', 'admit', peer, '--key', fleetKey, '--vehicle', 'car', '-o', credential]
  await run([...admit, '--owner', owner])
  assert.deepEqual(readCredential(credential).content.payload, { peer, vehicle: 'car', owner })
  const wrong = await run([...admit, '--owner', 'somebody'])
  assert.match(wrong.err, /'somebody' is not an owner id/)
})

test('bans are listed with their evidence, and lifted by owner', async (t) => {
  const { dataDir, node } = await startFake(t)
  const row = { owner: peerRow.owner, peer, because: 'equivocation', evidence: job, sinceMs: 1 } as const
  Object.assign(node, { bans: () => [row], liftBan: () => row } satisfies Partial<NodeApi>)
  const listed = await run(['bans', '--data-dir', dataDir])
  for (const part of [row.owner, job, 'signed two results']) assert(listed.out.includes(part), listed.out)
  assert.deepEqual(JSON.parse((await run(['bans', '--json', '--data-dir', dataDir])).out), row)
  const lifted = await run(['bans', 'lift', row.owner, '--data-dir', dataDir])
  assert.match(lifted.out, /may work for this node again/)
  const json = await run(['bans', 'lift', row.owner, '--data-dir', dataDir, '--json'])
  assert.equal(JSON.parse(json.out).event, 'lifted')
  assert.match((await run(['bans', 'lift', 'van', '--data-dir', dataDir])).err, /'van' is not an owner id/)
})

test('commands below settle take the flags that settle has as well, before their name and after it', async (t) => {
  const { dataDir, node } = await startFake(t)
  const asked: SettleRequest[] = []
  const view = { owed: [], payouts: [], payout: null, steps: [], refused: [], noted: 1 }
  const settle = async (request: SettleRequest): Promise<SettleView> => {
    asked.push(request)
    return { ...view, elsewhere: 0, doubt: null, damagedAt: null }
  }
  Object.assign(node, { settle } satisfies Partial<NodeApi>)
  const name = 'P260630-Ab3dE9-1k2m3n4'
  const ended = await runAll([
    ['settle', 'list', '--data-dir', dataDir, '--json'],
    ['settle', '--data-dir', dataDir, 'list'],
    ['settle', 'mark', name, 'paid', '--reference', 'statement 42, line 7', '--data-dir', dataDir],
    ['settle', 'return', name, '--reason', 'account closed', '--data-dir', dataDir],
  ])
  for (const { code, err } of ended) assert.equal(code, 0, err)
  assert.equal(JSON.parse(ended[0]!.out).event, 'settlement')
  assert.deepEqual(
    asked.flatMap((request) => (request.action === 'note' ? request.news : [])),
    [
      { of: name, state: 'paid', reference: 'statement 42, line 7', reason: '' },
      { of: name, state: 'returned', reference: '', reason: 'account closed' },
    ],
  )
})

test('the submitter’s key goes to another data directory, locked, and never over another one', async (t) => {
  const [here, there, files] = [newDirectory(t), newDirectory(t), newDirectory(t)]
  const [locked, passphrase] = [join(files, 'key.age'), join(files, 'passphrase')]
  writeFileSync(passphrase, 'long enough to guess at\n')
  const given = ['--passphrase-file', passphrase]
  const exported = await runAlone(['key', 'export', '-o', locked, ...given, '--data-dir', here])
  assert.equal(exported.code, 0, exported.err)
  const key = readFileSync(join(here, 'submitter.key'))
  assert(!readFileSync(locked).includes(key.subarray(-60, -30)))
  assert.match((await run(['key', 'export', '-o', locked, ...given, '--data-dir', here])).err, /exists/)

  const imported = await run(['key', 'import', locked, ...given, '--data-dir', there])
  assert.equal(imported.code, 0, imported.err)
  assert.deepEqual(readFileSync(join(there, 'submitter.key')), key)
  // The same, where to guess costs little, and so to know.
  const encrypter = new Encrypter()
  encrypter.setPassphrase('long enough to guess at')
  encrypter.setScryptWorkFactor(10)
  writeFileSync(locked, await encrypter.encrypt(key))
  assert.equal(
    (await run(['key', 'import', locked, ...given, '--data-dir', there])).code,
    0,
    'it is there already',
  )

  const other = newDirectory(t)
  loadOrCreateKey(join(other, 'submitter.key'), 'submitter')
  const refused = await run(['key', 'import', locked, ...given, '--data-dir', other])
  assert.match(refused.err, /is another key, with jobs of its own/)
  writeFileSync(passphrase, 'another passphrase')
  assert.match((await run(['key', 'import', locked, ...given, '--data-dir', other])).err, /does not open/)
  writeFileSync(passphrase, 'short')
  const guessed = await run(['key', 'export', '-o', join(files, 'x.age'), ...given, '--data-dir', here])
  assert.deepEqual([guessed.code, readdirSync(files).includes('x.age')], [2, false])
})

test('a context is the mesh of commands about jobs, where nothing else names one', async (t) => {
  const dataDir = newDirectory(t)
  const address = `/ip4/127.0.0.1/tcp/1/p2p/${peer}`
  const context = (...args: string[]) => run(['context', ...args, '--data-dir', dataDir])
  assert.match((await run(['jobs', '--data-dir', dataDir])).err, /name a node of the mesh with --bootstrap/)
  assert.match((await context('add', 'depot', '127.0.0.1')).err, /is not the address of a peer/)
  assert.match((await context('add', 'depot', address)).out, /depot +yes/)
  await context('add', 'other', address)
  assert.match((await context('use', 'nowhere')).err, /there is no context 'nowhere'; there are depot, other/)
  assert.match((await context('use', 'depot')).out, /depot +yes/)
  assert.match((await context('remove', 'depot')).out, /^CONTEXT.*\nother +\/ip4/m)
  const inUse = { used: 'other', meshes: { other: [address] } }
  writeFileSync(join(dataDir, 'contexts.json'), JSON.stringify(inUse))
  const config = { dataDir, bootstrap: [], origins: { bootstrap: { layer: 'default' } } }
  assert.deepEqual(inContext(config).bootstrap, [address])
  assert.deepEqual(inContext({ ...config, origins: { bootstrap: { layer: 'flag' } } }).bootstrap, [])
  writeFileSync(join(dataDir, 'contexts.json'), '{')
  assert.match((await context('list')).err, /is damaged; remove it/)
})

test('a standby that is released names the node that has its job now', async (t) => {
  const { dataDir } = await startFake(t)
  const release = ['standby', 'release', job, '--data-dir', dataDir]
  const { code, out } = await run(release)
  assert.equal(code, 0)
  assert.match(out, new RegExp(`^job ${job} is handed over to node ${shortPeer(peer)}, .*let it go\n$`))
  assert.deepEqual(JSON.parse((await run([...release, '--json'])).out), {
    event: 'released',
    job,
    heir: peer,
  })
})

test('whatever strangers name things, no command’s output draws on a terminal or forges a line', async (t) => {
  const { dataDir, node } = await startFake(t)
  const words = '\x1b[2J\x9b31m\u202evan\r\n12:00:00 info  forged'
  const asked = { peer, vehicle: words, owner: null, sinceMs: 1, host: words, credentialUntilMs: null }
  const row = { ...asked, state: 'admitted' } as const
  const refusal = async () => {
    throw new RequestError(`the fleet has not let this node in (${words})`)
  }
  const hostile: Partial<NodeApi> = {
    peers: () => [
      { ...peerRow, name: words, engines: [{ runtime: words, engine: words, unitsPerHour: 1, ask: null }] },
    ],
    jobs: () => [{ ...status, runtime: words, reason: words }],
    status: async () => ({ ...status, state: 'failed', reason: words, runtime: words, doubts: [words] }),
    async *results() {
      yield { document: words, page: 1, result: { text: words }, error: null }
      const missing = [{ document: words, page: 1, why: words }]
      return { ...resultsEnd, missing, doubts: [words] }
    },
    fleetMembers: () => [row],
    fleetRevoke: () => [{ ...row, state: 'revoked', before: 'admitted' }],
    cancel: refusal,
    release: refusal,
    submit: refusal,
  }
  Object.assign(node, hostile)
  const commands = [
    ['peers'],
    ['jobs'],
    ['status', job, '--once'],
    ['results', job],
    ['fleet', 'list'],
    ['fleet', 'revoke', peer],
    ['cancel', job],
    ['standby', 'release', job],
    ['submit', '/scans', '--runtime', 'ocr'],
  ]
  const lists = commands.flatMap((args) =>
    [[], ['--json']].map((json) => [...args, ...json, '--data-dir', dataDir]),
  )
  for (const [i, { out, err }] of (await runAll(lists)).entries()) {
    const command = lists[i]!.join(' ')
    assert(`${out}${err}`.includes('van'), `${command}: ${out}${err}`)
    for (const line of `${out}${err}`.split('\n')) {
      assert(isPrintable(line), JSON.stringify(line))
      assert(!line.startsWith('12:00:00'), `${command} forges a line`)
    }
  }
})

function start(t: TestContext | null, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [launcher, ...args], { env: commandEnvironment() })
  t?.after(() => child.kill('SIGKILL'))
  return child
}

/** As a shell does it. */
async function runAlone(args: readonly string[]): Promise<Ended> {
  const child = start(null, args)
  const [[code], out, err] = await Promise.all([
    once(child, 'close'),
    text(child.stdout!),
    text(child.stderr!),
  ])
  return { code, out, err }
}

function runAll(lists: readonly (readonly string[])[]): Promise<Ended[]> {
  return Promise.all(lists.map(run))
}

async function startFake(t: TestContext): Promise<{ dataDir: string; node: FakeNode }> {
  const dataDir = newDirectory(t)
  const node = fakeNode()
  const server = await serveLocal(node, dataDir, pino({ level: 'silent' }))
  t.after(() => server.close())
  return { dataDir, node }
}

function newDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'carpool-test-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}
