/** Promises of the journals: each party's own books, that both programs take, also after a clock was set back, over years. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { Journal, type JournalFormat, type JournalWish } from '../../src/cli/money/journals.ts'
import { readLedgers } from '../../src/cli/money/ledger-lines.ts'
import type { LedgerLine, LedgerSide } from '../../src/host/ledger/contract.ts'
import { temporaryFolder } from '../support/swarm.ts'

const owner = 'ab'.repeat(32)
const fleet = '12D3KooWFLEETfleet1234567890'
const payer = '12D3KooWSUBMITTERsubmit12345'
const [car1, car2] = ['12D3KooWCARcarcarcar00000001', '12D3KooWCARcarcarcar00000002'] as const

const everything: JournalWish = {
  sides: new Set<LedgerSide>(['vehicle', 'submitter', 'operator']),
  ...{ vat: null, from: null, to: null, merged: false },
}

/** A claim of a car that is paid, of so many micros, and a tenth of it the operator's. */
function earned(
  serial: number,
  day: string,
  micros: number,
  {
    vehicle = car1 as string,
    runtime = 'ocr',
    unit = 'page',
    sides = ['vehicle'] as LedgerSide[],
    kind = 'posted' as LedgerLine['kind'],
  } = {},
): LedgerLine {
  return {
    ...{ serial, atMs: Date.parse(`${day}T12:00:00Z`), kind, subject: `receipt-${serial}/0`, generation: 0 },
    currency: 'EUR',
    debit: `submitter:${payer}`,
    credits: [
      { account: `owner:${owner}:${vehicle}`, micros },
      { account: `operator:${fleet}`, micros: Math.floor(micros / 10) },
    ],
    claim: {
      ...{ job: 'job', receipt: `receipt-${serial}`, place: 0, position: serial, vehicle, owner, units: 3 },
    } as never,
    ...{ unit, runtime, node: vehicle as never, sides, memo: '', hash: '00' },
  }
}

function paid(
  serial: number,
  day: string,
  micros: number,
  sides: LedgerSide[] = ['vehicle'],
  vehicle: string = car1,
): LedgerLine {
  return {
    ...earned(serial, day, micros, { vehicle, sides }),
    ...{ kind: 'paid', claim: null, unit: null, runtime: null },
    subject: `payment/P-${serial}`,
    debit: `owner:${owner}:${vehicle}`,
    credits: [{ account: `outside:${payer}`, micros }],
    memo: 'a "reference"; \\ with\nsigns',
  }
}

function written(
  entries: readonly LedgerLine[],
  format: JournalFormat,
  wish: Partial<JournalWish> = {},
): string {
  const journal = new Journal(format, { ...everything, ...wish })
  if (wish.from) for (const entry of entries) journal.carry(entry)
  const lines = [...journal.opening(), ...entries.flatMap((entry) => [...journal.lines(entry)])]
  return lines.map((line) => `${line}\n`).join('')
}

/** Sums by account, as the text has them. */
function balances(text: string): Map<string, bigint> {
  const sums = new Map<string, bigint>()
  for (const [, account, amount] of text.matchAll(/^ +([A-Z]\S+) {2}(-?\d+\.\d{6}) EUR$/gm))
    sums.set(account!, (sums.get(account!) ?? 0n) + BigInt(amount!.replace('.', '')))
  return sums
}

test('for an owner work is income and a debt of the submitter, for a submitter an expense and a debt, for an operator its share', () => {
  const entries = [
    earned(1, '2026-03-01', 1_000, { sides: ['vehicle'] }),
    paid(2, '2026-04-01', 900, ['vehicle']),
  ]
  const as = (sides: LedgerSide[]) =>
    Object.fromEntries(
      balances(
        written(
          entries.map((entry) => ({ ...entry, sides })),
          'hledger',
        ),
      ),
    )
  assert.deepEqual(as(['vehicle']), {
    [`Assets:Receivable:S${payer.slice(-12)}:V${car1.slice(-12)}`]: 100n,
    'Income:Work:Ocr:Page': -1_000n,
    [`Assets:Outside:O${owner.slice(0, 16)}`]: 900n,
  })
  assert.deepEqual(as(['submitter']), {
    'Expenses:Work:Ocr:Page': 1_100n,
    [`Liabilities:Owners:O${owner.slice(0, 16)}:V${car1.slice(-12)}`]: -100n,
    [`Liabilities:Operators:F${fleet.slice(-12)}`]: -100n,
    [`Assets:Outside:S${payer.slice(-12)}`]: -900n,
  })
  assert.deepEqual(as(['operator']), {
    [`Assets:Receivable:S${payer.slice(-12)}:F${fleet.slice(-12)}`]: 100n,
    'Income:Share:Ocr:Page': -100n,
  })
  assert.equal(
    written(
      entries.map((entry) => ({ ...entry, sides: [] })),
      'beancount',
    ),
    '',
    'a standby has no books of it',
  )
})

test('work of one runtime is never in the account of another, and each entry says its units', () => {
  const entries = [
    earned(1, '2026-03-01', 1_000),
    earned(2, '2026-03-01', 500, { runtime: 'llm', unit: 'token' }),
    earned(3, '2026-03-01', 300, { runtime: 'embed', unit: 'token' }),
    earned(4, '2026-03-01', 7, { runtime: '../x y', unit: 'unit' }),
  ]
  const sums = balances(written(entries, 'beancount'))
  assert.deepEqual(
    [...sums].filter(([account]) => account.startsWith('Income')),
    [
      ['Income:Work:Ocr:Page', -1_000n],
      ['Income:Work:Llm:Token', -500n],
      ['Income:Work:Embed:Token', -300n],
      ['Income:Work:X-y:Unit', -7n],
    ],
  )
  assert.match(written(entries, 'beancount'), /units: 3\n {2}unit: "token"/)
})

test('in the books of every party each transaction sums to zero, with tax and without', () => {
  const kinds = fc.constantFrom<LedgerLine['kind']>('posted', 'reversed', 'pending', 'voided')
  const amounts = fc.integer({ min: 0, max: 2 ** 50 })
  const vats = fc.constantFrom(null, { ppm: 190_000, account: 'VAT' }, { ppm: 77_000, account: 'Tax:In-1' })
  fc.assert(
    fc.property(kinds, amounts, vats, (kind, micros, vat) => {
      const entry = earned(1, '2026-03-01', micros, { kind, sides: ['vehicle', 'submitter', 'operator'] })
      for (const format of ['beancount', 'hledger'] as const) {
        const sums = balances(written([entry], format, { vat }))
        assert.equal(
          [...sums.values()].reduce((sum, one) => sum + one, 0n),
          0n,
        )
        assert.equal(sums.size > 0, kind === 'posted' || kind === 'reversed')
        for (const account of sums.keys())
          assert.match(account, /^(Assets|Liabilities|Expenses|Income)(:[A-Z0-9][A-Za-z0-9-]*)+$/)
      }
    }),
  )
})

test('value added tax is a part of what is paid, in an account of its own, and off unless it is asked for', () => {
  const entry = earned(1, '2026-03-01', 119_000, { sides: ['vehicle', 'submitter'] })
  const sums = balances(written([entry], 'hledger', { vat: { ppm: 190_000, account: 'Tax:VAT' } }))
  assert.equal(sums.get('Income:Work:Ocr:Page'), -100_000n)
  assert.equal(sums.get('Liabilities:Tax:VAT'), -19_000n)
  assert.equal(sums.get('Assets:Tax:VAT'), 20_900n)
  assert(!written([entry], 'hledger').includes('VAT'))
})

test('what a year leaves open is what the next begins with', () => {
  const entries = [
    earned(1, '2025-03-01', 1_000),
    paid(2, '2025-12-31', 400),
    earned(3, '2026-01-01', 70),
    // A clock that was set back.
    earned(4, '2025-06-01', 5),
    paid(5, '2026-02-01', 600),
  ]
  const whole = balances(written(entries, 'hledger'))
  const first = balances(written(entries, 'hledger', { to: '2025-12-31' }))
  const second = balances(written(entries, 'hledger', { from: '2026-01-01' }))
  const receivable = [...whole.keys()].find((account) => account.startsWith('Assets:Receivable'))!
  assert.equal(first.get(receivable), 605n)
  assert.equal(second.get(receivable), whole.get(receivable))
  assert.equal(second.get('Income:Work:Ocr:Page'), -70n, 'income is of its year')
  assert.equal(first.get('Income:Work:Ocr:Page'), -1_005n)
})

test('the vehicles of an owner are one set of books, and an entry that two files have is written once', async (t) => {
  const folder = temporaryFolder(t)
  const files = [car1, car2].map((vehicle, i) => {
    const path = join(folder, `${i}.jsonl`)
    const own = [
      earned(1 + i, '2026-03-01', 100 * (i + 1), { vehicle }),
      earned(7, '2026-03-02', 1, { vehicle: car1 }),
    ]
    writeFileSync(path, own.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
    return path
  })
  const entries: LedgerLine[] = []
  for await (const entry of readLedgers(files)) entries.push(entry)
  const sums = balances(written(entries, 'beancount', { merged: true }))
  assert.equal(sums.get('Income:Work:Ocr:Page'), -301n)
  assert.equal([...sums.keys()].filter((account) => account.startsWith('Assets:Receivable')).length, 2)
  writeFileSync(files[0]!, '{"serial":1}\n')
  await assert.rejects(async () => {
    for await (const _ of readLedgers(files));
  }, /line 1 of .*0\.jsonl is none of carpool ledger --format json/)
})

/** Debian's packages beancount and hledger; a name that both programs' own checks pass on. */
const programs: readonly [JournalFormat, string, (path: string) => string[], string][] = [
  ['beancount', 'bean-check', (path) => [path], 'books.beancount'],
  ['hledger', 'hledger', (path) => ['check', '--strict', '-f', path], 'books.journal'],
]

for (const [format, program, args, name] of programs) {
  const isHere = spawnSync(program, ['--version']).error === undefined
  const skip = isHere ? false : `${program} is not installed`
  test(`${program} passes on the books of each party, after a clock that was set back, and over years`, {
    skip,
  }, (t) => {
    const entries = [
      earned(1, '2026-06-30', 1_000),
      earned(2, '2024-01-01', 200, { runtime: 'llm', unit: 'token' }),
      paid(3, '2026-07-01', 900),
      { ...paid(3, '2026-07-02', 900), kind: 'unpaid' as const },
      earned(4, '2026-07-03', 50, { kind: 'reversed', vehicle: car2 }),
    ]
    const wishes: Partial<JournalWish>[] = [
      {},
      { vat: { ppm: 190_000, account: 'Tax:VAT' } },
      { from: '2026-01-01', to: '2026-12-31' },
    ]
    const all: LedgerSide[] = ['vehicle', 'submitter', 'operator']
    for (const sides of [...all.map((side) => [side]), all])
      for (const wish of sides === all ? wishes : wishes.slice(2))
        passes(
          t,
          program,
          args,
          name,
          written(
            entries.map((entry) => ({ ...entry, sides })),
            format,
            wish,
          ),
        )
  })
}

function passes(
  t: TestContext,
  program: string,
  args: (path: string) => string[],
  name: string,
  text: string,
): void {
  const path = join(temporaryFolder(t), name)
  writeFileSync(path, text)
  const { status, stdout, stderr } = spawnSync(program, args(path), { encoding: 'utf8' })
  assert.equal(status, 0, `${stdout}${stderr}\n${text}`)
}
