/**
 * A pay-out as a credit transfer initiation: ISO 20022 pain.001.001.09, which banks of the SEPA take. The lengths and
 * patterns below are the schema's (Max35Text, Max140Text, IBAN2007Identifier, BICFIDec2014Identifier); SEPA's own
 * rulebook cuts names to 70 characters.
 */
import type { Payout, PayoutLine } from '../../host/ledger/settle-contract.ts'
import { CommandFailure } from '../failure.ts'
import { formatCount } from '../format.ts'
import { escapeXml } from '../formats/xml.ts'
import { decimals, minorAmount } from './amounts.ts'
import type { Party, Payees } from './payees.ts'

const namespace = 'urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'

/** Throws CommandFailure that names whoever the file of payees lacks. */
export function painXml(payout: Payout, { payer, payees }: Payees, nowMs: number): string {
  const missing = [...new Set(payout.lines.map(({ payee }) => payee).filter((payee) => !payees.has(payee)))]
  if (missing.length > 0)
    throw new CommandFailure(
      `the file of payees has no name and IBAN for ${formatCount(missing.length, 'payee')}: ${missing.join(', ')}`,
    )
  const created = `${new Date(nowMs).toISOString().slice(0, 19)}Z`
  const parts = [
    `<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="${namespace}">\n  <CstmrCdtTrfInitn>\n`,
  ]
  parts.push(
    element('    ', 'GrpHdr', {
      MsgId: payout.name,
      CreDtTm: created,
      NbOfTxs: payout.lines.length,
      CtrlSum: controlSum(payout.lines),
      InitgPty: { Nm: payer.name },
    }),
  )
  for (const [currency, lines] of Map.groupBy(payout.lines, (line) => line.currency)) {
    const batch: Content = {
      PmtInfId: `${payout.name}-${currency}`,
      PmtMtd: 'TRF',
      NbOfTxs: lines.length,
      CtrlSum: controlSum(lines),
      ...(currency === 'EUR' ? { PmtTpInf: { SvcLvl: { Cd: 'SEPA' } } } : {}),
      ReqdExctnDt: { Dt: payout.executionDate },
      Dbtr: { Nm: payer.name },
      DbtrAcct: accountOf(payer),
      DbtrAgt: agentOf(payer),
      ...(currency === 'EUR' ? { ChrgBr: 'SLEV' } : {}),
    }
    parts.push('    <PmtInf>\n', inside('      ', batch))
    for (const line of lines)
      parts.push(element('      ', 'CdtTrfTxInf', transferOf(line, payees.get(line.payee)!)))
    parts.push('    </PmtInf>\n')
  }
  parts.push('  </CstmrCdtTrfInitn>\n</Document>\n')
  return parts.join('')
}

/** A text, or elements in their order; `Ccy` is the attribute of an amount. */
type Content = string | number | Amount | { readonly [name: string]: Content }

interface Amount {
  readonly Ccy: string
  readonly amount: string
}

/** Ten thousand transfers are some 150,000 elements: a builder that keeps a tree of them takes seconds for that. */
function element(indent: string, name: string, content: Content): string {
  if (typeof content !== 'object') return `${indent}<${name}>${escapeXml(`${content}`)}</${name}>\n`
  if (isAmount(content)) return `${indent}<${name} Ccy="${content.Ccy}">${content.amount}</${name}>\n`
  return `${indent}<${name}>\n${inside(`${indent}  `, content)}${indent}</${name}>\n`
}

function inside(indent: string, content: { readonly [name: string]: Content }): string {
  let text = ''
  for (const [name, one] of Object.entries(content)) text += element(indent, name, one)
  return text
}

function isAmount(content: object): content is Amount {
  return 'Ccy' in content
}

function transferOf({ settlement, currency, micros }: PayoutLine, payee: Party) {
  return {
    PmtId: { EndToEndId: settlement },
    Amt: { InstdAmt: { Ccy: currency, amount: minorAmount(micros, currency) } },
    ...(payee.bic === undefined ? {} : { CdtrAgt: agentOf(payee) }),
    Cdtr: { Nm: payee.name },
    CdtrAcct: accountOf(payee),
    RmtInf: { Ustrd: `Carpool settlement ${settlement}` },
  }
}

function accountOf({ iban }: Party) {
  return { Id: { IBAN: iban } }
}

function agentOf({ bic }: Party) {
  return { FinInstnId: bic === undefined ? { Othr: { Id: 'NOTPROVIDED' } } : { BICFI: bic } }
}

/** All amounts added up, whatever their currencies. */
function controlSum(lines: readonly PayoutLine[]): string {
  const digits = Math.max(...lines.map(({ currency }) => decimals(currency)))
  const micros = lines.reduce((sum, line) => sum + BigInt(line.micros), 0n)
  const scaled = micros / 10n ** BigInt(6 - digits)
  const text = `${scaled}`.padStart(digits + 1, '0')
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`
}
