/**
 * Counts the documents that no vehicle could read, by reason. The job is made without them: nothing of them is sent or paid
 * for. A submission that is strict, or of which nothing is left, is refused as a whole.
 */
import type { Refusal } from '../../runtimes/messages.ts'
import type { RefusedDocuments } from '../api.ts'
import { RequestError } from '../errors.ts'

const namesMax = 100
const namesShown = 3

export class Refusals {
  readonly #byReason = new Map<string, { refusal: Refusal; count: number; names: string[] }>()
  #count = 0

  add(name: string, refusal: Refusal): void {
    const reason = `${refusal.what}\0${refusal.wayOut}`
    const known = this.#byReason.get(reason) ?? { refusal, count: 0, names: [] }
    known.count += 1
    if (known.names.length < namesMax) known.names.push(name)
    this.#byReason.set(reason, known)
    this.#count += 1
  }

  /** The most frequent reason first. */
  list(): RefusedDocuments[] {
    return [...this.#byReason.values()]
      .sort((a, b) => b.count - a.count || (a.refusal.what < b.refusal.what ? -1 : 1))
      .map(({ refusal: { what, wayOut }, count, names }) => ({ what, wayOut, count, documents: names }))
  }

  /**
   * `documents`: all that were looked at; `sent`: those of which something is left, since one that is cut may lose some of its pages
   * alone. Throws RequestError.
   */
  check(documents: number, sent: number, strict: boolean): void {
    if (this.#count === 0 || (!strict && sent > 0)) return
    const list = this.list()
    const which =
      sent === 0
        ? `none of ${documents} documents can be read`
        : `${Math.max(1, documents - sent)} of ${documents} documents cannot be read`
    const why = list.map((refused) => `${refused.count} ${reasonOf(refused)}: ${namesOf(refused)}`).join('; ')
    const said =
      this.#count === 1
        ? `${list[0]!.documents[0]} cannot be read: ${reasonOf(list[0]!)}`
        : `${which}: ${why}`
    throw new RequestError(sent === 0 ? said : `${said}; leave out --strict to submit the others`)
  }
}

/** Names as many as fit into a sentence. */
function namesOf({ documents, count }: RefusedDocuments): string {
  const shown = documents.slice(0, namesShown).join(', ')
  return count > namesShown ? `${shown} and ${count - namesShown} more` : shown
}

/** The reason and the way out: "HEIC (convert it to JPEG)". */
export function reasonOf({ what, wayOut }: Refusal): string {
  return wayOut === '' ? what : `${what} (${wayOut})`
}
