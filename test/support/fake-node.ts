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
import type {
  BilledShard,
  BillTotals,
  LedgerLine,
  ReceiptLine,
  SettleRequest,
  SettleView,
} from '../../src/host/ledger/contract.ts'
import type { FleetMemberRow } from '../../src/host/store/member-tables.ts'
import type { Cid, JobId, OwnerId, PeerId } from '../../src/protocol/ids.ts'

export const job = 'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku' as JobId
const peer = '12D3KooWGRUVh7sTvFn3mDqJbYzEYCkjjxGYV2TzEYrBcPXsvoUp' as PeerId
const owner = 'a'.repeat(64) as OwnerId

export const info: NodeInfo = {
  peer,
  name: 'fake',
  owner,
  fleet: { name: 'test', key: peer, isRegistrar: true, state: 'admitted', untilMs: 9, why: null },
  addresses: [`/ip4/127.0.0.1/tcp/4001/p2p/${peer}`],
  software: 'carpool/0.0.0',
  vehicle: {
    mode: 'run',
    slots: { total: 2, free: 1 },
    leases: 1,
    shardsDone: 4,
    receipts: 2,
    leasesReleased: 0,
  },
  connections: 3,
}

export const peerRow: PeerRow = {
  peer,
  name: 'fake',
  owner,
  counts: true,
  banned: false,
  slots: { total: 2, free: 1 },
  mode: 'run',
  reasons: [],
  engines: [{ runtime: 'ocr', engine: 'native', unitsPerHour: 1200 }],
  ageMs: 4_000,
  connected: true,
  self: false,
}

export const why: WhyView = {
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
  pages: { total: 40, verified: 12 },
  createdAtMs: 1_000,
  deadlineMs: 100_000,
}

export const status: JobStatus = {
  ...summary,
  documents: 4,
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
  vehicles: [{ peer, name: 'fake', owner, claims: 6, agreed: 6, contradicted: 0 }],
}

export const plan: Submitted = {
  job,
  known: false,
  documents: 4,
  pages: 40,
  shards: 20,
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
  pages: 40,
  shards: 20,
  engine: 'ocr/native',
  supply: { owners: 5, slots: 7 },
  payment: null,
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
    },
  ],
}

export const request: SubmitRequest = {
  paths: ['/scans'],
  runtime: 'ocr',
  engine: 'auto',
  module: null,
  options: { language: 'en', columns: 2, deskew: true },
  errorBound: 1e-4,
  colludingShare: 0.01,
  replicas: null,
  deadlineMs: 7_200_000,
  shortage: 'wait',
  arbiter: 'auto',
  selfCheck: false,
  standbys: 2,
  blind: false,
  category: 'documents',
  payment: null,
}

export const resultLine: ResultLine = {
  document: 'a.png',
  page: 1,
  result: { text: 'Ärger 🚗' },
  error: null,
}

export const resultsEnd: ResultsEnd = { pages: 2, missing: [{ document: 'b.png', page: 1, why: 'queued' }] }

const member: FleetMemberRow = { peer, vehicle: 'car', owner, state: 'pending', sinceMs: 1 }

const billTotals: BillTotals = {
  job,
  currency: 'EUR',
  budgetMicros: 5_000_000,
  paid: {
    replica: { executions: 0, micros: 0 },
    audit: { executions: 0, micros: 0 },
    copy: { executions: 0, micros: 0 },
  },
  owedMicros: 0,
  operatorMicros: 0,
  pendingMicros: 0,
  void: 0,
  closed: false,
  damagedAt: null,
}

/** Every method says what it was called with before it answers. */
export class FakeNode implements NodeApi {
  readonly calls: unknown[][] = []
  /** Lines that results() has been asked for. */
  resultsPulled = 0
  resultLines: readonly ResultLine[] = [resultLine]
  /** Resolves when the signal of a watch that had one status aborts. */
  readonly watchAborted = Promise.withResolvers<void>()

  info(): NodeInfo {
    this.calls.push(['info'])
    return info
  }

  peers(): PeerRow[] {
    this.calls.push(['peers'])
    return [peerRow]
  }

  async quote(asked: SubmitRequest): Promise<Quote> {
    this.calls.push(['quote', asked])
    return quote
  }

  async submit(...[asked, onProgress]: Parameters<NodeApi['submit']>): Promise<Submitted> {
    this.calls.push(['submit', asked])
    onProgress?.({ step: 'storing', done: 1, total: 2 })
    onProgress?.({ step: 'storing', done: 2, total: 2 })
    return plan
  }

  jobs(): JobSummary[] {
    this.calls.push(['jobs'])
    return [summary]
  }

  async status(asked: string): Promise<JobStatus> {
    this.calls.push(['status', asked])
    if (asked !== job) throw new RequestError(`there is no job '${asked}'`)
    return status
  }

  /** A running status and the end; of the job 'endless', only the first. */
  async *watch(asked: string, signal: AbortSignal): AsyncGenerator<JobStatus, void, undefined> {
    this.calls.push(['watch', asked])
    yield status
    if (asked === 'endless') {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      this.watchAborted.resolve()
      return
    }
    yield { ...status, state: 'complete' }
  }

  async *results(asked: string): AsyncGenerator<ResultLine, ResultsEnd, undefined> {
    this.calls.push(['results', asked])
    for (const line of this.resultLines) {
      this.resultsPulled += 1
      yield line
    }
    return resultsEnd
  }

  async cancel(asked: string): Promise<void> {
    this.calls.push(['cancel', asked])
  }

  async forget(asked: string): Promise<void> {
    this.calls.push(['forget', asked])
    throw new TypeError('a bug')
  }

  async report(asked: string, path: string): Promise<{ root: Cid; bytes: number }> {
    this.calls.push(['report', asked, path])
    return { root: job, bytes: 12_345 }
  }

  async earnings(...asked: Parameters<NodeApi['earnings']>): ReturnType<NodeApi['earnings']> {
    this.calls.push(['earnings', ...asked])
    return { peer, owner, damagedAt: null, currencies: [], jobs: [] }
  }

  async *bill(asked: string): AsyncGenerator<BilledShard, BillTotals> {
    this.calls.push(['bill', asked])
    yield { position: 0, outcome: 'open', executions: [] }
    return billTotals
  }

  async settle(asked: SettleRequest): Promise<SettleView> {
    this.calls.push(['settle', asked])
    return { owed: [], payouts: [], payout: null, damagedAt: null }
  }

  async *ledger(): AsyncGenerator<LedgerLine, null> {
    this.calls.push(['ledger'])
    yield* []
    return null
  }

  async *receipts(): AsyncGenerator<ReceiptLine, null> {
    this.calls.push(['receipts'])
    yield* []
    return null
  }

  fleetMembers(): FleetMemberRow[] {
    this.calls.push(['fleetMembers'])
    return [member]
  }

  fleetApprove(asked: PeerId): FleetMemberRow {
    this.calls.push(['fleetApprove', asked])
    return member
  }

  fleetAdmit(...asked: Parameters<NodeApi['fleetAdmit']>): FleetMemberRow {
    this.calls.push(['fleetAdmit', ...asked])
    return member
  }

  fleetRevoke(id: PeerId | OwnerId): FleetMemberRow[] {
    this.calls.push(['fleetRevoke', id])
    return [member]
  }

  fleetRotate(finish: boolean): { keys: readonly PeerId[] } {
    this.calls.push(['fleetRotate', finish])
    return { keys: [peer] }
  }

  why(): WhyView {
    this.calls.push(['why'])
    return why
  }

  /** One view, and no more until the reader has enough. */
  async *watchWhy(signal: AbortSignal): AsyncGenerator<WhyView, void, undefined> {
    this.calls.push(['watchWhy'])
    yield why
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    this.watchAborted.resolve()
  }

  pause(untilMs: number | null): void {
    this.calls.push(['pause', untilMs])
  }

  resume(): void {
    this.calls.push(['resume'])
  }
}
