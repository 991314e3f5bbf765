/** Makes the view that `carpool why` shows. */
import { type Judgement, sentenceOf } from '../../protocol/rules/judgement.ts'
import type { PreferenceName } from '../../protocol/rules/preferences.ts'
import type { WhyView } from '../api.ts'
import type { WithheldEngine } from '../executor/contract.ts'
import type { OwnersWish, OwnerWatch } from './owner-watch.ts'

/** The things that the machine keeps from the owner, beside the rules. */
export interface MachineNotes {
  readonly withheld: readonly WithheldEngine[]
  /** Sentences about a lack of memory. */
  readonly memory: () => readonly string[]
  /** Sentences about the mesh around it. */
  readonly mesh: () => readonly string[]
  /** Weights that are on their way. */
  readonly fetching: () => WhyView['fetching']
}

const nothingNoted: MachineNotes = { withheld: [], memory: () => [], mesh: () => [], fetching: () => [] }

export function whyOf(
  judgement: Judgement,
  origins: OwnersWish['origins'],
  { withheld, memory, mesh, fetching }: MachineNotes = nothingNoted,
): WhyView {
  const { verdict, reasons, rules, availableUntilMs } = judgement
  return {
    verdict,
    sentence: sentenceOf(judgement),
    reasons,
    availableUntilMs,
    withheld,
    memory: memory(),
    mesh: mesh(),
    fetching: fetching(),
    rules: rules.map((rule) => ({
      ...rule,
      origin: rule.preference === null ? null : (origins[rule.preference as PreferenceName] ?? null),
    })),
  }
}

/** The present one, and one after each change; of several while the reader is slow, the last. */
export async function* watchWhy(
  watch: OwnerWatch,
  origins: () => OwnersWish['origins'],
  signal: AbortSignal,
  notes: MachineNotes = nothingNoted,
): AsyncGenerator<WhyView, void, undefined> {
  let shown: Judgement | undefined
  let wake = () => {}
  const awake = () => wake()
  const release = watch.onChange(awake)
  signal.addEventListener('abort', awake)
  try {
    while (!signal.aborted) {
      const judgement = watch.judgement()
      if (judgement === shown) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      shown = judgement
      yield whyOf(judgement, origins(), notes)
    }
  } finally {
    signal.removeEventListener('abort', awake)
    release()
  }
}
