/** Promises of the files that leave for banks and bookkeepers: exact amounts, checked accounts, nothing injected. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { create } from 'xmlbuilder2'
import { minorAmount, sixDecimals } from '../../src/cli/money/amounts.ts'
import { bankingDay } from '../../src/cli/money/banking-days.ts'
import { isIban } from '../../src/cli/money/iban.ts'
import { csvHeader, csvLine } from '../../src/cli/money/ledger-csv.ts'
import { painXml } from '../../src/cli/money/pain.ts'
import { objectionTo, type Payees, readPayees } from '../../src/cli/money/payees.ts'
import { sepaText } from '../../src/cli/money/sepa-text.ts'
import { describeSettlement } from '../../src/cli/money/settle-views.ts'
import type { LedgerLine } from '../../src/host/ledger/contract.ts'
import type { Payout } from '../../src/host/ledger/settle-contract.ts'
import { temporaryFolder } from '../support/swarm.ts'

const owner = 'ab'.repeat(32)
const vehicle = '12D3KooWQ3w6wNqX4b6vUJcUqT6b8y7p1qZ3c5r7T9v2xYzAbCdE'

/** Published examples of their banks' registries. */
const ibans = [
  'DE89370400440532013000',
  'GB29NWBK60161331926819',
  'NO9386011117947',
  'MT84MALT011000012345MTLCAST001S',
]

test('an IBAN with one wrong character is refused', () => {
  for (const iban of ibans) {
    assert(isIban(iban))
    for (let i = 4; i < iban.length; i += 1) {
      const other = iban[i] === '7' ? '8' : '7'
      assert(!isIban(iban.slice(0, i) + other + iban.slice(i + 1)), `${iban} with ${other} at ${i}`)
    }
  }
  assert(!isIban('DE89'))
  assert(!isIban(''))
})

test('amounts are exact decimal numbers, and whole cents for a bank', () => {
  assert.equal(sixDecimals(19), '0.000019')
  assert.equal(sixDecimals(-12_340_000), '-12.340000')
  assert.equal(sixDecimals(Number.MAX_SAFE_INTEGER), '9007199254.740991')
  assert.equal(minorAmount(12_340_000, 'EUR'), '12.34')
  assert.equal(minorAmount(12_000_000, 'JPY'), '12')
})

const payees: Payees = {
  payer: { name: 'Muller + Sohne (GmbH)', iban: ibans[0]!, bic: 'COBADEFFXXX' },
  payees: new Map([
    [owner, { name: 'An owner', iban: ibans[1]! }],
    ['operator:fleet', { name: 'The operator', iban: ibans[2]!, bic: 'DNBANOKK' }],
  ]),
}

function payoutOf(amounts: readonly (readonly [string, string, number])[]): Payout {
  return {
    name: 'P20260630-1',
    createdAtMs: 0,
    executionDate: '2026-07-01',
    lines: amounts.map(([payee, currency, micros], i) => ({
      ...{ state: 'prepared', atMs: 0, reference: '', reason: '', missingAtMs: null },
      payee,
      currency,
      micros,
      settlement: `P20260630-1-${i + 1}`,
      accounts: [{ account: `owner:${payee}:v`, micros }],
    })),
  }
}

test('a pay-out is a credit transfer initiation by the rules of pain.001.001.09', () => {
  const payout = payoutOf([
    [owner, 'EUR', 12_340_000],
    ['operator:fleet', 'EUR', 660_000],
    [owner, 'NOK', 5_000_000],
  ])
  const xml = painXml(payout, payees, Date.UTC(2026, 5, 30, 12))
  // biome-ignore lint/suspicious/noExplicitAny: whatever the XML holds
  const { Document } = create(xml).end({ format: 'object' }) as any
  assert.equal(Document['@xmlns'], 'urn:iso:std:iso:20022:tech:xsd:pain.001.001.09')
  const { GrpHdr, PmtInf } = Document.CstmrCdtTrfInitn
  assert.deepEqual(Object.keys(Document.CstmrCdtTrfInitn), ['GrpHdr', 'PmtInf'])
  assert.deepEqual(GrpHdr, {
    MsgId: 'P20260630-1',
    CreDtTm: '2026-06-30T12:00:00Z',
    NbOfTxs: '3',
    CtrlSum: '18.00',
    InitgPty: { Nm: 'Muller + Sohne (GmbH)' },
  })
  assert.deepEqual(PmtInf[0].ReqdExctnDt, { Dt: '2026-07-01' })
  const [euro, krone] = PmtInf
  // In the order of the schema's sequence.
  assert.deepEqual(Object.keys(euro), [
    'PmtInfId',
    'PmtMtd',
    'NbOfTxs',
    'CtrlSum',
    'PmtTpInf',
    'ReqdExctnDt',
    'Dbtr',
    'DbtrAcct',
    'DbtrAgt',
    'ChrgBr',
    'CdtTrfTxInf',
  ])
  assert.equal(euro.CtrlSum, '13.00')
  assert.deepEqual(euro.CdtTrfTxInf[0], {
    PmtId: { EndToEndId: 'P20260630-1-1' },
    Amt: { InstdAmt: { '@Ccy': 'EUR', '#': '12.34' } },
    Cdtr: { Nm: 'An owner' },
    CdtrAcct: { Id: { IBAN: ibans[1] } },
    RmtInf: { Ustrd: 'Carpool settlement P20260630-1-1' },
  })
  assert.deepEqual(Object.keys(euro.CdtTrfTxInf[1]), [
    'PmtId',
    'Amt',
    'CdtrAgt',
    'Cdtr',
    'CdtrAcct',
    'RmtInf',
  ])
  assert.equal(krone.CdtTrfTxInf.Amt.InstdAmt['#'], '5.00')
  for (const id of [GrpHdr.MsgId, euro.PmtInfId, krone.PmtInfId, 'P20260630-1-1']) assert(id.length <= 35)
})

test('whoever has no name and IBAN is named, and nobody is paid', () => {
  assert.throws(
    () => painXml(payoutOf([['someone', 'EUR', 10_000]]), payees, 0),
    /no name and IBAN for 1 payee: someone/,
  )
})

test('a file of payees is refused with the place that is wrong', (t) => {
  const path = join(temporaryFolder(t), 'payees.json')
  const refused = (content: unknown, why: RegExp) => {
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    assert.throws(() => readPayees(path), why)
  }
  const payer = { name: 'Payer', iban: ibans[0] }
  refused('{', /payees\.json is not a file of payees/)
  refused({ payees: {} }, /payees\.json: payer/)
  refused({ payer, payees: { [owner]: { name: 'A', iban: 'DE89370400440532013001' } } }, /iban is no IBAN/)
  refused(
    { payer, payees: { [owner]: { name: 'A'.repeat(71), iban: ibans[0] } } },
    /more than the 70 characters/,
  )
  refused({ payer: { ...payer, bic: 'nonsense' }, payees: {} }, /payer\.bic is no BIC/)
  writeFileSync(
    path,
    JSON.stringify({ payer: { ...payer, iban: 'DE89 3704 0044 0532 0130 00' }, payees: {} }),
  )
  assert.equal(readPayees(path).payer.iban, ibans[0])
})

const entry: LedgerLine = {
  serial: 3,
  atMs: Date.UTC(2026, 5, 30),
  kind: 'posted',
  subject: 'bafyreceipt/0',
  generation: 0,
  currency: 'EUR',
  debit: 'submitter:12D3KooWsubmitter',
  credits: [
    { account: `owner:${owner}:${vehicle}`, micros: 19 },
    { account: 'operator:12D3KooWfleet', micros: 2 },
  ],
  claim: {
    job: 'bafyjob' as never,
    receipt: 'bafyreceipt' as never,
    place: 0,
    position: 4,
    vehicle: vehicle as never,
    owner: owner as never,
    units: 3,
  },
  unit: 'page',
  runtime: 'ocr',
  node: vehicle as never,
  sides: ['submitter'],
  memo: '',
  hash: '00',
}

test('a reference cannot break out of its field, nor become a formula', () => {
  const memo = '=cmd("x"),\n"y"'
  const line = csvLine({ ...entry, kind: 'paid', claim: null, memo })
  assert.equal(csvHeader.split(',').length, 23)
  assert(line.endsWith(`,"'=cmd(""x""),\n""y""",00`), line)
  for (const formula of ['-2+3', '+1', '@SUM(1)', '\t=1', ' =1', '\n-x', '＝1', '-'])
    assert.match(csvLine({ ...entry, claim: null, memo: formula }), /,"?'[^,]*,00$/u, formula)
  assert.match(csvLine({ ...entry, claim: null, memo: '-12.5' }), /,-12\.5,00$/, 'a number stays one')
})

test('settle says why a payee waits, and only where one does', () => {
  const owed = { payee: owner, currency: 'EUR', owedMicros: 4_000, vehicles: 1, unheard: false }
  const view = {
    ...{ payouts: [], payout: null, steps: [], refused: [], noted: 0 },
    ...{ elsewhere: 0, doubt: null, damagedAt: null },
  }
  const said = (payableMicros: number) =>
    describeSettlement({ ...view, owed: [{ ...owed, payableMicros }] }).join('\n')
  assert.match(said(0), /waits: below --threshold/)
  assert.doesNotMatch(said(10_000), /waits/)
})

test('names are written in the characters that every bank of SEPA takes, and one that has none is refused', (t) => {
  for (const [name, spelled] of [
    ['Müller & Söhne <GmbH>', 'Muller + Sohne (GmbH)'],
    ['Łucja Żak €', 'Lucja Zak EUR'],
    ['Sägewerk Øst & Co 🚗', 'Sagewerk Ost + Co'],
    ['Ærø ß', 'Aero ss'],
    ['Иван Петров', 'Ivan Petrov'],
    ['//a//b/', 'a/b'],
    ['👩‍👩‍👧 x', 'x'],
  ] as const)
    assert.equal(sepaText(name, 70), spelled)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      const text = sepaText(name, 70)
      assert.match(text, /^[A-Za-z0-9/\-?:().,'+ ]{0,70}$/)
      assert(!/^[/ ]|[/ ]$|\/\//.test(text), JSON.stringify(text))
    }),
  )
  const path = join(temporaryFolder(t), 'payees.json')
  writeFileSync(path, JSON.stringify({ payer: { name: '🚗', iban: ibans[0] }, payees: {} }))
  assert.throws(() => readPayees(path), /payer\.name has no letter that a bank takes/)
})

test('an account outside the European Economic Area needs its bank, and one outside of SEPA gets no euros', () => {
  const of = (iban: string, bic?: string) => ({ name: 'A', iban, ...(bic === undefined ? {} : { bic }) })
  assert.equal(objectionTo(of('DE89370400440532013000'), 'EUR'), null)
  assert.match(
    objectionTo(of('GB29NWBK60161331926819'), 'EUR')!,
    /outside of the European Economic Area.*BIC/,
  )
  assert.equal(objectionTo(of('GB29NWBK60161331926819', 'NWBKGB2L'), 'EUR'), null)
  assert.match(objectionTo(of('CH9300762011623852957'), 'EUR')!, /BIC/)
  assert.match(objectionTo(of('TR330006100519786457841326', 'TCZBTR2A'), 'EUR')!, /outside of SEPA/)
  assert.equal(objectionTo(of('TR330006100519786457841326', 'TCZBTR2A'), 'USD'), null)
  assert(!isIban('DE893704004405320130'), 'a German one has 22 characters')
})

/** Easter Sundays as published by the United States Census Bureau. */
test('a transfer is carried out on a banking day: not on a weekend, nor where TARGET is closed', () => {
  for (const [day, banking] of [
    ['2026-11-30', '2026-11-30'],
    ['2026-11-28', '2026-11-30'],
    ['2026-12-25', '2026-12-28'],
    ['2026-12-31', '2026-12-31'],
    ['2027-01-01', '2027-01-04'],
    ['2026-04-03', '2026-04-07'],
    ['2024-03-29', '2024-04-02'],
    ['2038-04-23', '2038-04-27'],
    ['2026-05-01', '2026-05-04'],
  ] as const)
    assert.equal(bankingDay(day), banking)
})
