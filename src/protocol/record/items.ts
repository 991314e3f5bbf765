/**
 * Reads a list in dag-cbor item by item, so that a long one from outside costs no more memory than its bytes and what its
 * items are turned into.
 *
 * Decoded as a whole, a list of a hundred million zeros makes a hundred million values before anybody can see that they
 * are none of ours. Here the list's head must name the number of items that the caller expects, and no item is decoded
 * that is longer than the caller allows.
 */
import { ProtocolError } from '../errors.ts'
import { decodeCbor } from './block.ts'
import { arrayMajor, bytesMajor, type Head, mapMajor, readHead, tagMajor, textMajor } from './heads.ts'

export interface ItemBounds {
  /** For messages: what is being read. */
  readonly what: string
  readonly countMax: number
  readonly itemBytesMax: number
  /** Decodes the bytes of an item; by default as `decodeCbor` does. */
  readonly decode?: (bytes: Uint8Array) => unknown
}

/** Yields the items, each decoded as `decodeCbor` does. Throws ProtocolError: too-large, malformed, not-canonical. */
export function* decodeItems(bytes: Uint8Array, bounds: ItemBounds): Generator<unknown> {
  yield* new ItemReader(bounds).push(bytes, true)
}

/** The same of a list that comes in parts: holds one part and less than an item of the one before. */
export class ItemReader {
  readonly #bounds: ItemBounds
  #rest: Uint8Array = new Uint8Array(0)
  #open: number | undefined

  constructor(bounds: ItemBounds) {
    this.#bounds = bounds
  }

  /** Yields the items that are whole by now. `isLast`: no part follows. Throws as decodeItems. */
  *push(part: Uint8Array, isLast: boolean): Generator<unknown> {
    const { what, itemBytesMax, decode = (item) => decodeCbor(what, item, itemBytesMax) } = this.#bounds
    const bytes = joined(this.#rest, part)
    let at = 0
    // An item that is allowed is whole where so many bytes are there.
    const isWhole = () => isLast || bytes.byteLength - at >= itemBytesMax + headBytesMax
    if (this.#open === undefined && isWhole()) {
      const head = this.#head(bytes)
      this.#open = head.argument
      at = head.end
    }
    while (this.#open !== undefined && this.#open > 0 && isWhole()) {
      const end = endOfItem(what, bytes, at, itemBytesMax)
      yield decode(bytes.subarray(at, end))
      this.#open -= 1
      at = end
    }
    this.#rest = bytes.slice(at)
    if ((isLast || this.#open === 0) && this.#rest.byteLength > 0)
      throw malformed(what, 'bytes follow its last entry')
  }

  #head(bytes: Uint8Array): Head {
    const { what, countMax } = this.#bounds
    const head = readHead(what, bytes, 0)
    if (head.major !== arrayMajor) throw malformed(what, 'it is no list')
    if (!head.isShortest) throw new ProtocolError({ code: 'not-canonical', what })
    if (head.argument > countMax)
      throw malformed(what, `it has ${head.argument} entries, and at most ${countMax} are allowed`)
    return head
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.byteLength === 0) return second
  const both = new Uint8Array(first.byteLength + second.byteLength)
  both.set(first)
  both.set(second, first.byteLength)
  return both
}

/** The longest head of an item: one byte, and a length of eight. */
const headBytesMax = 9

/** The offset behind the item at `at`, found without decoding it. */
function endOfItem(what: string, bytes: Uint8Array, start: number, itemBytesMax: number): number {
  let at = start
  for (let open = 1; open > 0; open -= 1) {
    const { major, argument, end } = readHead(what, bytes, at)
    at = end
    if (major === bytesMajor || major === textMajor) at += argument
    else if (major === arrayMajor) open += argument
    else if (major === mapMajor) open += 2 * argument
    else if (major === tagMajor) open += 1
    if (at > bytes.byteLength) throw malformed(what, 'it ends within an entry')
    if (at - start > itemBytesMax)
      throw new ProtocolError({
        code: 'too-large',
        what: `an entry of ${what}`,
        bytes: at - start,
        bytesMax: itemBytesMax,
      })
  }
  return at
}

function malformed(what: string, why: string): ProtocolError {
  return new ProtocolError({ code: 'malformed', what, why })
}
