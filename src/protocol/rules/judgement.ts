/** The judgement of the owner's rules on one moment. */

/** run: works; drain: finishes the shard under way and begins nothing; stop: stands still at once. */
export type RuleVerdict = 'run' | 'drain' | 'stop'

/** A rule, as `carpool why` shows it. */
export interface RuleFinding {
  /** The rule's name everywhere: in adverts, metrics and messages ('charge-low', 'not-parked', …). */
  readonly code: string
  readonly verdict: RuleVerdict
  /** The value that is known, with its unit, in words for a person. */
  readonly value: string
  /** The limit that the rule sets, likewise. */
  readonly limit: string
  /** The preference (src/protocol/rules/preferences.ts) that sets the limit, of which the command line knows the origin. */
  readonly preference: string | null
}

export interface Judgement {
  /** The strictest of all rules. */
  readonly verdict: RuleVerdict
  /** Codes of the rules that hold work back, the strictest first; empty when the verdict is `run`. */
  readonly reasons: readonly string[]
  readonly rules: readonly RuleFinding[]
  /** Until when the vehicle will probably be there; null when nothing is known. Bounds the leases that it accepts. */
  readonly availableUntilMs: number | null
}

/** The verdict, with what holds work back, in one sentence. */
export function sentenceOf({ verdict, reasons, rules }: Judgement): string {
  const [first, ...others] = reasons.map((reason) => rules.find(({ code }) => code === reason)!)
  if (first === undefined) return 'It may work: every rule allows it.'
  const does = verdict === 'stop' ? 'It stands still' : 'It finishes what it has and begins nothing'
  const more = others.length === 0 ? '' : `; ${others.map(({ code }) => code).join(', ')} would hold it, too`
  return `${does}: ${first.code} (${first.value}; asked for: ${first.limit})${more}.`
}

const strictness: Readonly<Record<RuleVerdict, number>> = { run: 0, drain: 1, stop: 2 }

export function stricter(a: RuleVerdict, b: RuleVerdict): RuleVerdict {
  return strictness[a] >= strictness[b] ? a : b
}

/** Returns the codes of the rules that hold work back: the strictest first, else in their own order. */
export function reasonsIn(findings: readonly RuleFinding[]): string[] {
  return findings
    .filter(({ verdict }) => verdict !== 'run')
    .sort((a, b) => strictness[b.verdict] - strictness[a.verdict])
    .map(({ code }) => code)
}

/** The finding of a machine that nobody drives. */
export const noSignals: RuleFinding = {
  code: 'no-signals',
  verdict: 'run',
  value: 'nothing tells of a vehicle',
  limit: 'the rules about one are not asked',
  preference: null,
}
