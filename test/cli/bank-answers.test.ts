/** Promises of what goes to a bank and comes back from it: files by the standard's rules, answers read as they are, attacks refused. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readBankAnswer } from '../../src/cli/money/bank-answer.ts'
import { painXml } from '../../src/cli/money/pain.ts'
import type { Payees } from '../../src/cli/money/payees.ts'
import type { Payout } from '../../src/host/ledger/settle-contract.ts'
import { painFaults } from '../support/pain-rules.ts'
import { temporaryFolder } from '../support/swarm.ts'

const name = 'P260630-Ab3dE9-1k2m3n4'

const payees: Payees = {
  payer: { name: 'Payer + Co', iban: 'DE89370400440532013000' },
  payees: new Map([
    ['anna', { name: 'Anna', iban: 'NO9386011117947', bic: 'DNBANOKK' }],
    ['bert', { name: 'B'.repeat(70), iban: 'GB29NWBK60161331926819', bic: 'NWBKGB2LXXX' }],
  ]),
}

function payoutOf(...amounts: readonly (readonly [string, string, number])[]): Payout {
  const lines = amounts.map(([payee, currency, micros], i) => ({
    ...{ payee, currency, micros, settlement: `${name}-${i + 1}`, accounts: [] },
    ...{ state: 'prepared' as const, atMs: 0, reference: '', reason: '', missingAtMs: null },
  }))
  return { name, createdAtMs: 0, executionDate: '2026-06-30', lines }
}

test('the file for a bank keeps to the rules of pain.001.001.09, element by element', () => {
  const xml = painXml(
    payoutOf(
      ['anna', 'EUR', 12_340_000],
      ['bert', 'EUR', 999_999_999_990_000],
      ['anna', 'NOK', 5_000_000],
      ['anna', 'JPY', 7_000_000],
      ['bert', 'KWD', 1_234_000],
    ),
    payees,
    Date.UTC(2026, 5, 30),
  )
  assert.deepEqual(painFaults(xml), [])
  // The rules can fail.
  for (const [from, to, fault] of [
    [/<MsgId>.*<\/MsgId>/, '', /it has 0 of MsgId/],
    [/<NbOfTxs>5</, '<NbOfTxs>five<', /is no Max15NumericText/],
    [/(<PmtMtd>TRF<\/PmtMtd>)/, '$1<PmtInfId>twice</PmtInfId>', /out of order/],
    [/BBBB/, 'B'.repeat(99), /is no Max140Text/],
    [/Ccy="EUR"/, 'Ccy="euro"', /its Ccy is wrong/],
    [/NWBKGB2LXXX/, 'NWBK', /is no BICFI/],
    [/<Cdtr>/, '<Cdtr><Age>7</Age>', /Age is not of PartyIdentification135/],
  ] as const)
    assert(
      painFaults(xml.replace(from, to)).some((one) => fault.test(one)),
      `${fault}`,
    )
})

const pain002 = 'urn:iso:std:iso:20022:tech:xsd:pain.002.001.10'
const camt054 = 'urn:iso:std:iso:20022:tech:xsd:camt.054.001.08'

function read(t: TestContext, xml: string | Uint8Array) {
  const path = join(temporaryFolder(t), 'answer.xml')
  writeFileSync(path, xml)
  return readBankAnswer(path)
}

function brief(t: TestContext, xml: string): unknown[] {
  return read(t, xml).news.map(({ of, currency, state, reference, reason, micros }) =>
    [of, currency, state, reference, reason, micros].filter((part) => part !== undefined),
  )
}

test('a status report of a bank says of each transfer, and of the rest of its batch, where it stands', (t) => {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="${pain002}"><CstmrPmtStsRpt><GrpHdr><MsgId>R7</MsgId></GrpHdr>
 <OrgnlGrpInfAndSts><OrgnlMsgId>${name}</OrgnlMsgId><GrpSts>ACTC</GrpSts></OrgnlGrpInfAndSts>
 <OrgnlPmtInfAndSts><OrgnlPmtInfId>${name}-EUR</OrgnlPmtInfId><PmtInfSts>ACSC</PmtInfSts>
  <TxInfAndSts><OrgnlEndToEndId>${name}-2</OrgnlEndToEndId><TxSts>RJCT</TxSts>
   <StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>account
    closed</AddtlInf></StsRsnInf></TxInfAndSts>
 </OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>`
  assert.deepEqual(brief(t, xml), [
    [`${name}-2`, 'rejected', 'R7', 'AC04 account closed'],
    [name, 'EUR', 'paid', 'R7', ''],
    [name, 'sent', 'R7', ''],
  ])
})

test('a notification of an account says what left and what came back, and passes over what is not of a pay-out', (t) => {
  const entry = (direction: string, status: string, details: string) =>
    `<Ntry><Amt Ccy="EUR">9</Amt><CdtDbtInd>${direction}</CdtDbtInd>${status}<AcctSvcrRef>E1</AcctSvcrRef><NtryDtls>${details}</NtryDtls></Ntry>`
  const book = '<Sts><Cd>BOOK</Cd></Sts>'
  const transfer = (line: number, rest = '') =>
    `<TxDtls><Refs><EndToEndId>${name}-${line}</EndToEndId></Refs>${rest}</TxDtls>`
  const xml = `<c:Document xmlns:c="${camt054}"><c:BkToCstmrDbtCdtNtfctn/></c:Document>`.replace(
    '<c:BkToCstmrDbtCdtNtfctn/>',
    `<BkToCstmrDbtCdtNtfctn xmlns="${camt054}"><GrpHdr><MsgId>N1</MsgId></GrpHdr><Ntfctn>
     ${entry('DBIT', book, `${transfer(1, '<Amt Ccy="EUR">12.34</Amt>')}${transfer(2)}`)}
     ${entry('CRDT', '<Sts>BOOK</Sts>', transfer(3, '<Amt Ccy="EUR">1.00</Amt><RtrInf><Rsn><Cd>AC01</Cd></Rsn></RtrInf>'))}
     ${entry('DBIT', '<Sts>PDNG</Sts>', transfer(4))}
     ${entry('DBIT', book, '<TxDtls><Refs><EndToEndId>rent</EndToEndId></Refs></TxDtls>')}
     ${entry('DBIT', book, `<Btch><PmtInfId>${name}-NOK</PmtInfId></Btch>`)}
     ${entry('CRDT', book, '')}
    </Ntfctn></BkToCstmrDbtCdtNtfctn>`,
  )
  assert.deepEqual(brief(t, xml), [
    [`${name}-1`, 'paid', 'E1', '', 12_340_000],
    [`${name}-2`, 'paid', 'E1', ''],
    [`${name}-3`, 'returned', 'E1', 'AC01', 1_000_000],
    [`${name}-4`, 'sent', 'E1', ''],
    [name, 'NOK', 'paid', 'E1', ''],
  ])
  assert.equal(read(t, xml).others, 2)
})

test('of a whole file or batch the bank’s own number and sum are read, and what is none is refused', (t) => {
  const sums = (xml: string) => read(t, xml).news.map(({ sum }) => sum)
  const report = (numbers: string) =>
    `<Document xmlns="${pain002}"><R><OrgnlGrpInfAndSts><OrgnlMsgId>${name}</OrgnlMsgId>${numbers}<GrpSts>ACTC</GrpSts></OrgnlGrpInfAndSts>
     <OrgnlPmtInfAndSts><OrgnlPmtInfId>${name}-EUR</OrgnlPmtInfId><PmtInfSts>ACSP</PmtInfSts></OrgnlPmtInfAndSts></R></Document>`
  const original = (lines: string, sum: string) =>
    report(`<OrgnlNbOfTxs>${lines}</OrgnlNbOfTxs><OrgnlCtrlSum>${sum}</OrgnlCtrlSum>`)
  assert.deepEqual(sums(original('3', '4.20')), [undefined, { of: 'all', lines: 3, micros: 4_200_000 }])
  for (const [lines, sum] of [
    ['three', '4.20'],
    ['3', '-4.20'],
    ['3', '9999999999.99'],
  ] as const)
    assert.throws(() => sums(original(lines, sum)), /is no number and sum of transfers/)
  const batch = (amount: string, inside = '') =>
    `<Document xmlns="${camt054}"><A><Ntry>${amount}<CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><NtryDtls>
     <Btch><PmtInfId>${name}-EUR</PmtInfId>${inside}</Btch></NtryDtls></Ntry></A></Document>`
  const booked = { of: 'booked', micros: 4_200_000, inCurrency: 'EUR' }
  assert.deepEqual(sums(batch('<Amt Ccy="EUR">4.2</Amt>')), [booked])
  const total = '<NbOfTxs>3</NbOfTxs><TtlAmt Ccy="EUR">4.2</TtlAmt>'
  assert.deepEqual(sums(batch('<Amt Ccy="EUR">9</Amt>', total)), [{ ...booked, lines: 3 }])
  assert.throws(() => sums(batch('<Amt>4.2</Amt>')), /is no number and sum of transfers/)
})

test('a cent that a payee sends by the name of its payment is not the payment coming back', (t) => {
  const came = (inside: string, details = '') =>
    brief(
      t,
      `<Document xmlns="${camt054}"><A><Ntry><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>${inside}<NtryDtls>
       <TxDtls><Refs><EndToEndId>${name}-1</EndToEndId></Refs><Amt Ccy="EUR">0.01</Amt>${details}</TxDtls>
       </NtryDtls></Ntry></A></Document>`,
    ).map((one) => (one as unknown[])[1])
  const family = (code: string) =>
    `<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>${code}</SubFmlyCd></Fmly></Domn></BkTxCd>`
  assert.deepEqual(came(''), [])
  assert.deepEqual(came(family('ESCT')), [])
  assert.deepEqual(came('<RvslInd>false</RvslInd>'), [])
  assert.deepEqual(came(family('RRTN')), ['returned'])
  assert.deepEqual(came('<RvslInd>true</RvslInd>'), ['returned'])
  assert.deepEqual(came('', '<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>'), ['returned'])
})

test('an amount that is none is refused, and one in the account’s currency gives way to the one that was ordered', (t) => {
  const left = (amounts: string) =>
    read(
      t,
      `<Document xmlns="${camt054}"><A><Ntry><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><NtryDtls><TxDtls>
       <Refs><EndToEndId>${name}-1</EndToEndId></Refs>${amounts}</TxDtls></NtryDtls></Ntry></A></Document>`,
    ).news.map(({ micros, inCurrency }) => [micros, inCurrency])
  for (const [text, currency] of [
    ...[['-12.34', 'EUR'] as const, ['1e308', 'EUR'] as const, ['9999999999.99', 'EUR'] as const],
    ...[['', 'EUR'] as const, ['NaN', 'EUR'] as const, ['12.34', 'euro'] as const],
  ])
    assert.throws(() => left(`<Amt Ccy="${currency}">${text}</Amt>`), /is no amount of a transfer/)
  assert.throws(() => left('<Amt>12.34</Amt>'), /is no amount of a transfer/)
  assert.deepEqual(left('<Amt Ccy="EUR">00012.340000</Amt>'), [[12_340_000, 'EUR']])
  const ordered = '<AmtDtls><InstdAmt><Amt Ccy="NOK">140</Amt></InstdAmt></AmtDtls>'
  assert.deepEqual(left(`<Amt Ccy="EUR">12.34</Amt>${ordered}`), [[140_000_000, 'NOK']])
})

test('what no bank sends is refused in a sentence: entities, depth, length, other files', (t) => {
  const refused = (xml: string | Uint8Array, why: RegExp) => assert.throws(() => read(t, xml), why)
  const document = (inside: string) => `<Document xmlns="${pain002}">${inside}</Document>`
  refused('', /answer\.xml is no answer of a bank/)
  refused('{"json": 1}', /is no answer of a bank/)
  refused(`<!DOCTYPE x [<!ENTITY a "b">]>${document('&a;')}`, /a document type, which no bank sends/)
  refused(`<!DOCTYPE x SYSTEM "file:///etc/passwd">${document('')}`, /a document type/)
  refused(document('&a;'), /is no answer of a bank/)
  refused(document('<?php ?>'), /a processing instruction/)
  refused(document('<a>'.repeat(40)), /nest more than 32 deep/)
  refused(document('<a>'.repeat(20)), /is no answer of a bank/)
  refused(document(`<a>${'x'.repeat(5000)}</a>`), /a text has more than 4096 characters/)
  refused(document('<a/>'.repeat(1001)), /Document has more than 1000 elements/)
  refused(
    document(`<a ${Array.from({ length: 17 }, (_, i) => `b${i}=""`).join(' ')}/>`),
    /too many attributes/,
  )
  refused(`<Document xmlns="urn:other"/>`, /is 'urn:other': a pain\.002, camt\.054 or camt\.053/)
  refused(Buffer.from(`<?xml version="1.0" encoding="UTF-16"?>${document('')}`), /its encoding is UTF-16/)
  refused(Buffer.concat([Buffer.from(document('')), Buffer.from([0xff])]), /its bytes are not utf-8/)
  assert.throws(() => readBankAnswer('/nowhere/answer.xml'), /cannot be read: ENOENT/)
})
