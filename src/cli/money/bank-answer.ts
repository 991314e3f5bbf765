/**
 * A bank's answers to pay-outs, as news of their transfers: the status report on the file that it was given (pain.002), and
 * notifications and statements of its account (camt.054, camt.053), of any version.
 *
 * A transfer is known by its end-to-end id, a whole pay-out by the name of its batch (PmtInfId, and a currency). An account has
 * payments that are none of Carpool's; they are passed over and counted.
 */
import type { TransferNews } from '../../host/ledger/settle-contract.ts'
import { CommandFailure } from '../failure.ts'
import { type BankElement, elementAt, readBankFile, readBankXml, textAt } from './bank-xml.ts'

export interface BankAnswer {
  readonly news: readonly TransferNews[]
  /** Payments that are not Carpool's. */
  readonly others: number
}

const messages = /^urn:iso:std:iso:20022:tech:xsd:(pain\.002|camt\.05[34])\.001\.\d{2}$/

/** Names of pay-outs and their transfers, of this version and earlier ones. */
const ours = /^P\d{6}(\d{2})?-[A-Za-z0-9-]{1,26}$/

/** `bytes`: those of the file; it is read where they are left out. Throws CommandFailure. */
export function readBankAnswer(path: string, bytes = readBankFile(path)): BankAnswer {
  const news: TransferNews[] = []
  /** About the whole file, which comes first there: what is said of single transfers stands against it. */
  const whole: TransferNews[] = []
  let others = 0
  let fallback = ''
  const add = (one: (TransferNews & { readonly byBank: true }) | null) => {
    if (one === null) others += 1
    else news.push(one)
  }
  const names = new Set(['GrpHdr', 'OrgnlGrpInfAndSts', 'TxInfAndSts', 'OrgnlPmtInfAndSts', 'TxDtls', 'Ntry'])
  /** Entries of the account whose transfers were named one by one. */
  let inEntry = 0
  const namespace = readBankXml(path, bytes, names, (element, within) => {
    switch (element.name) {
      case 'GrpHdr':
        fallback = textAt(element, 'MsgId')
        break
      case 'OrgnlGrpInfAndSts': {
        const state = stateOfStatus(textAt(element, 'GrpSts'))
        const of = textAt(element, 'OrgnlMsgId')
        const one = state && newsOf(of, state, fallback, reasonOf(element))
        if (one) whole.push(one)
        break
      }
      case 'OrgnlPmtInfAndSts': {
        const state = stateOfStatus(textAt(element, 'PmtInfSts'))
        if (state !== undefined)
          add(batchNews(textAt(element, 'OrgnlPmtInfId'), state, fallback, reasonOf(element)))
        break
      }
      case 'TxInfAndSts': {
        const state = stateOfStatus(textAt(element, 'TxSts'))
        const reference = textAt(element, 'AcctSvcrRef') || fallback
        if (state !== undefined)
          add(newsOf(textAt(element, 'OrgnlEndToEndId'), state, reference, reasonOf(element)))
        break
      }
      case 'TxDtls':
        inEntry += 1
        add(transferNews(element, within.find(({ name }) => name === 'Ntry') ?? parentOf(within), fallback))
        break
      case 'Ntry':
        if (inEntry === 0) add(entryNews(element, fallback))
        inEntry = 0
        break
    }
  })
  if (!messages.test(namespace))
    throw new CommandFailure(
      `${path} is '${namespace}': a pain.002, camt.054 or camt.053 of ISO 20022 is wanted`,
    )
  return { news: [...news, ...whole], others }
}

/** Undefined for what says nothing of all that it is about, as 'partially accepted'. */
function stateOfStatus(status: string): TransferNews['state'] | undefined {
  if (['RCVD', 'PDNG', 'ACTC', 'ACCP', 'ACSP', 'ACWC', 'ACFC', 'ACWP'].includes(status)) return 'sent'
  if (['ACSC', 'ACCC'].includes(status)) return 'paid'
  return ['RJCT', 'CANC'].includes(status) ? 'rejected' : undefined
}

/** One transfer of an entry of the account. */
function transferNews(details: BankElement, entry: BankElement, fallback: string) {
  const state = stateOfEntry(entry, textAt(details, 'CdtDbtInd') || textAt(entry, 'CdtDbtInd'))
  if (state === undefined) return null
  const reference =
    textAt(details, 'Refs', 'AcctSvcrRef') ||
    textAt(entry, 'AcctSvcrRef') ||
    textAt(entry, 'NtryRef') ||
    fallback
  const reason = reasonIn(elementAt(details, 'RtrInf'), 'Rsn')
  const endToEnd = textAt(details, 'Refs', 'EndToEndId')
  if (!ours.test(endToEnd)) {
    const batch = textAt(details, 'Refs', 'PmtInfId')
    return ours.test(batch) ? batchNews(batch, state, reference, reason) : null
  }
  const amount =
    elementAt(details, 'Amt') ??
    elementAt(details, 'AmtDtls', 'TxAmt', 'Amt') ??
    elementAt(details, 'AmtDtls', 'InstdAmt', 'Amt')
  // A bank keeps its charges from what it sends back.
  const micros = state === 'returned' ? undefined : microsOf(amount?.text)
  const news = newsOf(endToEnd, state, reference, reason)
  return news === null || micros === undefined ? news : { ...news, micros }
}

/** An entry for a whole batch, whose transfers the bank does not list. */
function entryNews(entry: BankElement, fallback: string) {
  const state = stateOfEntry(entry, textAt(entry, 'CdtDbtInd'))
  const batch = elementAt(entry, 'NtryDtls', 'Btch')
  const of = textAt(batch, 'PmtInfId') || textAt(batch, 'MsgId')
  if (state === undefined || !ours.test(of)) return null
  return batchNews(of, state, textAt(entry, 'AcctSvcrRef') || textAt(entry, 'NtryRef') || fallback, '')
}

/** Money that comes is a transfer that came back; what is only announced is neither. */
function stateOfEntry(entry: BankElement, direction: string): TransferNews['state'] | undefined {
  const status = textAt(entry, 'Sts', 'Cd') || textAt(entry, 'Sts')
  if (status !== 'BOOK' && status !== 'PDNG') return undefined
  if (direction === 'DBIT') return status === 'BOOK' ? 'paid' : 'sent'
  return direction === 'CRDT' && status === 'BOOK' ? 'returned' : undefined
}

function batchNews(batch: string, state: TransferNews['state'], reference: string, reason: string) {
  const [, payout, currency] = /^(.*)-([A-Z]{3})$/.exec(batch) ?? []
  const news = newsOf(payout ?? batch, state, reference, reason)
  return news === null || currency === undefined ? news : { ...news, currency }
}

function newsOf(of: string, state: TransferNews['state'], reference: string, reason: string) {
  if (!ours.test(of)) return null
  return { of, state, reference: shortened(reference), reason: shortened(reason), byBank: true as const }
}

function reasonOf(element: BankElement): string {
  return reasonIn(elementAt(element, 'StsRsnInf'), 'Rsn')
}

/** The bank's code, and what it says beside it: "AC04 account closed". */
function reasonIn(information: BankElement | undefined, name: string): string {
  const code = textAt(information, name, 'Cd') || textAt(information, name, 'Prtry')
  return [code, textAt(information, 'AddtlInf')].filter((part) => part !== '').join(' ')
}

/** Printed and kept: control characters go, and what is too long. */
function shortened(text: string): string {
  return text.replaceAll(/[\p{C}\s]+/gu, ' ').slice(0, 140)
}

function microsOf(text: string | undefined): number | undefined {
  const [, whole, fraction = ''] = /^(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text ?? '') ?? []
  return whole === undefined ? undefined : Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0'))
}

function parentOf(within: readonly BankElement[]): BankElement {
  return within.at(-1) ?? { name: '', text: '', attributes: {}, children: [] }
}
