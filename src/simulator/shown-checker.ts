/**
 * Checks what honest stewards show of their jobs while others lie: no forged result beyond the bound that owners give,
 * no honest owner called a liar but by such a result, no more money promised or owed than the budget, and no end that is taken back.
 */
import type { Cid, JobId, OwnerId, PeerId } from '../protocol/ids.ts'
import type { ShardVerdict } from '../protocol/job/verdict.ts'
import type { JobView } from '../protocol/state/job-view.ts'

/** How a job stands, as a node shows it. */
export interface Shown {
  view(): JobView
  verdicts(): readonly ShardVerdict[]
}

export interface ShownRules {
  readonly truth: (position: number) => Cid
  /** So many wrong results may be shown, since so many owners lie together. */
  readonly wrongMax: number
  readonly budgetMicros: number | null
}

export class ShownChecker {
  readonly #blame: (violation: string) => void
  readonly #isLiar: (owner: OwnerId) => boolean
  readonly #claimants: (job: JobId, position: number) => readonly OwnerId[]
  readonly #rules = new Map<JobId, ShownRules>()
  /** By job, the positions that were shown wrong. */
  readonly #wrong = new Map<JobId, Set<number>>()

  constructor(
    blame: (violation: string) => void,
    isLiar: (owner: OwnerId) => boolean,
    claimants: (job: JobId, position: number) => readonly OwnerId[],
  ) {
    this.#blame = blame
    this.#isLiar = isLiar
    this.#claimants = claimants
  }

  job(job: JobId, rules: ShownRules): void {
    this.#rules.set(job, rules)
    this.#wrong.set(job, new Set())
  }

  get wrongShown(): number {
    return [...this.#wrong.values()].reduce((sum, { size }) => sum + size, 0)
  }

  look(node: PeerId, job: JobId, shown: Shown): void {
    const { truth, wrongMax, budgetMicros } = this.#rules.get(job)!
    const wrong = this.#wrong.get(job)!
    const forged = shown
      .verdicts()
      .filter(({ outcome, position, result }) => outcome === 'accepted' && result !== truth(position))
    for (const { position } of forged) wrong.add(position)
    if (wrong.size > wrongMax)
      this.#blame(
        `${node} shows forged results of job ${job}, ${wrong.size} so far; its owners allow ${wrongMax}`,
      )
    const { contradicted, payment } = shown.view()
    // Where enough owners lie together, a forged result is shown, and who is honest is against it.
    const outvoted = new Set(forged.flatMap(({ position }) => this.#claimants(job, position)))
    for (const owner of contradicted)
      if (!this.#isLiar(owner) && !outvoted.has(owner))
        this.#blame(`${node} says in job ${job} that ${owner} lied, which is honest`)
    if (payment === null) return
    const { promisedMicros, owedMicros } = payment
    const most = Math.max(promisedMicros, owedMicros)
    if (most > (budgetMicros ?? 0))
      this.#blame(
        `${node} shows ${most} micros promised or owed in job ${job}, of a budget of ${budgetMicros}`,
      )
  }
}
