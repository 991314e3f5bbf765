/** A node that does nothing, and remembers what it was asked. */
import type {
  JobStatus,
  JobSummary,
  NodeApi,
  NodeInfo,
  PeerRow,
  Quote,
  ResultLine,
  ResultsEnd,
  SubmitRequest,
  Submitted,
  WhyView,
} from '../../src/host/api.ts'
import { RequestError } from '../../src/host/errors.ts'
import { operations } from '../../src/host/local/operations.ts'
import type { FleetMemberRow } from '../../src/host/store/member-tables.ts'
import type { JobId, OwnerId, PeerId } from '../../src/protocol/ids.ts'

export const job = 'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku' as JobId
const peer = '12D3KooWGRUVh7sTvFn3mDqJbYzEYCkjjxGYV2TzEYrBcPXsvoUp' as PeerId
const owner = 'a'.repeat(64) as OwnerId

export const info: NodeInfo = {
  peer,
  name: 'fake',
  owner,
  fleet: {
    name: 'test',
    key: peer,
    keys: [peer],
    isRegistrar: true,
    state: 'admitted',
    untilMs: 9,
    why: null,
  },
  addresses: [`/ip4/127.0.0.1/tcp/4001/p2p/${peer}`],
  reach: 'direct',
  cell: null,
  routerAddress: null,
  software: 'carpool/0.0.0',
  vehicle: {
    mode: 'run',
    slots: { total: 2, free: 1 },
    leases: 1,
    shardsDone: 4,
    receipts: 2,
    leasesReleased: 0,
    hasRoom: true,
  },
  connections: 3,
  notices: [],
}

export const peerRow: PeerRow = {
  peer,
  software: 'carpool/0.1.0',
  name: 'fake',
  owner,
  counts: true,
  banned: false,
  slots: { total: 2, free: 1 },
  mode: 'run',
  reasons: [],
  engines: [{ runtime: 'ocr', engine: 'native', unitsPerHour: 1200, ask: null }],
  ageMs: 4_000,
  reach: 'outbound',
  connected: true,
  self: false,
}

export const why: WhyView = {
  withheld: [],
  memory: [],
  mesh: [],
  fetching: [],
  verdict: 'stop',
  sentence: 'It stands still: unplugged (unplugged; asked for: plugged in); charge-low would hold it, too.',
  reasons: ['unplugged', 'charge-low'],
  availableUntilMs: 60_000,
  rules: [
    { code: 'driving', verdict: 'run', value: '0 km/h', limit: 'standing', preference: null, origin: null },
    {
      code: 'unplugged',
      verdict: 'stop',
      value: 'unplugged',
      limit: 'plugged in',
      preference: 'pluggedOnly',
      origin: 'default',
    },
    {
      code: 'charge-low',
      verdict: 'drain',
      value: '61 %',
      limit: 'at least 80 % to begin',
      preference: 'chargePercentMin',
      origin: '--charge-percent-min',
    },
  ],
}

export const summary: JobSummary = {
  job,
  runtime: 'ocr',
  state: 'running',
  reason: '',
  code: null,
  pages: { total: 40, verified: 12 },
  outcomes: null,
  createdAtMs: 1_000,
  deadlineMs: 100_000,
}

export const status: JobStatus = {
  ...summary,
  documents: 4,
  units: null,
  engine: 'native',
  replicas: 2,
  audits: null,
  errorBound: 1e-4,
  shards: { total: 20, queued: 4, leased: 6, returned: 2, verified: 6, disputed: 1, failed: 1 },
  executions: 17,
  payment: null,
  owners: { needed: 2, available: 5 },
  pagesPerSecond: 3.24159,
  etaMs: 9_000,
  contradicted: [],
  standbys: { named: 2, holding: 1 },
  acting: true,
  actor: null,
  doubts: [],
  fetching: [],
  vehicles: [{ peer, name: 'fake', owner, claims: 6, agreed: 6, contradicted: 0 }],
}

export const plan: Submitted = {
  job,
  known: false,
  documents: 4,
  languages: ['eng'],
  leftOut: [],
  refused: [],
  pages: 40,
  units: null,
  shards: 20,
  runtime: 'ocr',
  engine: 'native',
  replicas: 2,
  audits: null,
  errorBound: 1e-4,
  owners: { needed: 2, available: 5 },
  standbys: 2,
  blind: false,
  payment: null,
}

export const quote: Quote = {
  documents: 4,
  leftOut: [],
  refused: [],
  pages: 40,
  units: null,
  shards: 20,
  runtime: 'ocr',
  engine: 'ocr/native',
  supply: { owners: 5, slots: 7 },
  payment: null,
  waiting: null,
  dearer: { owners: 0, from: [] },
  plans: [
    {
      replicas: 2,
      lead: 3,
      audits: null,
      executionsPerShard: 2,
      errorBound: 1e-4,
      ownersNeeded: 2,
      computeMs: 80_000,
      elapsedMs: 11_429,
      cost: null,
      budgetChance: null,
    },
  ],
}

export const request: SubmitRequest = {
  as: 'auto',
  folder: null,
  paths: ['/scans'],
  runtime: 'ocr',
  engine: 'auto',
  module: null,
  model: null,
  promptTemplate: null,
  languages: null,
  traineddata: [],
  options: { language: 'en', columns: 2, deskew: true },
  errorBound: 1e-4,
  colludingShare: 0.01,
  replicas: null,
  shardSize: null,
  deadlineMs: 7_200_000,
  shortage: 'wait',
  arbiter: 'auto',
  selfCheck: false,
  standbys: 2,
  mustOutlive: false,
  blind: false,
  category: 'documents',
  payment: null,
  pages: null,
  passwordFile: null,
  strict: false,
  waits: false,
}

export const resultLine: ResultLine = {
  document: 'a.png',
  page: 1,
  result: { text: 'Ärger 🚗' },
  error: null,
}

export const resultsEnd: ResultsEnd = {
  runtime: 'ocr',
  pages: 2,
  documents: 2,
  outcomes: { pages: 1, withError: 0, withWarning: 0, errors: [], warnings: [] },
  missing: [{ document: 'b.png', page: 1, why: 'queued' }],
  doubts: [],
}

const member: FleetMemberRow = {
  peer,
  vehicle: 'car',
  owner,
  state: 'pending',
  sinceMs: 1,
  host: '192.0.2.1',
  credentialUntilMs: null,
}

export interface FakeNode extends NodeApi {
  /** The name of each method that was called, with what it was given. */
  readonly calls: unknown[][]
  /** Lines that results() has been asked for. */
  resultsPulled: number
  resultLines: readonly ResultLine[]
  /** Is given what a submission brings on stdin. */
  onSubmit: (stdin: AsyncIterable<Uint8Array> | undefined) => Promise<void>
  /** Resolves when the signal of a watch that had one status aborts. */
  readonly watchAborted: PromiseWithResolvers<void>
}

/** Remembers what it was asked, and answers what the tests ask about. */
export function fakeNode(): FakeNode {
  const calls: unknown[][] = []
  const known: Readonly<Record<string, (...given: never[]) => unknown>> = answersOf(() => node)
  const methods = Object.keys(operations).map((name) => [
    name,
    (...given: unknown[]) => {
      calls.push([name, ...given.filter(isPlain)])
      const answer = known[name] ?? missing(name)
      return answer(...(given as never[]))
    },
  ])
  const node: FakeNode = {
    ...(Object.fromEntries(methods) as NodeApi),
    calls,
    resultsPulled: 0,
    resultLines: [resultLine],
    onSubmit: async () => {},
    watchAborted: Promise.withResolvers<void>(),
  }
  return node
}

function answersOf(node: () => FakeNode): Partial<NodeApi> {
  const aborted = async (signal: AbortSignal) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    node().watchAborted.resolve()
  }
  return {
    info: () => info,
    peers: () => [peerRow],
    history: () => ({
      timeZone: 'UTC',
      days: [{ date: '2026-11-29', readyMs: 1, pauses: [], aloneMs: 0, work: [], handedBack: [], money: [] }],
    }),
    quote: async () => quote,
    retry: async () => plan,
    async *logs() {
      yield { document: 'a.txt', page: 1, text: 'first\nsecond\n', agreed: true }
      return { pages: 2, logs: 1 }
    },
    submit: async (_, onProgress, stdin) => {
      await node().onSubmit(stdin)
      onProgress?.({ step: 'storing', done: 1, total: 2 })
      onProgress?.({ step: 'storing', done: 2, total: 2 })
      return plan
    },
    jobs: () => [summary],
    status: async (asked) => {
      if (asked !== job) throw new RequestError(`there is no job '${asked}'`)
      return status
    },
    /** A running status and the end; of the job 'endless', only the first. */
    async *watch(asked, signal) {
      yield status
      if (asked === 'endless') await aborted(signal)
      else yield { ...status, state: 'complete' }
    },
    async *results() {
      for (const line of node().resultLines) {
        node().resultsPulled += 1
        yield line
      }
      return resultsEnd
    },
    cancel: async () => ({ job, state: 'cancelled', hadEnded: false, untold: 0 }),
    owes: () => null,
    forget: async () => {
      throw new TypeError('a bug')
    },
    release: async () => ({ job, heir: peer }),
    report: async () => ({ root: job, bytes: 12_345 }),
    fleetAdmit: () => ({ ...member, before: null }),
    why: () => why,
    /** One view, and no more until the reader has enough. */
    async *watchWhy(signal) {
      yield why
      await aborted(signal)
    },
    pause: () => {},
    resume: () => {},
  }
}

function missing(name: string): never {
  throw new Error(`the fake node has no answer to ${name}`)
}

function isPlain(given: unknown): boolean {
  if (given instanceof AbortSignal || given instanceof Function) return false
  return !(typeof given === 'object' && given !== null && Symbol.asyncIterator in given)
}
