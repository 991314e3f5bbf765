/**
 * A pay-out as a credit transfer initiation: ISO 20022 pain.001.001.09, which banks of the SEPA take. The lengths and
 * patterns below are the schema's (Max35Text, Max140Text, IBAN2007Identifier, BICFIDec2014Identifier); SEPA's own
 * rulebook cuts names to 70 characters.
 */
import { createCB } from 'xmlbuilder2'
import type { Payout, PayoutLine } from '../../host/ledger/settle-contract.ts'
import { CommandFailure } from '../failure.ts'
import { formatCount } from '../format.ts'
import { decimals, minorAmount } from './amounts.ts'
import type { Party, Payees } from './payees.ts'

const namespace = 'urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'

/** Each call of the builder costs some 100 µs. */
const transfersAtOnce = 200

/** Throws CommandFailure that names whoever the file of payees lacks. */
export function painXml(payout: Payout, { payer, payees }: Payees, nowMs: number): string {
  const missing = [...new Set(payout.lines.map(({ payee }) => payee).filter((payee) => !payees.has(payee)))]
  if (missing.length > 0)
    throw new CommandFailure(
      `the file of payees has no name and IBAN for ${formatCount(missing.length, 'payee')}: ${missing.join(', ')}`,
    )
  const created = `${new Date(nowMs).toISOString().slice(0, 19)}Z`
  // Written as it goes: a tree of ten thousand transfers takes ten times the file's memory.
  const [whole, parts]: [string[], string[]] = [[], []]
  const initiation = createCB({ data: (text: string) => parts.push(text), prettyPrint: true })
    .dec({ version: '1.0', encoding: 'UTF-8' })
    .ele(namespace, 'Document')
    .ele('CstmrCdtTrfInitn')
  initiation.ele({
    GrpHdr: {
      MsgId: payout.name,
      CreDtTm: created,
      NbOfTxs: payout.lines.length,
      CtrlSum: controlSum(payout.lines),
      InitgPty: { Nm: payer.name },
    },
  })
  for (const [currency, lines] of Map.groupBy(payout.lines, (line) => line.currency)) {
    initiation.ele('PmtInf').ele({
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
    })
    for (let at = 0; at < lines.length; at += transfersAtOnce) {
      const some = lines.slice(at, at + transfersAtOnce)
      // The builder says each bracket by itself.
      whole.push(parts.splice(0).join(''))
      initiation.ele({ CdtTrfTxInf: some.map((line) => transferOf(line, payees.get(line.payee)!)) })
    }
    initiation.up()
  }
  initiation.end()
  return `${[...whole, ...parts].join('')}\n`
}

function transferOf({ settlement, currency, micros }: PayoutLine, payee: Party) {
  return {
    PmtId: { EndToEndId: settlement },
    Amt: { InstdAmt: { '@Ccy': currency, '#': minorAmount(micros, currency) } },
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
