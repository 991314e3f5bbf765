/**
 * The rules of pain.001.001.09, for every element that Carpool writes and its neighbours: order, occurrences, types. Typed off
 * the tables of ISO 20022's Message Definition Report for Payments Initiation (2019), apart from the program that writes them.
 */
import { create } from 'xmlbuilder2'

/** By type: the elements in their order, with the least and the most of each, and their type; of a choice exactly one. */
type Rule =
  | { readonly text: RegExp; readonly attributes?: Readonly<Record<string, RegExp>> }
  | { readonly sequence: readonly (readonly [name: string, min: number, max: number, type: string])[] }
  | { readonly choice: readonly (readonly [name: string, type: string])[] }

const n = Number.POSITIVE_INFINITY
const max = (length: number) => ({ text: new RegExp(`^[^\\p{Cc}]{1,${length}}$`, 'u') })

const rules: Readonly<Record<string, Rule>> = {
  Document: { sequence: [['CstmrCdtTrfInitn', 1, 1, 'CustomerCreditTransferInitiationV09']] },
  CustomerCreditTransferInitiationV09: {
    sequence: [
      ['GrpHdr', 1, 1, 'GroupHeader85'],
      ['PmtInf', 1, n, 'PaymentInstruction30'],
    ],
  },
  GroupHeader85: {
    sequence: [
      ['MsgId', 1, 1, 'Max35Text'],
      ['CreDtTm', 1, 1, 'ISODateTime'],
      ['NbOfTxs', 1, 1, 'Max15NumericText'],
      ['CtrlSum', 0, 1, 'DecimalNumber'],
      ['InitgPty', 1, 1, 'PartyIdentification135'],
    ],
  },
  PaymentInstruction30: {
    sequence: [
      ['PmtInfId', 1, 1, 'Max35Text'],
      ['PmtMtd', 1, 1, 'PaymentMethod3Code'],
      ['BtchBookg', 0, 1, 'BatchBookingIndicator'],
      ['NbOfTxs', 0, 1, 'Max15NumericText'],
      ['CtrlSum', 0, 1, 'DecimalNumber'],
      ['PmtTpInf', 0, 1, 'PaymentTypeInformation26'],
      ['ReqdExctnDt', 1, 1, 'DateAndDateTime2Choice'],
      ['Dbtr', 1, 1, 'PartyIdentification135'],
      ['DbtrAcct', 1, 1, 'CashAccount38'],
      ['DbtrAgt', 1, 1, 'BranchAndFinancialInstitutionIdentification6'],
      ['UltmtDbtr', 0, 1, 'PartyIdentification135'],
      ['ChrgBr', 0, 1, 'ChargeBearerType1Code'],
      ['CdtTrfTxInf', 1, n, 'CreditTransferTransaction34'],
    ],
  },
  PaymentTypeInformation26: {
    sequence: [
      ['InstrPrty', 0, 1, 'Priority2Code'],
      ['SvcLvl', 0, n, 'ServiceLevel8Choice'],
    ],
  },
  ServiceLevel8Choice: {
    choice: [
      ['Cd', 'ExternalServiceLevel1Code'],
      ['Prtry', 'Max35Text'],
    ],
  },
  DateAndDateTime2Choice: {
    choice: [
      ['Dt', 'ISODate'],
      ['DtTm', 'ISODateTime'],
    ],
  },
  CreditTransferTransaction34: {
    sequence: [
      ['PmtId', 1, 1, 'PaymentIdentification6'],
      ['PmtTpInf', 0, 1, 'PaymentTypeInformation26'],
      ['Amt', 1, 1, 'AmountType4Choice'],
      ['ChrgBr', 0, 1, 'ChargeBearerType1Code'],
      ['UltmtDbtr', 0, 1, 'PartyIdentification135'],
      ['CdtrAgt', 0, 1, 'BranchAndFinancialInstitutionIdentification6'],
      ['Cdtr', 0, 1, 'PartyIdentification135'],
      ['CdtrAcct', 0, 1, 'CashAccount38'],
      ['UltmtCdtr', 0, 1, 'PartyIdentification135'],
      ['RmtInf', 0, 1, 'RemittanceInformation16'],
    ],
  },
  PaymentIdentification6: {
    sequence: [
      ['InstrId', 0, 1, 'Max35Text'],
      ['EndToEndId', 1, 1, 'Max35Text'],
    ],
  },
  AmountType4Choice: { choice: [['InstdAmt', 'ActiveOrHistoricCurrencyAndAmount']] },
  PartyIdentification135: { sequence: [['Nm', 0, 1, 'Max140Text']] },
  CashAccount38: {
    sequence: [
      ['Id', 1, 1, 'AccountIdentification4Choice'],
      ['Ccy', 0, 1, 'ActiveOrHistoricCurrencyCode'],
    ],
  },
  AccountIdentification4Choice: { choice: [['IBAN', 'IBAN2007Identifier']] },
  BranchAndFinancialInstitutionIdentification6: {
    sequence: [['FinInstnId', 1, 1, 'FinancialInstitutionIdentification18']],
  },
  FinancialInstitutionIdentification18: {
    sequence: [
      ['BICFI', 0, 1, 'BICFIDec2014Identifier'],
      ['Nm', 0, 1, 'Max140Text'],
      ['Othr', 0, 1, 'GenericFinancialIdentification1'],
    ],
  },
  GenericFinancialIdentification1: { sequence: [['Id', 1, 1, 'Max35Text']] },
  RemittanceInformation16: { sequence: [['Ustrd', 0, n, 'Max140Text']] },

  Max35Text: max(35),
  Max140Text: max(140),
  Max15NumericText: { text: /^[0-9]{1,15}$/ },
  DecimalNumber: { text: /^(?=(?:\D*\d){1,18}\D*$)\d+(\.\d{1,17})?$/ },
  ISODate: { text: /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/ },
  ISODateTime: { text: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/ },
  BatchBookingIndicator: { text: /^(true|false)$/ },
  PaymentMethod3Code: { text: /^(CHK|TRF|TRA)$/ },
  Priority2Code: { text: /^(HIGH|NORM)$/ },
  ChargeBearerType1Code: { text: /^(DEBT|CRED|SHAR|SLEV)$/ },
  ExternalServiceLevel1Code: { text: /^.{1,4}$/ },
  ActiveOrHistoricCurrencyCode: { text: /^[A-Z]{3}$/ },
  ActiveOrHistoricCurrencyAndAmount: {
    text: /^(?=(?:\D*\d){1,18}\D*$)\d+(\.\d{1,5})?$/,
    attributes: { Ccy: /^[A-Z]{3}$/ },
  },
  IBAN2007Identifier: { text: /^[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{1,30}$/ },
  BICFIDec2014Identifier: { text: /^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$/ },
}

const namespace = 'urn:iso:std:iso:20022:tech:xsd:pain.001.001.09'

interface Element {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly Element[]
  readonly text: string
}

/** Every way in which a file breaks the rules, with its place; and the sums and counts that do not fit. */
export function painFaults(xml: string): string[] {
  const root = create(xml).root().node as unknown as Parameters<typeof elementOf>[0]
  const document = elementOf(root)
  const isNamed = document.name === 'Document' && document.attributes.get('xmlns') === namespace
  return [...(isNamed ? [] : [`the root is ${document.name}`]), ...faultsOf(document, 'Document', 'Document')]
}

function faultsOf({ children, text, attributes }: Element, type: string, at: string): string[] {
  const rule = rules[type]!
  if ('text' in rule) {
    const wanted = Object.entries(rule.attributes ?? {})
    const bad = wanted.filter(([name, pattern]) => !pattern.test(attributes.get(name) ?? ''))
    return [
      ...(children.length > 0 || !rule.text.test(text) ? [`${at}: '${text}' is no ${type}`] : []),
      ...bad.map(([name]) => `${at}: its ${name} is wrong`),
      ...(attributes.size > wanted.length ? [`${at}: it has other attributes`] : []),
    ]
  }
  const names = children.map(({ name }) => name)
  const allowed = 'choice' in rule ? rule.choice : rule.sequence
  const typeOf = new Map(allowed.map((one) => [one[0], one.at(-1) as string]))
  const faults = names.filter((name) => !typeOf.has(name)).map((name) => `${at}: ${name} is not of ${type}`)
  if ('choice' in rule && children.length !== 1)
    faults.push(`${at}: it has ${names.join()}, and one is to be chosen`)
  if ('sequence' in rule) {
    const order = names.map((name) => rule.sequence.findIndex(([known]) => known === name))
    if (order.some((place, i) => place < order[i - 1]!))
      faults.push(`${at}: ${names.join()} are out of order`)
    for (const [name, least, most] of rule.sequence) {
      const count = names.filter((known) => known === name).length
      if (count < least || count > most) faults.push(`${at}: it has ${count} of ${name}`)
    }
  }
  for (const child of children) {
    const of = typeOf.get(child.name)
    if (of !== undefined) faults.push(...faultsOf(child, of, `${at}/${child.name}`))
  }
  return faults
}

function elementOf(node: {
  readonly localName: string
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>
  readonly childNodes: Iterable<{ readonly nodeType: number; readonly textContent: string }>
}): Element {
  const children = [...node.childNodes].filter(({ nodeType }) => nodeType === 1)
  return {
    name: node.localName,
    attributes: new Map([...node.attributes].map(({ name, value }) => [name, value])),
    children: children.map((child) => elementOf(child as never)),
    text: children.length > 0 ? '' : [...node.childNodes].map(({ textContent }) => textContent).join(''),
  }
}
