/** The nodes on a council's stage: what is durable at each, whether it runs, and which of them are linked. */
import type { Council } from '../../src/protocol/council/council.ts'
import type { RecordId } from '../../src/protocol/ids.ts'
import type { Wanted } from '../../src/protocol/steward/contract.ts'
import type { Post } from './core-post.ts'

/** A node that has the job: what is durable there, and the council while the node runs. */
export interface Member {
  readonly name: string
  readonly journal: Set<RecordId>
  council: Council | undefined
  inputs: boolean
  /** The machine is suspended: it says, hears and does nothing, and no connection breaks. */
  asleep: boolean
  wakeAtMs: number
  wanted: Wanted[]
  /** Verdicts whose results it fetches. */
  fetching: RecordId[]
}

export class Crowd {
  readonly members = new Map<string, Member>()
  /** All that can be linked: members, and what the roster names. */
  readonly names = new Set<string>()
  readonly #post: Post

  constructor(post: Post) {
    this.#post = post
  }

  /** Throws for a node that has never had the job. */
  member(name: string): Member {
    const member = this.members.get(name)
    if (member === undefined) throw new Error(`${name} has no such job`)
    return member
  }

  running(name: string): Council {
    const { council } = this.member(name)
    if (council === undefined) throw new Error(`${name} does not run`)
    return council
  }

  /** A vehicle of the roster always runs. */
  runs(name: string): boolean {
    const member = this.members.get(name)
    return member === undefined || member.council !== undefined
  }

  linked(a: string, b: string): boolean {
    return a !== b && !this.#post.isParted(a, b) && this.runs(a) && this.runs(b)
  }

  /** `a` is everybody's link with a; `a b c` are those of a with b and with c. */
  pairs([first = '', ...others]: readonly string[]): [string, string][] {
    const ends = others.length > 0 ? others : [...this.names].filter((name) => name !== first)
    return ends.map((end) => [first, end])
  }

  /** The next that is to wake until then. */
  nextToWake(untilMs: number): Member | undefined {
    return [...this.members.values()]
      .filter(({ council, asleep, wakeAtMs }) => council !== undefined && !asleep && wakeAtMs <= untilMs)
      .sort((x, y) => x.wakeAtMs - y.wakeAtMs)[0]
  }
}
