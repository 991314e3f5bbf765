/** Debts to a vehicle by who owes them, so that one payer who says that it paid too much hides nothing of what others owe. */
import { type AccountId, accountOf } from '../../protocol/ledger/account.ts'
import type { Micros } from '../../protocol/price.ts'

export class Owed {
  readonly #sums = new Map<string, number>()

  /** `account`: the submitter's, or the one outside that it pays from. */
  add(account: AccountId, micros: Micros): void {
    const party = accountOf(account)
    const payer = party.kind === 'outside' ? party.payer : party.kind === 'submitter' ? party.submitter : ''
    this.#sums.set(payer, (this.#sums.get(payer) ?? 0) + micros)
  }

  sums(): { readonly owedMicros: Micros; readonly beyondMicros: Micros } {
    let [owedMicros, beyondMicros] = [0, 0]
    for (const micros of this.#sums.values()) {
      owedMicros += Math.max(0, micros)
      beyondMicros += Math.max(0, -micros)
    }
    return { owedMicros, beyondMicros }
  }
}
