/** The post of a stage: what nodes say to each other travels through the real encoding, in order, over links that may part. */
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/message.ts'

interface Letter {
  readonly from: string
  readonly to: string
  readonly bytes: Uint8Array
}

export class Post {
  readonly #parted = new Set<string>()
  /** Links that look alive and carry nothing, and those whose letters wait for a `deliver`. */
  readonly #muted = new Set<string>()
  readonly #waiting = new Set<string>()
  #letters: Letter[] = []

  isParted(a: string, b: string): boolean {
    return this.#parted.has(linkOf(a, b))
  }

  /** Returns whether that changes anything. What was on its way is lost. */
  link(a: string, b: string, up: boolean): boolean {
    const link = linkOf(a, b)
    if (this.#parted.has(link) !== up) return false
    if (up) this.#parted.delete(link)
    else this.#parted.add(link)
    this.#letters = this.#letters.filter(({ from, to }) => linkOf(from, to) !== link)
    return true
  }

  mute(a: string, b: string, muted: boolean): void {
    if (muted) this.#muted.add(linkOf(a, b))
    else this.#muted.delete(linkOf(a, b))
  }

  hold(a: string, b: string): void {
    this.#waiting.add(linkOf(a, b))
  }

  release(a: string, b: string): void {
    this.#waiting.delete(linkOf(a, b))
  }

  /** All that is on its way from and to this node is lost. */
  drop(name: string): void {
    this.#letters = this.#letters.filter(({ from, to }) => from !== name && to !== name)
  }

  send(from: string, to: string, message: Message): void {
    if (!this.#muted.has(linkOf(from, to))) this.#letters.push({ from, to, bytes: encodeMessage(message) })
  }

  /** The link, in one direction, on which the oldest letter is that waits for nothing. */
  next(): { readonly from: string; readonly to: string } | undefined {
    return this.#letters.find(({ from, to }) => !this.#waiting.has(linkOf(from, to)))
  }

  /** All that is on its way over one link in one direction. */
  take(from: string, to: string): Message[] {
    const bundle = this.#letters.filter((letter) => letter.from === from && letter.to === to)
    this.#letters = this.#letters.filter((letter) => !bundle.includes(letter))
    return bundle.map(({ bytes }) => decodeMessage(bytes))
  }
}

function linkOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
