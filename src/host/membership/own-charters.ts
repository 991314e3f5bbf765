/**
 * A registrar's own word: the charters that it signed one after the other, and the one that the first of them changed. By these it sees
 * what a charter lacks that another registrar signed without having heard of all of them.
 */
import type { PeerId } from '../../protocol/ids.ts'
import { type ChartersTogether, takenIn, together } from '../../protocol/membership/charters-apart.ts'
import { type Charter, type Fleet, openCharter } from '../../protocol/membership/fleet.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { sha256 } from '../sha256.ts'
import type { Journal } from '../store/journal.ts'
import { verifyAgain } from '../store/keys.ts'
import { charterText, parseCharter } from './certificates.ts'

/** A longer row keeps its first and its newest words: then a word that was heard may count as unheard. A charter takes 1 to 80 KB. */
const wordsMax = 6

interface Word {
  readonly serial: number
  /** As charterText writes it. */
  readonly text: string
}

export interface Apart extends ChartersTogether {
  /** False where charters do not say which others they take in, so that what is missing may have been changed on purpose. */
  readonly isSure: boolean
}

export class OwnCharters {
  readonly #fleet: Fleet
  readonly #journal: Pick<Journal, 'getSetting' | 'putSetting'>
  readonly #self: PeerId
  #words: readonly Word[]

  constructor(fleet: Fleet, journal: Pick<Journal, 'getSetting' | 'putSetting'>, self: PeerId) {
    this.#fleet = fleet
    this.#journal = journal
    this.#self = self
    this.#words = JSON.parse(journal.getSetting(this.#setting) ?? '[]')
  }

  /** This registrar has changed one charter, with its serial, by another. */
  signed(before: readonly [SignedRecord, number], mine: readonly [SignedRecord, number]): void {
    const word = ([record, serial]: readonly [SignedRecord, number]): Word => ({
      serial,
      text: charterText(record),
    })
    const isOnOwn = this.#words.at(-1)?.serial === before[1]
    const row = [...(isOnOwn ? this.#words : [word(before)]), word(mine)]
    this.#put(row.length > wordsMax ? row.toSpliced(1, row.length - wordsMax) : row)
  }

  /** Returns what the charter in force lacks of this registrar's word; null: nothing. */
  apart(nowMs: number): Apart | null {
    const [words, theirs] = [this.#words, this.#fleet.charter]
    const last = words.at(-1)
    if (last === undefined || theirs.serial < last.serial) return null
    // In the same millisecond another may have signed one that is believed in place of this.
    if (theirs.serial === last.serial && last.text === charterText(this.#fleet.charters().at(-1)!))
      return null
    const heardSerial = takenIn(theirs.payload, this.#self)
    const first = words.findLast(({ serial }) => serial <= heardSerial) ?? words[0]!
    const inForce = (charter: Charter): Charter => ({
      ...charter,
      revoked: charter.revoked.filter(({ untilMs }) => untilMs > nowMs),
    })
    const [base, mine] = [inForce(opened(first)), inForce(opened(last))]
    const put = together({ base, mine, theirs: inForce(theirs.payload) })
    if (heardSerial < last.serial && put.missing.length > 0)
      return { ...put, isSure: mine.heard !== undefined }
    this.forget()
    return null
  }

  /** There is nothing more to be done about it. */
  forget(): void {
    this.#put([])
  }

  get #setting(): string {
    return `own-charters-of-${this.#fleet.id}`
  }

  #put(words: readonly Word[]): void {
    this.#words = words
    this.#journal.putSetting(this.#setting, JSON.stringify(words))
  }
}

function opened({ text }: Word): Charter {
  return openCharter(parseCharter(text), sha256, verifyAgain).payload
}
