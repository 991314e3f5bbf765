/**
 * A bank's answers to pay-outs, as news of their transfers: the status report on the file that it was given (pain.002), and
 * notifications and statements of its account (camt.054, camt.053), of any version.
 *
 * A transfer is known by its end-to-end id, a whole pay-out by the name of its batch (PmtInfId, and a currency). An account has
 * payments that are none of Carpool's; they are passed over and counted.
 */
import type { BankSum, TransferNews } from '../../host/ledger/settle-contract.ts'
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
        if (one) whole.push({ ...one, ...originalSum(path, element) })
        break
      }
      case 'OrgnlPmtInfAndSts': {
        const state = stateOfStatus(textAt(element, 'PmtInfSts'))
        if (state !== undefined) {
          const sum = originalSum(path, element)
          add(batchNews(textAt(element, 'OrgnlPmtInfId'), state, fallback, reasonOf(element), sum))
        }
        break
      }
      case 'TxInfAndSts': {
        const state = stateOfStatus(textAt(element, 'TxSts'))
        const reference = textAt(element, 'AcctSvcrRef') || fallback
        const named = moneyOf(path, elementAt(element, 'OrgnlTxRef', 'Amt', 'InstdAmt'))
        const news = state && newsOf(textAt(element, 'OrgnlEndToEndId'), state, reference, reasonOf(element))
        if (state !== undefined) add(news ? { ...news, ...named } : null)
        break
      }
      case 'TxDtls':
        inEntry += 1
        add(
          transferNews(
            path,
            element,
            within.find(({ name }) => name === 'Ntry') ?? parentOf(within),
            fallback,
          ),
        )
        break
      case 'Ntry':
        if (inEntry === 0) add(entryNews(path, element, fallback))
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
function transferNews(path: string, details: BankElement, entry: BankElement, fallback: string) {
  const direction = textAt(details, 'CdtDbtInd') || textAt(entry, 'CdtDbtInd')
  const state = stateOfEntry(entry, direction, isReturn(details) || isReturn(entry))
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
    if (!ours.test(batch)) return null
    return batchNews(batch, state, reference, reason, bookedSum(path, undefined, elementAt(details, 'Amt')))
  }
  const came = elementAt(details, 'Amt')
  const ordered =
    elementAt(details, 'AmtDtls', 'InstdAmt', 'Amt') ?? elementAt(details, 'AmtDtls', 'TxAmt', 'Amt')
  // The account may be in another currency than the transfer.
  const amount = state === 'returned' ? (came ?? ordered) : (ordered ?? came)
  const news = newsOf(endToEnd, state, reference, reason)
  return news && { ...news, ...moneyOf(path, amount) }
}

/** An entry for a whole batch, whose transfers the bank does not list. */
function entryNews(path: string, entry: BankElement, fallback: string) {
  const state = stateOfEntry(entry, textAt(entry, 'CdtDbtInd'), isReturn(entry))
  const batch = elementAt(entry, 'NtryDtls', 'Btch')
  const of = textAt(batch, 'PmtInfId') || textAt(batch, 'MsgId')
  if (state === undefined || !ours.test(of)) return null
  const reference = textAt(entry, 'AcctSvcrRef') || textAt(entry, 'NtryRef') || fallback
  const amount = elementAt(batch, 'TtlAmt') ?? elementAt(entry, 'Amt')
  return batchNews(of, state, reference, '', bookedSum(path, batch, amount))
}

type Summed = Pick<TransferNews, 'sum'>

/** A report names the numbers of the file that it is about. Throws CommandFailure for those that are none. */
function originalSum(path: string, element: BankElement): Summed {
  return summed(path, 'all', textAt(element, 'OrgnlNbOfTxs'), textAt(element, 'OrgnlCtrlSum'))
}

/** The amount of a whole batch. Throws CommandFailure. */
function bookedSum(path: string, batch: BankElement | undefined, amount: BankElement | undefined): Summed {
  const { sum } = summed(path, 'booked', textAt(batch, 'NbOfTxs'), amount?.text ?? '')
  const currency = amount?.attributes.Ccy ?? ''
  if (sum?.micros === undefined) return sum === undefined ? {} : { sum }
  if (!/^[A-Z]{3}$/.test(currency)) throw noSum(path, `${amount?.text} ${currency}`)
  return { sum: { ...sum, inCurrency: currency } }
}

function summed(path: string, of: BankSum['of'], lines: string, amount: string): Summed {
  if (lines === '' && amount === '') return {}
  const [, whole, fraction = ''] = /^\+?0*(\d{1,10})(?:\.(\d{1,6})0*)?$/.exec(amount) ?? []
  const micros = Number(whole ?? 0) * 1_000_000 + Number(fraction.padEnd(6, '0'))
  const isSum = amount === '' || (whole !== undefined && Number.isSafeInteger(micros))
  if (!isSum || !/^\d{0,15}$/.test(lines)) throw noSum(path, `${lines} ${amount}`)
  return {
    sum: { of, ...(lines !== '' && { lines: Number(lines) }), ...(amount !== '' && { micros }) },
  }
}

function noSum(path: string, text: string): CommandFailure {
  return new CommandFailure(
    `${path} is no answer of a bank: '${shortened(text)}' is no number and sum of transfers`,
  )
}

/** Undefined for an entry that is only announced. */
function stateOfEntry(
  entry: BankElement,
  direction: string,
  isReturned: boolean,
): TransferNews['state'] | undefined {
  const status = textAt(entry, 'Sts', 'Cd') || textAt(entry, 'Sts')
  if (status !== 'BOOK' && status !== 'PDNG') return undefined
  if (direction === 'DBIT') return status === 'BOOK' ? 'paid' : 'sent'
  return direction === 'CRDT' && status === 'BOOK' && isReturned ? 'returned' : undefined
}

/**
 * The bank says so itself, by a reason of return, a reversal, or its code for returned transfers. The end-to-end id alone does
 * not: whoever was paid knows it, and may send a cent with the same.
 */
function isReturn(element: BankElement): boolean {
  const family = textAt(element, 'BkTxCd', 'Domn', 'Fmly', 'SubFmlyCd')
  return (
    elementAt(element, 'RtrInf') !== undefined ||
    textAt(element, 'RvslInd') === 'true' ||
    ['RRTN', 'RPCR'].includes(family)
  )
}

function batchNews(
  batch: string,
  state: TransferNews['state'],
  reference: string,
  reason: string,
  sum: Summed,
) {
  const [, payout, currency] = /^(.*)-([A-Z]{3})$/.exec(batch) ?? []
  const news = newsOf(payout ?? batch, state, reference, reason)
  return news && { ...news, ...(currency !== undefined && { currency }), ...sum }
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

/** Nothing where no amount is named. Throws CommandFailure for one that is none, or that no transfer has. */
function moneyOf(path: string, amount: BankElement | undefined) {
  if (amount === undefined) return {}
  const [, whole, fraction = ''] = /^\+?0*(\d{1,9})(?:\.(\d{1,6})0*)?$/.exec(amount.text) ?? []
  const currency = amount.attributes.Ccy ?? ''
  if (whole === undefined || !/^[A-Z]{3}$/.test(currency))
    throw new CommandFailure(
      `${path} is no answer of a bank: '${shortened(`${amount.text} ${currency}`)}' is no amount of a transfer`,
    )
  return { micros: Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0')), inCurrency: currency }
}

function parentOf(within: readonly BankElement[]): BankElement {
  return within.at(-1) ?? { name: '', text: '', attributes: {}, children: [] }
}
