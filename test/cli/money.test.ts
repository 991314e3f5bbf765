/** Promises of the files that leave for banks and bookkeepers: exact amounts, checked accounts, nothing injected. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { create } from 'xmlbuilder2'
import { minorAmount, sixDecimals } from '../../src/cli/money/amounts.ts'
import { beancountLines, csvHeader, csvLine, hledgerLines } from '../../src/cli/money/journals.ts'
import { painXml } from '../../src/cli/money/pain.ts'
import { isIban, type Payees, readPayees } from '../../src/cli/money/payees.ts'
import { describeSettlement } from '../../src/cli/money/views.ts'
import type { LedgerLine, Payout } from '../../src/host/ledger/contract.ts'
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
  payer: { name: 'Müller & Söhne <GmbH>', iban: ibans[0]!, bic: 'COBADEFFXXX' },
  payees: new Map([
    [owner, { name: 'An owner', iban: ibans[1]! }],
    ['operator:fleet', { name: 'The operator', iban: ibans[2]!, bic: 'DNBANOKK' }],
  ]),
}

function payoutOf(amounts: readonly (readonly [string, string, number])[]): Payout {
  return {
    name: 'P20260630-1',
    createdAtMs: 0,
    state: 'open',
    reference: '',
    lines: amounts.map(([payee, currency, micros], i) => ({
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
    InitgPty: { Nm: 'Müller &amp; Söhne &lt;GmbH&gt;' }, // the object's writer escapes it as the text's does
  })
  assert(xml.includes('<Nm>Müller &amp; Söhne &lt;GmbH&gt;</Nm>'))
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
  memo: '',
  hash: '00',
}

test('in the journals every transaction sums to zero, and accounts have names that beancount takes', () => {
  const kinds = fc.constantFrom<LedgerLine['kind']>(
    'posted',
    'reversed',
    'paid',
    'unpaid',
    'pending',
    'voided',
  )
  const amounts = fc.integer({ min: 0, max: 2 ** 50 })
  fc.assert(
    fc.property(kinds, amounts, amounts, (kind, a, b) => {
      const credits = [
        { ...entry.credits[0]!, micros: a },
        { ...entry.credits[1]!, micros: b },
      ]
      const line = { ...entry, kind, credits }
      for (const lines of [[...hledgerLines(line)], [...beancountLines(line, new Set())]]) {
        const postings = lines.flatMap((text) => /^ +([A-Z]\S*) {2}(-?)(\d+)\.(\d{6}) EUR$/.exec(text) ?? [])
        let sum = 0n
        for (let i = 0; i < postings.length; i += 5) {
          const [, account, sign, whole, fraction] = postings.slice(i, i + 5)
          assert.match(account!, /^(Assets|Liabilities|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+$/)
          sum += (sign === '-' ? -1n : 1n) * BigInt(`${whole}${fraction}`)
        }
        assert.equal(sum, 0n)
        assert.equal(postings.length > 0, kind !== 'pending' && kind !== 'voided')
      }
    }),
  )
})

test('beancount is told of an account once, before it is used', () => {
  const open = new Set<string>()
  const first = [...beancountLines(entry, open)]
  assert.equal(first.filter((line) => line.includes(' open ')).length, 3)
  assert.equal([...beancountLines(entry, open)].filter((line) => line.includes(' open ')).length, 0)
})

test('a reference cannot break out of its field, nor become a formula', () => {
  const memo = '=cmd("x"),\n"y"'
  const line = csvLine({ ...entry, kind: 'paid', claim: null, memo })
  assert.equal(csvHeader.split(',').length, 21)
  assert(line.endsWith(`,"'=cmd(""x""),\n""y""",00`), line)
  const paid = { ...entry, kind: 'paid' as const, claim: null, memo: 'a"; \\ b\n2026-01-01 open X' }
  assert.equal([...hledgerLines(paid)].filter((text) => !text.startsWith(' ') && text !== '').length, 1)
})

test('settle says why a payee waits, and only where one does', () => {
  const owed = { payee: owner, currency: 'EUR', owedMicros: 4_000, vehicles: 1 }
  const view = { payouts: [], payout: null, damagedAt: null }
  const said = (payableMicros: number) =>
    describeSettlement({ ...view, owed: [{ ...owed, payableMicros }] }).join('\n')
  assert.match(said(0), /waits: below --threshold, or less than the smallest coin/)
  assert.doesNotMatch(said(10_000), /waits/)
})
