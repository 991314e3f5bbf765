/**
 * The driver's half of the contract (steward/contract.ts), the same for every shell: effects are carried out in their
 * order, and what leaves the node waits until all that was written before it is durable. So a node that crashes and
 * comes back never contradicts what it said.
 *
 * A shell brings hands: one function for each effect. A shell that has none for some effect does not compile.
 */
import type { CellsEffect } from './cells/contract.ts'
import type { CouncilEffect } from './council/contract.ts'
import type { WorkerEffect } from './worker/contract.ts'

type AnyEffect = CouncilEffect | WorkerEffect | CellsEffect

export type Hands<Effect extends AnyEffect> = {
  readonly [Type in Effect['type']]: (effect: Extract<Effect, { readonly type: Type }>) => unknown
}

/** True for the effects that somebody else hears of: those wait until the writes before them are durable. */
const waits: Readonly<Record<AnyEffect['type'], boolean>> = {
  // Said to other nodes.
  offer: true,
  send: true,
  'tell-end': true,
  share: true,
  entrust: true,
  adopt: true,
  deliver: true,
  show: true,
  // News for the part that asked for the job, and for the rest of this node.
  ended: true,
  left: true,
  kept: true,
  lied: true,
  revoke: true,
  // Writes themselves.
  issue: false,
  keep: false,
  copy: false,
  discard: false,
  counted: false,
  recounted: false,
  take: false,
  follow: false,
  release: false,
  forget: false,
  // Work of this node, whose answer comes back as an input.
  collect: false,
  recompute: false,
  'hold-inputs': false,
  'hold-results': false,
  'check-census': false,
  prepare: false,
  run: false,
  drain: false,
  abort: false,
  wake: false,
  'go-on': false,
  // News that is shown, and binds nobody.
  decided: false,
  acting: false,
  refused: false,
  'shut-out': false,
  advertise: false,
  // A node's part in its cell: nothing of it binds anybody.
  join: false,
  'leave-topic': false,
  'advertise-in': false,
  speak: false,
  'pass-on': false,
  'tell-cell': false,
  ask: false,
  'answer-these': false,
  'report-to': false,
  'answer-news': false,
  'pull-charter': false,
  accused: false,
  'keep-cell': false,
  moved: false,
  'counted-abroad': false,
}

/**
 * `after` does something once all that was begun to be written is durable, and all that was to be done after that is
 * done: where it is asynchronous, it waits for what a hand returns.
 */
export function carryOut<Effect extends AnyEffect>(
  effects: readonly Effect[],
  hands: Hands<Effect>,
  after: (say: () => unknown) => void,
): void {
  for (const effect of effects) {
    const type: Effect['type'] = effect.type
    const carry = (): unknown => hands[type](effect as never)
    if (waits[type]) after(carry)
    else carry()
  }
}
