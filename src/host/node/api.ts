/** Answers the questions that a node is asked: each goes to the part that knows. */
import type { CellView } from '../../protocol/cells/cells.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { BanRow, NodeApi, NodeInfo, PeerRow, SignedText, SubmitRequest, Submitted } from '../api.ts'
import { RequestError } from '../errors.ts'
import { Money } from '../ledger/money.ts'
import { Payouts } from '../ledger/payouts.ts'
import { ShownAccounts } from '../ledger/shown-accounts.ts'
import { modelsOf } from '../models.ts'
import type { Ban } from '../store/member-tables.ts'
import { plain } from '../store/plain.ts'
import { watchWhy, whyOf } from '../supervisor/why.ts'
import { inSpan } from '../tracing.ts'
import { weightsOf } from '../weights.ts'
import { fleetOf, registrarOf } from './fleet-api.ts'
import type { Parts } from './parts.ts'
import { mayTakeOver } from './taking-over.ts'

/** Bytes of a document in one answer: a guess. */
const documentPartBytes = 2 ** 20
/** Energy by the hour is shown as far back. */
const yearDays = 366

export function apiOf(parts: Parts): NodeApi {
  const { options, clock, identity, vehicle, watch, withheld, jobs, store, notices } = parts
  const { key, owner, fleet } = identity
  const origins = () => parts.terms.current.wish.origins
  const notes = {
    withheld,
    memory: () => memoryNotes(parts),
    mesh: () => notices.list().map(({ text }) => text),
    fetching: () => vehicle.arrivals(),
  }
  const operates = fleet?.registrar == null ? null : fleet.fleet
  const money = new Money({
    self: key.peerId,
    owner,
    submitter: jobs.submitter,
    operates,
    store,
    earnings: vehicle.earnings,
    energy: () => ({ idleWatts: options.idleWatts ?? 0, hours: parts.history.energy(yearDays) }),
  })
  const accounts = new ShownAccounts({
    self: key.peerId,
    owner,
    fleet,
    everybody: () => parts.membership.everybody(),
    network: parts.network.accounts,
    money,
  })
  const payouts = new Payouts(store.database, store.books, parts.desk.payer, (accounts) =>
    jobs.paid(accounts),
  )
  return {
    info: () => infoOf(parts),
    peers: () => peerRows(parts),
    why: () => whyOf(watch.judgement(), origins(), notes),
    watchWhy: (signal) => watchWhy(watch, origins, signal, notes),
    pause: (untilMs, isDate) => watch.pause(untilMs, isDate),
    resume: () => watch.resume(),
    reload: () => {
      if (options.reload === undefined)
        throw new RequestError('this node was not started with a configuration that can be read again')
      return options.reload()
    },
    quote: async (request, onProgress, stdin) => {
      await requireAdmission(parts)
      return jobs.quote(request, onProgress ?? (() => {}), stdin)
    },
    submit: async (request, onProgress, stdin) => {
      await requireAdmission(parts)
      return traced(request, () => jobs.submit(request, onProgress ?? (() => {}), stdin))
    },
    retry: async (request, onProgress) => {
      await requireAdmission(parts)
      return jobs.retry(request.job, onProgress ?? (() => {}))
    },
    history: (days) => parts.history.view(days),
    jobs: () => jobs.list(),
    seekJobs: () => jobs.seek(),
    status: (job) => jobs.status(job),
    watch: (job, signal) => jobs.watch(job, signal),
    shardMap: (job) => jobs.shardMap(job),
    results: (job) => jobs.contents.results(job),
    followResults: (job: string, signal: AbortSignal = new AbortController().signal) =>
      jobs.contents.followResults(job, signal),
    async *document(job, name, page) {
      const { bytes, ...pages } = await jobs.contents.document(job, name, page)
      const buffer = Buffer.from(bytes)
      for (let at = 0; at < buffer.byteLength; at += documentPartBytes)
        yield { base64: buffer.toString('base64', at, at + documentPartBytes) }
      return pages
    },
    logs: (job) => jobs.contents.logs(job),
    cancel: (job) => jobs.cancel(job),
    owes: (job) => jobs.owes(job),
    forget: (job) => jobs.forget(job),
    release: (job) => jobs.release(job),
    report: (job, path) => jobs.contents.report(job, path),
    earnings: (periods) => money.earnings(periods),
    ownersAccounts: (access, periods) => accounts.ofOwner(recordFromBase64(access), periods),
    operatorsAccounts: (periods) =>
      accounts.ofOperator(registrarOf(fleet).charters.accountsAccess(key.peerId), periods),
    bill: (job) => jobs.bill(job, money),
    settle: async (request) => {
      if (request.action === 'take-over') mayTakeOver(parts)
      return payouts.settle(request, clock.now())
    },
    payments: () => vehicle.earnings.payers.payments(),
    markPayment: (settlement, isMissing) => vehicle.earnings.payers.mark(settlement, isMissing),
    async *ledger() {
      yield* money.ledger()
      return null
    },
    async *receipts() {
      yield* money.receipts()
      return null
    },
    ...fleetOf(fleet),
    ...weightsOf(store.blocks),
    ...modelsOf(store.directory.modelsPath),
    bans: () => parts.bans.list().map(banRow),
    liftBan: (owner) => banRow(parts.bans.lift(owner)),
  }
}

function memoryNotes({ scarceMemory, executor: { killedByMemory = 0 } }: Parts): string[] {
  const times = killedByMemory === 1 ? 'once' : `${killedByMemory} times`
  const killed = `memory ran out ${times}, and the kernel ended a slot's process: fewer slots (--slots) need less`
  return [...(scarceMemory === null ? [] : [scarceMemory]), ...(killedByMemory === 0 ? [] : [killed])]
}

function cellInfo(view: CellView | null): NodeInfo['cell'] {
  return view && { name: view.cell, members: view.members, isSpeaker: view.isSpeaker, mesh: view.mesh }
}

function infoOf({ options, identity, network, vehicle, cells, notices }: Parts): NodeInfo {
  return {
    peer: identity.key.peerId,
    name: identity.name,
    owner: identity.owner,
    fleet: identity.fleet?.standing ?? null,
    addresses: network.addresses(),
    cell: cells === null ? null : cellInfo(cells.view),
    reach: network.reachability ?? null,
    routerAddress: network.routerAddress ?? null,
    software: options.software,
    vehicle: vehicle.view(),
    connections: network.connectedPeers().length,
    notices: notices.list(),
  }
}

function peerRows({ identity, membership, bans, network }: Parts): PeerRow[] {
  const connected = new Set(network.connectedPeers())
  return membership.everybody().map((capacity) => ({
    peer: capacity.peer,
    software: capacity.software,
    name: capacity.name,
    owner: capacity.owner,
    counts: identity.fleet === null ? null : true,
    banned: bans.has(capacity.owner),
    slots: capacity.slots,
    mode: capacity.mode,
    reasons: capacity.reasons,
    engines: capacity.engines.map(({ runtime, engine, unitsPerHour, ask }) => ({
      runtime,
      engine,
      unitsPerHour,
      ask,
    })),
    ageMs: membership.ageMs(capacity.peer),
    reach: capacity.reach ?? null,
    connected: connected.has(capacity.peer),
    self: capacity.peer === identity.key.peerId,
  }))
}

function banRow({ owner, peer, because, evidenceId, atMs }: Ban): BanRow {
  return { owner, peer, because, evidence: evidenceId, sinceMs: atMs }
}

/** Before this node asks anybody to work for it; somebody who was let in beforehand is in within seconds. Throws RequestError. */
export async function requireAdmission({ identity: { fleet, key }, membership }: Parts): Promise<void> {
  if (fleet === null || fleet.standing.state === 'admitted') return
  await membership.settled()
  const { state, name, why } = fleet.standing
  if (state === 'waiting')
    throw new RequestError(
      `the fleet ${name} has not let this node in${why === null ? '' : ` (${why})`}; its operator lets it in with: carpool fleet approve ${key.peerId}`,
    )
}

/** A submission as a span, from the wish to the job. */
export function traced(
  { runtime, engine }: Pick<SubmitRequest, 'runtime' | 'engine'>,
  submit: () => Promise<Submitted>,
): Promise<Submitted> {
  return inSpan('carpool.submit', { 'carpool.runtime': runtime, 'carpool.engine': engine }, async (span) => {
    const submitted = await submit()
    const { job, documents, shards } = submitted
    span?.setAttributes({ 'carpool.job': job, 'carpool.documents': documents, 'carpool.shards': shards })
    return submitted
  })
}

function recordFromBase64({ body, signature }: SignedText): SignedRecord {
  return { body: plain(Buffer.from(body, 'base64')), signature: plain(Buffer.from(signature, 'base64')) }
}
