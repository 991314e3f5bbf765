/**
 * Checks every ledger after every entry, written from the rules and apart from the ledger: balances sum to zero; a
 * claim is resolved once; a shard is paid at most once to a vehicle and once to an owner, for what its lease
 * promised, and to nobody that no verdict names. In the end both sides of every job must say the same.
 */
import type { JobId, OwnerId, PeerId, RecordId } from '../protocol/ids.ts'
import type { Lease } from '../protocol/job/lease.ts'
import type { ShardVerdict } from '../protocol/job/verdict.ts'
import type { Entry } from '../protocol/ledger/entry.ts'

interface Ledger {
  entries: number
  /** The sums set aside and the sums owed, by account. */
  readonly pending: Map<string, number>
  readonly posted: Map<string, number>
  /** The last entry about each claim. */
  readonly last: Map<string, Entry>
  /** Claims that are paid, by job, position and vehicle, and by job, position and owner. */
  readonly paid: Map<string, string>
  /** The sum of paid claims, by job. */
  readonly spent: Map<JobId, number>
}

export class LedgerChecker {
  readonly #blame: (violation: string) => void
  readonly #budgets = new Map<JobId, number>()
  readonly #ledgers = new Map<PeerId, Ledger>()
  /** Receipts that some verdict names, as `<receipt>/<position>`. */
  readonly #named = new Set<string>()
  readonly #leaseOf = new Map<RecordId, Lease>()

  constructor(blame: (violation: string) => void) {
    this.#blame = blame
  }

  job(job: JobId, budgetMicros: number | null): void {
    this.#budgets.set(job, budgetMicros ?? 0)
  }

  receipt(id: RecordId, lease: Lease): void {
    this.#leaseOf.set(id, lease)
  }

  verdict({ agreeing, position }: ShardVerdict): void {
    for (const receipt of agreeing) this.#named.add(`${receipt}/${position}`)
  }

  /** Its node began again with the entries that its disk still had. */
  restarted(node: PeerId, entries: Iterable<Entry>): void {
    this.#ledgers.delete(node)
    for (const entry of entries) this.entry(node, entry)
  }

  entry(node: PeerId, entry: Entry): void {
    const ledger = this.#ledgerOf(node)
    ledger.entries += 1
    if (entry.serial !== ledger.entries)
      this.#blame(`entry ${entry.serial} of ${node} comes as number ${ledger.entries}`)
    this.#checkOrder(node, ledger.last.get(entry.subject)?.kind, entry)
    ledger.last.set(entry.subject, entry)
    this.#move(ledger, entry)
    for (const balances of [ledger.pending, ledger.posted]) {
      const sum = [...balances.values()].reduce((a, b) => a + b, 0)
      if (sum !== 0) this.#blame(`the ledger of ${node} sums to ${sum} after entry ${entry.serial}`)
    }
    if (entry.claim !== null) this.#checkClaim(node, ledger, entry, entry.claim)
  }

  /**
   * After peace: for this job both have the same paid claims of the vehicle, and none is open from before `oldMs` of the vehicle's clock.
   * One that lies may lease until the very end, and nobody else has heard of such a claim yet.
   */
  agree(job: JobId, steward: PeerId, vehicle: PeerId, oldMs: number): void {
    const [ours, theirs] = [steward, vehicle].map((node) => this.#paidClaims(node, job, vehicle))
    const differing = [...ours!, ...theirs!].filter(
      ([subject, micros]) => ours!.get(subject) !== micros || theirs!.get(subject) !== micros,
    )
    if (differing.length > 0)
      this.#blame(
        `${steward} and ${vehicle} differ about job ${job}: ${differing.map(([subject]) => subject).join(', ')}`,
      )
    for (const entry of this.#ledgerOf(vehicle).last.values())
      if (entry.kind === 'pending' && entry.claim?.job === job && entry.atMs < oldMs)
        this.#blame(`${vehicle} never learns what became of ${entry.subject}`)
  }

  /** After peace: for this job the steward says of nothing that it is paid that the vehicle does not. */
  owesNoMore(job: JobId, steward: PeerId, vehicle: PeerId): void {
    const theirs = this.#paidClaims(vehicle, job, vehicle)
    for (const [subject, micros] of this.#paidClaims(steward, job, vehicle))
      if (theirs.get(subject) !== micros)
        this.#blame(`${steward} says that ${subject} of job ${job} is paid, and ${vehicle} does not`)
  }

  #paidClaims(node: PeerId, job: JobId, vehicle: PeerId): Map<string, number> {
    const paid = new Map<string, number>()
    for (const { kind, claim, subject, credits } of this.#ledgerOf(node).last.values())
      if (kind === 'posted' && claim?.job === job && claim.vehicle === vehicle)
        paid.set(subject, credits[0]!.micros)
    return paid
  }

  #checkOrder(node: PeerId, before: Entry['kind'] | undefined, { kind, subject }: Entry): void {
    const isOpen = before === 'pending'
    const isClosed = before === undefined || before === 'voided' || before === 'reversed'
    const mayFollow =
      kind === 'pending'
        ? isClosed
        : kind === 'posted' || kind === 'voided'
          ? isOpen
          : kind === 'reversed'
            ? before === 'posted'
            : true
    if (!mayFollow) this.#blame(`in the ledger of ${node} ${subject} is ${kind} after ${before ?? 'nothing'}`)
  }

  #move({ pending, posted }: Ledger, { kind, debit, credits }: Entry): void {
    const add = (balances: Map<string, number>, sign: number) => {
      for (const { account, micros } of credits) {
        balances.set(account, (balances.get(account) ?? 0) + sign * micros)
        balances.set(debit, (balances.get(debit) ?? 0) - sign * micros)
      }
    }
    if (kind === 'pending') add(pending, 1)
    if (kind === 'posted' || kind === 'voided') add(pending, -1)
    if (kind === 'posted' || kind === 'paid') add(posted, 1)
    if (kind === 'reversed' || kind === 'unpaid') add(posted, -1)
  }

  #checkClaim(node: PeerId, ledger: Ledger, entry: Entry, claim: NonNullable<Entry['claim']>): void {
    const { kind, subject, credits } = entry
    const { job, position, vehicle, owner, receipt, place } = claim
    const keys = [`${job}/${position}/${vehicle}`, `${job}/${position}/${owner satisfies OwnerId}`]
    if (kind === 'reversed') for (const key of keys) ledger.paid.delete(key)
    const micros = credits.reduce((sum, credit) => sum + credit.micros, 0)
    if (kind === 'posted' || kind === 'reversed') {
      const spent = (ledger.spent.get(job) ?? 0) + (kind === 'posted' ? micros : -micros)
      ledger.spent.set(job, spent)
      const budget = this.#budgets.get(job) ?? Number.POSITIVE_INFINITY
      if (spent > budget) this.#blame(`${node} owes ${spent} micros of job ${job}, of a budget of ${budget}`)
    }
    if (kind !== 'posted') return
    for (const key of keys) {
      const other = ledger.paid.get(key)
      if (other !== undefined && other !== subject)
        this.#blame(`in the ledger of ${node} ${key} is paid twice: ${other}, ${subject}`)
      ledger.paid.set(key, subject)
    }
    const lease = this.#leaseOf.get(receipt)
    const promised = (lease?.units[place] ?? 0) * (lease?.price?.unitMicros ?? 0)
    if (micros !== promised)
      this.#blame(`${node} pays ${micros} micros for ${subject}, and its lease promised ${promised}`)
    if (!this.#named.has(`${receipt}/${position}`))
      this.#blame(`${node} pays ${subject}, which no verdict on shard ${position} names`)
  }

  #ledgerOf(node: PeerId): Ledger {
    const known = this.#ledgers.get(node) ?? {
      entries: 0,
      pending: new Map(),
      posted: new Map(),
      last: new Map(),
      paid: new Map(),
      spent: new Map(),
    }
    this.#ledgers.set(node, known)
    return known
  }
}
