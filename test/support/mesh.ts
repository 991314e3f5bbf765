/**
 * A mesh in one process: real nodes with real connections over the loopback, real databases and block stores in a
 * temporary folder; only the executor follows a script, unless a test brings a real one.
 *
 * The tests of one file share a mesh, each with jobs of its own: starting six nodes costs about a second of CPU.
 * Everything is closed at the end; a file whose process does not end by itself has leaked something.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import type { JobStatus, NodeApi, ResultLine, ResultsEnd, SubmitRequest } from '../../src/host/api.ts'
import type { Clock } from '../../src/host/clock.ts'
import { RequestError } from '../../src/host/errors.ts'
import type { Executor } from '../../src/host/executor/contract.ts'
import {
  certificateText,
  charterText,
  credentialText,
  signCertificate,
  signCharter,
  signCredential,
} from '../../src/host/membership/certificates.ts'
import { makeMeshKey } from '../../src/host/network/mesh-key.ts'
import { CarpoolNode } from '../../src/host/node/node.ts'
import type { NodeOptions } from '../../src/host/node/options.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { loadOrCreateKey, SigningKey } from '../../src/host/store/keys.ts'
import { submitDefaults } from '../../src/host/submit-defaults.ts'
import { cellAt, cellKeyOf } from '../../src/protocol/cells/key.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import type { Ask } from '../../src/protocol/price.ts'
import { defaultPreferences } from '../../src/protocol/rules/preferences.ts'
import { crash } from './crash.ts'
import { actingAs } from './diallers.ts'
import { MeshClock } from './mesh-clock.ts'
import { Inbox, type LogLine, logInbox } from './network.ts'
import { honest, type Script, ScriptedExecutor } from './scripted-executor.ts'

export interface MemberSpec {
  readonly name: string
  /** 0 for a node that only looks after jobs; 1 by default. */
  readonly slots?: number
  /** Vehicles with the same owner's name belong to one owner; by default each is its own. */
  readonly owner?: string
  /** False for one that looks after no jobs of others, as a laptop that submits one. */
  readonly standsBy?: boolean
  /** Honest unless a test says otherwise; `MeshNode.script` may be set anew at any time. */
  readonly script?: Script
  /** What its owner asks for a document, in millionths of a euro. */
  readonly askMicros?: number
  /** … and for what else, by runtime. */
  readonly asks?: ReadonlyMap<string, Ask>
  /** Its network is paid by the byte. */
  readonly isMetered?: boolean
  /** False: it knows no cells, though the mesh has some. */
  readonly knowsCells?: boolean
  /** Its own clock, in place of the mesh's. */
  readonly clock?: Clock
  /** It has the fleet's key, as the submitter has. */
  readonly isRegistrar?: boolean
  /** Where the mesh has a key and this node does not. */
  readonly isKeyless?: boolean
  /** Puts things into its data directory before it starts for the first time. */
  readonly prepare?: (dataDir: string) => void
  /** Where it is not to follow the script. */
  readonly createExecutor?: () => Executor
  /** The bits that its key begins with, for a mesh of cells in a fleet. */
  readonly cell?: string
}

export interface MeshOptions {
  /** Vehicles, each of an owner of its own; a number makes car-1, car-2 … */
  readonly vehicles?: number | readonly MemberSpec[]
  /** Nodes without slots beside the submitter: standby-1, standby-2 … */
  readonly standbys?: number
  /** A fleet of its own, with the submitter as its registrar; all members above are in. Without, an open mesh. */
  readonly fleet?: { readonly operatorPpm?: number }
  /** What makes the executors of all members, where they are not to follow scripts. */
  readonly createExecutor?: () => Executor
  /** All members know cells, with these limits. */
  readonly cells?: NodeOptions['cells']
  /** The bits that the submitter's key begins with, in a fleet. */
  readonly submitterCell?: string
  /** Hides the mesh behind a key that its members share. */
  readonly hasKey?: boolean
  /** Where a node listens and which address it announces, if something stands between it and the others. */
  readonly placeOf?: (name: string) => Promise<Pick<NodeOptions, 'listen' | 'announce'>>
}

/** For a machine at a standstill. */
const waitMsMax = 180_000
/** How often that is looked at which sends no event. */
const lookMs = 100
/** Longer than a node that has just started listens before it judges who is there. */
const settledMs = 6_000

export class Mesh {
  readonly clock = new MeshClock()
  readonly folder = mkdtempSync(join(tmpdir(), 'carpool-mesh-'))
  readonly #fleet: Fleet | null
  readonly #keyPath: string | null
  readonly #members = new Map<string, MeshNode>()
  readonly #owners = new Map<string, SigningKey>()
  readonly #placeOf: MeshOptions['placeOf']
  readonly #cells: NodeOptions['cells']
  #requests = 0

  /** Resolves when every node knows every other. */
  static async start({
    vehicles = 2,
    standbys = 0,
    createExecutor,
    submitterCell = '',
    ...of
  }: MeshOptions = {}): Promise<Mesh> {
    const mesh = new Mesh(of)
    try {
      const specs: MemberSpec[] = Array.from({ length: standbys }, (_, i) => ({
        name: `standby-${i + 1}`,
        slots: 0,
      }))
      if (typeof vehicles !== 'number') specs.push(...vehicles)
      else for (let i = 1; i <= vehicles; i += 1) specs.push({ name: `car-${i}` })
      const executor = createExecutor === undefined ? {} : { createExecutor }
      await mesh.#add({ ...executor, name: 'submitter', slots: 0, cell: submitterCell })
      await Promise.all(specs.map((spec) => mesh.#add({ ...executor, ...spec })))
      await mesh.acquainted()
      return mesh
    } catch (error) {
      await mesh.stop()
      throw error
    }
  }

  private constructor({
    fleet,
    placeOf,
    cells,
    hasKey = false,
  }: Pick<MeshOptions, 'fleet' | 'placeOf' | 'cells' | 'hasKey'>) {
    this.#cells = cells
    this.#placeOf = placeOf
    this.#keyPath = hasKey ? join(this.folder, 'mesh.key') : null
    if (this.#keyPath !== null) {
      writeFileSync(this.#keyPath, makeMeshKey(), { mode: 0o600 })
    }
    this.#fleet = fleet === undefined ? null : new Fleet(this.folder, fleet.operatorPpm ?? 0)
  }

  get submitter(): MeshNode {
    return this.node('submitter')
  }

  node(name: string): MeshNode {
    const found = this.#members.get(name)
    assert(found, `there is no ${name} in this mesh`)
    return found
  }

  /** All that run. */
  running(): MeshNode[] {
    return [...this.#members.values()].filter(({ isRunning }) => isRunning)
  }

  /** Starts one more node. `isAdmitted`: whether the fleet has let it in beforehand. */
  async join(spec: MemberSpec, isAdmitted = true): Promise<MeshNode> {
    const member = await this.#add(spec, isAdmitted)
    if (isAdmitted) await this.acquainted()
    return member
  }

  /** The same, and does not wait until it is known. */
  come(spec: MemberSpec): Promise<MeshNode> {
    return this.#add(spec)
  }

  /** Stops a node. Resolves when all others have heard its goodbye, or when its advert is over: the end of a connection may take a goodbye along. */
  async leave(name: string): Promise<void> {
    const { peer } = this.node(name)
    await this.node(name).stop()
    const rows = () => this.running().flatMap(({ api }) => api.peers().filter((row) => row.peer === peer))
    await this.until(`nobody is connected to ${name}`, () => !rows().some(({ connected }) => connected))
    await this.clock.leap(
      this.until(`everybody knows that ${name} has left`, () => rows().every(({ mode }) => mode === 'stop')),
    )
  }

  /** Resolves when every node that runs knows every other, and may judge who is there. */
  async acquainted(): Promise<void> {
    const members = this.running()
    const peers = members.map(({ peer }) => peer)
    const all = this.until('all know each other', () =>
      members.every(({ api }) => {
        const known = new Set(api.peers().map(({ peer }) => peer))
        return peers.every((peer) => known.has(peer))
      }),
    )
    // Where there are cells, a node says its first word within a minute, so that not all do at once.
    await (this.#cells === undefined ? all : this.clock.leap(all))
    this.clock.skip(settledMs)
  }

  /** Looks at what sends no event. `what` ends "never happened: …". */
  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = performance.now() + waitMsMax
    while (!(await condition())) {
      if (performance.now() > endMs) throw new Error(`never happened: ${what}\n${this.lastWords()}`)
      await delay(lookMs)
    }
  }

  /** Resolves when these stewards have as many records of a job as each other: who stops then takes none along. */
  sameRecords(job: string, nodes: readonly MeshNode[]): Promise<void> {
    return this.until('the stewards have the same records', () => {
      const counts = nodes.map(({ dataDir }) => {
        const database = new DatabaseSync(join(dataDir, 'carpool.sqlite'), { readOnly: true })
        const shared = "job = ? AND kind NOT IN ('manifest', 'statement')"
        const row = database.prepare(`SELECT count(*) AS n FROM records WHERE ${shared}`).get(job)
        database.close()
        return row!.n as number
      })
      return counts[0]! > 0 && counts.every((count) => count === counts[0])
    })
  }

  /** A job of these documents, each a shard of its own, verified by two owners. */
  request(texts: readonly string[], changes: Partial<SubmitRequest> = {}): SubmitRequest {
    this.#requests += 1
    const folder = join(this.folder, `documents-${this.#requests}`)
    mkdirSync(folder)
    for (const [i, text] of texts.entries())
      writeFileSync(join(folder, `${String(i).padStart(3, '0')}.txt`), text)
    const module = join(this.folder, 'module.wasm')
    writeFileSync(module, 'nobody executes this')
    return {
      ...submitDefaults,
      paths: [folder],
      runtime: 'wasm',
      module,
      replicas: 2,
      standbys: 0,
      ...changes,
    }
  }

  /** The last that each node has said, for a test that fails. */
  lastWords(): string {
    return [...this.#members.values()]
      .map(({ name, lines }) => `${name}: ${JSON.stringify(lines.items.slice(-8))}`)
      .join('\n')
  }

  async stop(): Promise<void> {
    await Promise.all(this.running().map((member) => member.stop()))
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #add(spec: MemberSpec, isAdmitted = true): Promise<MeshNode> {
    const dataDir = join(this.folder, spec.name)
    mkdirSync(dataDir, { mode: 0o700 })
    spec.prepare?.(dataDir)
    const key = loadOrCreateKey(join(dataDir, 'node.key'), 'node')
    const isRegistrar = spec.name === 'submitter' || spec.isRegistrar === true
    const owner = this.#ownerOf(spec, dataDir, key.peerId)
    if (isAdmitted) this.#fleet?.admit(dataDir, spec.name, key.peerId, owner.peer, spec.cell)
    const options = {
      ...(this.#cells === undefined || spec.knowsCells === false ? {} : { cells: this.#cells }),
      ...this.#optionsOf(spec),
      ...(await this.#placeOf?.(spec.name)),
      ...this.#fleet?.options(isRegistrar),
      meshKey: spec.isKeyless ? null : this.#keyPath,
      dataDir,
      ownerCertificate: owner.certificate,
    }
    const member = new MeshNode(spec, key.peerId, options, this.clock, () => this.addresses())
    this.#members.set(spec.name, member)
    await member.start(this.addresses())
    return member
  }

  /** Where somebody who comes finds the mesh: at the node that has run the longest. */
  addresses(): readonly string[] {
    return this.running()[0]?.api.info().addresses ?? []
  }

  /** The key of the owner of this name. */
  ownerKey(name: string): SigningKey {
    return this.#owners.get(name)!
  }

  /** The key that stands for the owner of a vehicle, and the path of the certificate if that is another's. */
  #ownerOf({ owner: name }: MemberSpec, dataDir: string, peer: PeerId) {
    if (name === undefined) return { peer, certificate: null }
    const key = this.#owners.get(name) ?? SigningKey.generate()
    this.#owners.set(name, key)
    const certificate = join(dataDir, 'owner.json')
    writeFileSync(certificate, certificateText(signCertificate(key, peer)))
    return { peer: key.peerId, certificate }
  }

  #optionsOf({
    name,
    slots = 1,
    standsBy = true,
    askMicros,
    asks: others,
    clock = this.clock,
    isMetered,
  }: MemberSpec) {
    const asks = new Map<string, Ask>(others)
    if (askMicros !== undefined) {
      asks.set('wasm', { currency: 'EUR', unitMicros: askMicros })
      asks.set('llm', { currency: 'EUR', unitMicros: askMicros, per: 1000 })
    }
    const own = { ...optionDefaults, name, slots, standsBy, asks, clock }
    if (isMetered !== true) return own
    const { wish } = optionDefaults
    const preferences = { ...wish.preferences, unmeteredOnly: false }
    return { ...own, network: 'metered' as const, wish: { ...wish, preferences } }
  }
}

/** A member of the mesh, over all its lives. */
export class MeshNode {
  readonly name: string
  readonly peer: PeerId
  readonly dataDir: string
  /** What its slots do from the next document on. */
  script: Script
  /** The documents that its slots were given, in their order. */
  readonly executed = new Inbox<string>()
  /** All that it logged. */
  readonly lines: Inbox<LogLine>
  readonly #options: Omit<NodeOptions, 'bootstrap' | 'executor'>
  readonly #createExecutor: () => Executor
  readonly #clock: MeshClock
  /** Where the mesh is found. */
  readonly #addresses: () => readonly string[]
  #node: CarpoolNode | undefined

  constructor(
    { name, script = honest, createExecutor }: MemberSpec,
    peer: PeerId,
    options: Omit<NodeOptions, 'bootstrap' | 'executor' | 'log'>,
    clock: MeshClock,
    addresses: () => readonly string[],
  ) {
    const { log, lines } = logInbox()
    this.name = name
    this.peer = peer
    this.dataDir = options.dataDir
    this.script = script
    this.lines = lines
    this.#options = { ...options, log }
    this.#clock = clock
    this.#addresses = addresses
    this.#createExecutor =
      createExecutor ?? (() => new ScriptedExecutor((text, engine) => this.#execute(text, engine)))
  }

  get isRunning(): boolean {
    return this.#node !== undefined
  }

  /** Whoever stands by is asked, and has a few seconds to answer: on a busy machine these wait for the nodes. */
  get api(): NodeApi {
    const { api } = this.node
    return { ...api, submit: (...request) => this.#clock.wait(api.submit(...request)) }
  }

  /** For what is started beside the node, such as its gateway. */
  get node(): CarpoolNode {
    assert(this.#node, `${this.name} does not run`)
    return this.#node
  }

  async start(bootstrap: readonly string[]): Promise<void> {
    assert(!this.isRunning, `${this.name} runs already`)
    this.#node = await actingAs(this.name, () =>
      CarpoolNode.start({ ...this.#options, bootstrap, executor: this.#createExecutor() }),
    )
  }

  async stop(): Promise<void> {
    const node = this.#node
    this.#node = undefined
    await node?.stop()
  }

  /** Ends as if it were killed. Takes effect before this returns; the promise is for the clearing up. */
  crash(): Promise<void> {
    return crash(this.peer, this.dataDir, () => this.stop())
  }

  /** Comes back through another node, if there is one. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start(this.#addresses())
  }

  /** Tries to start a second node on the same data. Rejects when that is refused, as it should be. */
  async startTwin(): Promise<void> {
    const twin = await CarpoolNode.start({
      ...this.#options,
      bootstrap: [],
      executor: this.#createExecutor(),
    })
    await twin.stop()
  }

  /** Resolves at this line of its log, from now on. */
  async says(pattern: RegExp): Promise<LogLine> {
    const known = new Set(this.lines.items)
    return this.lines.find((line) => !known.has(line) && pattern.test(line.msg))
  }

  /**
   * The first status of which this holds; fails when the job ends without. A standby may hear of a short job only after
   * its submitter has seen the end of it, so a node that does not know the job yet is waited for.
   */
  async status(job: string, what: string, holds: (status: JobStatus) => boolean): Promise<JobStatus> {
    let last: JobStatus | undefined
    for await (const status of this.#watch(job, AbortSignal.timeout(waitMsMax))) {
      if (holds(status)) return status
      last = status
    }
    throw new Error(`never happened: ${what}; the job was last seen as ${JSON.stringify(last)}`)
  }

  async *#watch(job: string, signal: AbortSignal): AsyncGenerator<JobStatus> {
    for (;;) {
      try {
        return yield* this.api.watch(job, signal)
      } catch (error) {
        if (!(error instanceof RequestError && /^there is no job/.test(error.message))) throw error
        await delay(lookMs, undefined, { signal })
      }
    }
  }

  /** The job's last status. */
  ended(job: string): Promise<JobStatus> {
    return this.status(job, `job ${job} ended`, ({ state }) => state !== 'running')
  }

  async results(job: string): Promise<{ readonly lines: readonly ResultLine[]; readonly end: ResultsEnd }> {
    const lines: ResultLine[] = []
    const results = this.api.results(job)
    for (;;) {
      const next = await results.next()
      if (next.done) return { lines, end: next.value }
      lines.push(next.value)
    }
  }

  /** The texts of all documents; fails when one is missing. */
  async texts(job: string): Promise<unknown[]> {
    const { lines, end } = await this.results(job)
    assert.deepEqual(end.missing, [])
    return lines.map(({ result }) => result?.text)
  }

  #execute(text: string, engine: string): ReturnType<Script> {
    this.executed.put(text)
    return this.script(text, engine)
  }
}

/** Changes a byte of every block that is a file of its own in this data directory. Answers their number. */
export function damage(dataDir: string): number {
  const paths = blockFilesOf(dataDir)
  for (const path of paths) {
    const bytes = readFileSync(path)
    bytes[bytes.byteLength >> 1]! ^= 1
    writeFileSync(path, bytes)
  }
  return paths.length
}

/** The size of all blocks that are files of their own. */
export function storedBytes(dataDir: string): number {
  // One that a node deletes meanwhile counts as nothing.
  return blockFilesOf(dataDir).reduce(
    (sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
}

function blockFilesOf(dataDir: string): string[] {
  const entries = ['blocks', 'weights'].flatMap((folder) =>
    readdirSync(join(dataDir, folder), { withFileTypes: true }),
  )
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** Holds work back until the test lets it go. */
export class Gate {
  readonly #opened = Promise.withResolvers<void>()

  /** Answers honestly, once the gate is open. */
  readonly script = async (text: string): Promise<string> => {
    await this.#opened.promise
    return text
  }

  open(): void {
    this.#opened.resolve()
  }
}

/** A fleet that lives as long as its mesh. */
class Fleet {
  readonly #key: SigningKey
  readonly #keyPath: string
  readonly #charterPath: string

  constructor(folder: string, operatorPpm: number) {
    this.#keyPath = join(folder, 'fleet.key')
    this.#charterPath = join(folder, 'fleet.json')
    this.#key = loadOrCreateKey(this.#keyPath, 'fleet')
    const charter = { name: 'test', keys: [this.#key.peerId], registrars: [], operatorPpm, revoked: [] }
    writeFileSync(this.#charterPath, charterText(signCharter(this.#key, charter, Date.now())))
  }

  options(isRegistrar: boolean): Pick<NodeOptions, 'fleet' | 'fleetKey'> {
    return { fleet: this.#charterPath, fleetKey: isRegistrar ? this.#keyPath : null }
  }

  /** Has the node find a credential in its folder when it starts. */
  admit(dataDir: string, vehicle: string, peer: PeerId, owner: PeerId, cell = ''): void {
    const content = { peer, vehicle, owner: ownerIdOf(sha256, owner) }
    const nowMs = Date.now()
    let credential = signCredential(this.#key, content, { nowMs })
    for (let earlierMs = 1; cellAt(cellKeyOf(sha256, peer, credential), cell.length) !== cell; earlierMs += 1)
      credential = signCredential(this.#key, content, { nowMs: nowMs - earlierMs })
    writeFileSync(join(dataDir, 'credential.json'), credentialText(credential))
  }
}

const optionDefaults = {
  listen: ['/ip4/127.0.0.1/tcp/0'],
  announce: [],
  fleet: null,
  fleetKey: null,
  cacheBytesMax: 2 ** 30,
  wish: { preferences: defaultPreferences, origins: {} as NodeOptions['wish']['origins'] },
  signals: [],
  network: 'unmetered',
  slotWatts: 10,
  standsBy: true,
  software: 'carpool/test',
} as const
