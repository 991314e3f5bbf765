import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPrintable } from '../../src/base/printable.ts'
import { describeConfig } from '../../src/cli/commands/config.ts'
import { describeMembers } from '../../src/cli/commands/fleet-members.ts'
import { describeJobs } from '../../src/cli/commands/jobs.ts'
import { describePeers } from '../../src/cli/commands/peers.ts'
import { requestOf } from '../../src/cli/commands/submit.ts'
import { describeWhy } from '../../src/cli/commands/why.ts'
import { describeFailure } from '../../src/cli/failure.ts'
import { money, percentage, price } from '../../src/cli/flags.ts'
import { formatLocalTime } from '../../src/cli/format.ts'
import { describeHistory } from '../../src/cli/history-view.ts'
import {
  describeMissing,
  describePlan,
  describeShortage,
  describeStatus,
  progressBar,
} from '../../src/cli/job-view.ts'
import { LiveLines } from '../../src/cli/live-lines.ts'
import { plainLine } from '../../src/cli/log.ts'
import { describeErrorsPaid, describeQuote } from '../../src/cli/quote-view.ts'
import { describeReach } from '../../src/cli/reach-lines.ts'
import { afterInterruption, newsTold } from '../../src/cli/submission.ts'
import { formatTable } from '../../src/cli/table.ts'
import type { Quote } from '../../src/host/api.ts'
import type { Cid, OwnerId } from '../../src/protocol/ids.ts'
import { languagesOf } from '../../src/runtimes/registry.ts'
import { job, peerRow, plan, quote, resultsEnd, status, summary, why } from '../support/fake-node.ts'

test('a table is as wide as its widest cells, figures to the right', () => {
  const rows = [
    { name: 'blue', count: 7 },
    { name: 'a longer name', count: 1200 },
  ]
  const lines = formatTable(
    [
      { title: 'NAME', cell: (row) => row.name },
      { title: 'COUNT', align: 'right', cell: (row) => `${row.count}` },
    ],
    rows,
  )
  assert.deepEqual(lines, ['NAME           COUNT', 'blue               7', 'a longer name   1200'])
})

test("a stranger's name cannot draw on this terminal", () => {
  assert.ok(
    !describePeers([{ ...peerRow, name: 'a\x1b[2J\n' }])
      .join('\n')
      .includes('\x1b'),
  )
})

test('peers are a table, with a star for owners that count, and a count at the end', () => {
  assert.deepEqual(
    describePeers([
      peerRow,
      {
        ...peerRow,
        name: 'me',
        self: true,
        reach: null,
        engines: [],
        mode: 'drain',
        reasons: ['ready-by', 'metered'],
      },
    ]),
    [
      'NAME            PEER       OWNER      FREE  ENGINES (UNITS/H)   REACH     CONNECTED  AGE  VERSION  MODE   WHY',
      'fake            …cPXsvoUp  aaaaaaaa*   1/2  ocr/native (1,200)  outbound  yes        4 s  0.1.0    run',
      'me (this node)  …cPXsvoUp  aaaaaaaa*   1/2  –                   –         –          4 s  0.1.0    drain  ready-by, metered',
      '2 peers of 1 owner',
    ],
  )
})

test('peers that have left, and are listed for a while, are counted apart', () => {
  const left = { ...peerRow, name: 'left', mode: 'stop', connected: false } as const
  assert.equal(
    describePeers([peerRow, left]).at(-1),
    '2 peers of 1 owner, 1 of them stopped and not connected',
  )
})

test('a reader that is no terminal is told each thing that a job waits for, once', () => {
  const told: string[] = []
  const display = newsTold((line) => told.push(line))
  for (const reason of ['', '2 owners needed, 0 known', '2 owners needed, 0 known', '', 'too few\x1b[2J', ''])
    display({ ...status, state: 'running', actor: null, reason })
  assert.deepEqual(told.length, 2)
  assert.equal(told[0], 'waiting: 2 owners needed, 0 known')
  assert(!told[1]!.includes('\x1b'))
})

test('notices of the mesh stand below the peers, and below the rules', () => {
  const text = 'a node at 192.0.2.1 was not let in: its mesh key is another'
  assert.equal(describePeers([peerRow], [{ kind: 'mesh-key', about: '192.0.2.1', text }]).at(-1), text)
  assert(describeWhy({ ...why, mesh: [text] }, 0).includes(text))
})

test('weights on their way are shown with how far they have come, on the vehicle and to the submitter: the slowest first', () => {
  const weights = { bytes: 456_000_000, of: 1_111_253_344, peers: 2 }
  const said = '41 % of 1059.8 MiB, from 2 peers'
  const file = 'bafyweights' as Cid
  assert(
    describeWhy({ ...why, fetching: [{ file, ...weights }] }, 0).includes(
      `fetching weights ${file}: ${said}`,
    ),
  )
  const cars = ['a', 'b', 'c', 'd', 'e', 'f'].map((name, i) => ({
    ...weights,
    peer: peerRow.peer,
    name,
    bytes: weights.bytes - i,
  }))
  const none = { peer: peerRow.peer, name: '', bytes: 0, of: 2 ** 20, peers: 0 }
  assert.deepEqual(describeStatus({ ...status, fetching: [...cars, none] }).slice(3), [
    'weights for …cPXsvoUp: 0 % of 1.0 MiB, no peer has brought any yet',
    `weights for f: ${said}`,
    `weights for e: ${said}`,
    `weights for d: ${said}`,
    'weights for 3 more vehicles are coming',
  ])
})

test('why is a sentence, and each rule with what is known, what is asked for and who asked for it', () => {
  assert.deepEqual(describeWhy(why, 0), [
    'It stands still: unplugged (unplugged; asked for: plugged in); charge-low would hold it, too.',
    '',
    '   RULE        IS         ASKED FOR               BY',
    '   driving     0 km/h     standing                –',
    '!  unplugged   unplugged  plugged in              pluggedOnly (default)',
    '~  charge-low  61 %       at least 80 % to begin  chargePercentMin (--charge-percent-min)',
    '',
    'it will probably be here for 1 min 00 s',
  ])
  assert.equal(describeWhy(why, 120_000).at(-1), 'it usually has left by now')
  const [standing, ...others] = why.rules
  const driving = { ...why, rules: [{ ...standing!, verdict: 'stop' } as const, ...others] }
  assert.doesNotMatch(describeWhy(driving, 0).join(), /probably/)
})

test('an option is shown with its value and where that came from', () => {
  assert.deepEqual(
    describeConfig([
      { option: 'slots', value: 2, layer: 'flag', where: '--slots' },
      { option: 'quietHours', value: ['22:00-06:00', 'sat 12:00-14:00'], layer: 'file', where: '/c.json' },
      { option: 'readyBy', value: [], layer: 'default', where: 'none' },
      { option: 'name', value: null, layer: 'default', where: 'the end of its peer id' },
      { option: 'http', value: { host: '::1', port: 8080 }, layer: 'flag', where: '--http' },
    ]),
    [
      'OPTION      VALUE                         FROM',
      'slots       2                             --slots',
      'quietHours  22:00-06:00, sat 12:00-14:00  /c.json',
      'readyBy     –                             default: none',
      'name        –                             default: the end of its peer id',
      'http        [::1]:8080                    --http',
    ],
  )
})

test('who listens on this machine alone is told that, whoever has dialled or failed to', () => {
  const addresses = ['/ip4/127.0.0.1/tcp/4001']
  for (const reach of [null, 'direct', 'outbound'] as const)
    assert.match(describeReach({ addresses, reach, routerAddress: null })!, /^only nodes on this machine/)
})

test('members of a fleet are a table, and who waits is said at the end', () => {
  const peer = peerRow.peer
  const [hourMs, owner] = [3_600_000, peerRow.owner]
  const car = { peer, vehicle: 'car', owner, sinceMs: 1_000, host: '192.0.2.1' } as const
  const other = { ...car, vehicle: '', owner: null, sinceMs: 2_000, host: '' }
  const rows: Parameters<typeof describeMembers>[0] = [
    { ...car, state: 'pending', credentialUntilMs: null },
    { ...other, state: 'admitted', credentialUntilMs: 3_000 + 14 * hourMs },
    { ...other, state: 'admitted', credentialUntilMs: 3_000 - 2 * hourMs },
  ]
  assert.deepEqual(describeMembers(rows, 3_000), [
    'STATE     VEHICLE  OWNER     SINCE           CREDENTIAL  FROM       PEER',
    `pending   car      aaaaaaaa    2 s                    –  192.0.2.1  ${peer}`,
    `admitted  –        any         1 s     14 h 00 min left  –          ${peer}`,
    `admitted  –        any         1 s  over for 2 h 00 min  –          ${peer}`,
    '3 vehicles; 1 waiting: carpool fleet approve <peer>, or carpool fleet reject <peer>',
  ])
})

test('in an open mesh the peers come with the warning that there is no error bound', () => {
  const lines = describePeers([{ ...peerRow, counts: null }])
  assert.equal(lines.at(-1), '1 peer of 1 owner; open mesh: nobody vouches for owners, so no error bound')
  assert.ok(!lines[1]!.includes('*'))
})

test('jobs are listed newest first, with how long the running ones have', () => {
  const ended = { ...summary, state: 'failed' as const, reason: 'too few owners', createdAtMs: 2_000 }
  assert.deepEqual(describeJobs([summary, ended], 10_000), [
    'JOB                 RUNTIME  STATE          VERIFIED  AGE       DEADLINE  REASON',
    'bafyreihdwdcefgh4d  ocr      failed   12 of 40 pages  8 s              –  too few owners',
    'bafyreihdwdcefgh4d  ocr      running  12 of 40 pages  9 s  in 1 min 30 s',
    '2 jobs',
  ])
})

test('a plan says what was bought', () => {
  assert.deepEqual(describePlan(plan), [
    `job ${job}`,
    '4 documents, 40 pages, 20 shards, engine native, 2 replicas, 2 standbys, error bound 0.0001',
    'text is read as eng: name other languages with --language',
  ])
  assert.equal(describePlan({ ...plan, languages: [] }).length, 2)
  const weights = ['detection', 'traineddata-1-eng', 'traineddata-0-deu_latf']
  assert.deepEqual(languagesOf('ocr', weights), ['deu_latf', 'eng'])
  assert.deepEqual(languagesOf('wasm', ['module']), [])
})

test('a plan without a bound says why, and a known job that it is known', () => {
  const [first, second] = describePlan({ ...plan, known: true, errorBound: null })
  assert.match(first!, /known already/)
  assert.match(second!, /no bound: nobody vouches for the owners$/)
})

test('too few owners are told at once, with what the job will do about it', () => {
  const owners = { needed: 2, available: 1 }
  assert.equal(
    describeShortage(owners, 'wait', false),
    '2 owners needed, 1 known: the job waits for more; this node’s own owner does not count, and owners that ask for money do with --price-cap and --budget only',
  )
  assert.match(
    describeShortage(owners, 'fail', true)!,
    /fails if no more appear.*own owner does not count, nor do owners that ask for more than --price-cap/,
  )
  assert.equal(describeShortage({ needed: 2, available: 2 }, 'wait', false), null)
})

test('a status shows progress, pace, every state of a shard, and nothing that is not so', () => {
  assert.deepEqual(describeStatus(status), [
    'job bafyreihdwdcefgh4d  ocr/native  2 replicas  error bound 0.0001',
    '[######..............] 12 of 40 pages verified  3.24 pages/s  9 s left',
    'shards: 4 queued, 6 leased, 2 returned, 6 verified, 1 disputed, 1 failed; 17 executions',
  ])
})

test('a status names what it waits for, who was contradicted, and how it ended', () => {
  const waiting = describeStatus({ ...status, reason: '2 owners needed, 1 known' })
  assert.equal(waiting[3], 'waiting: 2 owners needed, 1 known')
  const contradicted = [{ owner: 'b'.repeat(64) as OwnerId, peers: [peerRow.peer] }]
  const actor = { peer: status.vehicles[0]!.peer, name: 'hub' }
  assert.match(
    describeStatus({ ...status, actor })[3]!,
    /^hub \(.+\) acts now, because this computer cannot reach enough vehicles; results come back here$/,
  )
  assert(!describeStatus({ ...status, actor, state: 'complete' }).some((line) => line.includes('acts now')))
  const doubtful = describeStatus({ ...status, doubts: ['nobody proves it'] })
  assert(doubtful.includes('doubt: nobody proves it'))
  const ended = describeStatus({ ...status, state: 'cancelled', reason: 'by its submitter', contradicted })
  assert.deepEqual(ended.slice(3), [
    'contradicted: owner bbbbbbbb, …cPXsvoUp',
    'job bafyreihdwdcefgh4d cancelled, 12 of 40 pages verified: by its submitter',
  ])
})

test('a quote of a job that pays says that errors are work, and unreadable documents are not', () => {
  const paid = describeErrorsPaid({
    ...quote,
    payment: { currency: 'EUR', unitMicrosMax: 1, budgetMicros: null },
  })
  assert.match(
    paid.join(),
    /^an error on which owners agree is work done.*first bytes are not sent, and cost nothing$/,
  )
  assert.deepEqual(describeErrorsPaid({ ...quote, payment: null }), [])
})

test('a status counts errors by their codes, doubts of runtimes, and pages without a result', () => {
  const outcomes = {
    ...{ pages: 12, withError: 12, withWarning: 1_200, failed: 2 },
    errors: [{ code: 'output-limit', count: 12 }],
    warnings: [
      { code: 'low-confidence', count: 1_199 },
      { code: 'page-turned-90', count: 2 },
    ],
  }
  const shown = { ...status, runtime: 'wasm', documents: 300, pages: { total: 300, verified: 300 }, outcomes }
  assert.deepEqual(describeStatus(shown).slice(3), [
    '12 of 300 documents ended in an error: output-limit × 12',
    '1,200 of 300 documents with a warning: low-confidence × 1,199, page-turned-90 × 2',
    '2 of 300 documents failed: their shards have no result',
  ])
  assert.match(describeStatus(shown)[1]!, /300 of 300 documents verified/)
  assert.match(describeStatus({ ...shown, runtime: 'ocr' })[3]!, /^12 of 300 pages ended in an error/)
  assert.deepEqual(describeStatus({ ...shown, outcomes: { ...outcomes, withError: 0 } }).length, 5)
  const listed = describeJobs([{ ...shown, state: 'complete', reason: 'done' }], 10_000)
  assert.match(
    listed[1]!,
    /300 of 300 documents .*done; 12 of 300 documents ended in an error: output-limit × 12$/,
  )
})

test('the bar is full only when all is done', () => {
  assert.equal(progressBar(0, 0), '[....................]')
  assert.equal(progressBar(999, 1000), '[###################.]')
  assert.equal(progressBar(1000, 1000), '[####################]')
})

test('every missing page is named', () => {
  assert.deepEqual(describeMissing(resultsEnd), ['1 of 2 pages missing:', '  b.png page 1: queued'])
  assert.deepEqual(describeMissing({ runtime: 'ocr', pages: 2, missing: [] }), [])
})

test('what is drawn in place is replaced, cut where it would not fit the screen, and moves down for other lines', () => {
  let written = ''
  const terminal = {
    columns: 10,
    rows: 5,
    write(text: string | Uint8Array) {
      written += text
      return true
    },
  }
  const lines = new LiveLines(terminal)
  lines.draw(['one', 'a line that is too long'])
  assert.equal(written, '\r\x1b[Jone\na line t…\n')
  written = ''
  lines.draw(['two'])
  assert.equal(written, '\x1b[2A\r\x1b[Jtwo\n')
  written = ''
  lines.makeWay(() => terminal.write('warning\n'))
  assert.equal(written, '\x1b[1A\r\x1b[Jwarning\ntwo\n')
})

test('a log line for people has a time, a level, what happened, and the facts', () => {
  const json =
    '{"level":40,"time":1796040184000,"msg":"cannot reach a peer","peer":"12D3","why":"no route","attempt":2}'
  assert.equal(
    plainLine(json),
    `${formatLocalTime(1_796_040_184_000)} warn  cannot reach a peer  peer=12D3 why="no route" attempt=2`,
  )
})

test('a log line says durations and dates in plain units, and an error by its message', () => {
  const facts = { pauseMs: 802.1488590464029, afterMs: 125_000, untilMs: 1_796_040_184_000, ms: 5 }
  const error = { type: 'Error', message: 'the disk is full', stack: 'at …' }
  const line = plainLine(JSON.stringify({ level: 30, time: 0, msg: 'so', ...facts, error }))
  const until = formatLocalTime(1_796_040_184_000)
  assert(
    line.endsWith(
      ` info  so  pause="0.8 s" after="2 min 05 s" until="${until}" ms=5 error="the disk is full"`,
    ),
    line,
  )
})

test('a time is said with its date and its zone, also where the day is another one there', () => {
  const zone = process.env.TZ
  try {
    for (const [name, text] of [
      ['Europe/Berlin', '2026-11-30 00:03:04 +01:00'],
      ['America/St_Johns', '2026-11-29 19:33:04 -03:30'],
      ['UTC', '2026-11-29 23:03:04 +00:00'],
    ] as const) {
      process.env.TZ = name
      assert.equal(formatLocalTime(Date.UTC(2026, 10, 29, 23, 3, 4)), text)
    }
  } finally {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  }
})

test('the history has a row for each day, and says below it what held work back', () => {
  const nothing = { readyMs: 0, pauses: [], aloneMs: 0, work: [], handedBack: [], money: [] }
  const lines = describeHistory({
    timeZone: 'Europe/Berlin',
    days: [
      { date: '2026-11-28', ...nothing },
      {
        date: '2026-11-29',
        readyMs: 7_200_000,
        pauses: [
          { reason: 'driving', ms: 2_400_000, times: 3 },
          { reason: 'unplugged', ms: 60_000, times: 0 },
        ],
        aloneMs: 5_000,
        work: [
          {
            ...{ runtime: 'ocr', leasesTaken: 4, leasesDone: 3, shards: 30, pages: 1_234, units: {} },
            ...{ wallMs: 5_400_000, cpuMs: 5_000_000, measuredJoules: 0, estimatedJoules: 1_800_000 },
          },
        ],
        handedBack: [{ reason: 'stopped', leases: 1 }],
        money: [{ currency: 'EUR', verifiedMicros: 123_400, paidMicros: 0 }],
      },
    ],
  })
  assert.deepEqual(
    lines.slice(0, 3).map((line) => line.split(/ {2,}/)),
    [
      ['DAY', 'ALLOWED', 'HELD BACK', 'LEASES', 'SHARDS', 'PAGES', 'TIME', 'ENERGY', 'VERIFIED', 'PAID'],
      ['2026-11-28', ...Array(9).fill('–')],
      ['2026-11-29', '2 h 00 min', '41 min 00 s', '4', '30', '1,234', '1.5 h', '~500 Wh', '0.1234 EUR', '–'],
    ],
  )
  assert.deepEqual(lines.slice(3), [
    '',
    '2026-11-29  work: ocr 3 of 4 leases finished',
    '2026-11-29  leases handed back: stopped 1',
    '2026-11-29  held back by: driving 40 min 00 s (3 times), unplugged 1 min 00 s',
    '2026-11-29  without another node for 5 s',
    '',
    'days are those of Europe/Berlin; TIME is that of all slots together',
    '~ in part estimated from a stated power, not measured at the pack',
  ])
})

test('neither the message of a log line nor a fact in it can draw, forge a line, or be endless', () => {
  const words = '\x1b]0;PWNED\x07\x1b[2J\n12:00:00 info  van 7 asks to join: run \u202eX\x9b1m'
  const json = JSON.stringify({
    level: 30,
    time: 0,
    msg: words,
    [words]: words,
    vehicle: '\x1b[2J',
    err: { message: words },
  })
  const line = plainLine(json)
  assert(isPrintable(line), JSON.stringify(line))
  assert([...plainLine(JSON.stringify({ level: 30, time: 0, msg: 'a'.repeat(2 ** 20) }))].length < 8_193)
})

test('a failure is said in one line that draws nothing, and its stack has places only', () => {
  const error = new Error(
    'the fleet has not let this node in (\x1b[2J\x1b[31mcall \r+1 900\n    at home)\x9b1m',
  )
  for (const withStack of [false, true]) {
    const { lines } = describeFailure(error, withStack)
    for (const line of lines) assert(isPrintable(line), JSON.stringify(line))
    assert.equal(lines.filter((line) => /at home/.test(line)).length, 0)
  }
  assert(describeFailure(error, true).lines.length > 1)
})

test('a request has absolute paths, since the node works elsewhere', () => {
  const request = requestOf(['scans'], {
    runtime: 'wasm',
    as: 'auto',
    engine: 'auto',
    module: 'count.wasm',
    errorBound: 1e-4,
    colludingShare: 0.01,
    ifShort: 'wait',
    arbiter: 'auto',
    standbys: 2,
    blind: false,
    category: 'documents',
  })
  assert.deepEqual(request.paths, [`${process.cwd()}/scans`])
  assert.equal(request.module, `${process.cwd()}/count.wasm`)
  assert.deepEqual([request.options, request.replicas, request.deadlineMs], [{}, null, null])
})

test('a quote names the plan that is chosen first, what it costs, and whether there are enough owners', () => {
  const audits = { replicas: 1, checks: 38, windowShards: 1_000, auditor: 'owners' } as const
  const audited = { ...quote.plans[0]!, audits, executionsPerShard: 1.04, computeMs: 41_600, elapsedMs: null }
  assert.deepEqual(describeQuote({ ...quote, plans: [audited, ...quote.plans] }), [
    '4 documents, 40 pages, 20 shards, engine ocr/native, 5 owners with 7 slots',
    "chosen: 1 replica and 38 checks of each owner's window, 1.04 executions a shard, 42 s of computing, error bound 0.0001, 2 owners needed",
    'or: 2 replicas, 2.00 executions a shard, 1 min 20 s of computing, about 11 s here, error bound 0.0001, 2 owners needed',
  ])
  const alone = describeQuote({ ...quote, supply: { owners: 1, slots: 1 } })
  assert.equal(alone.at(-1), 'too few: 2 owners needed, 1 known')
})

test('a quote of a job that pays says what it costs, what the budget is worth, and who asks more', () => {
  const payment = { currency: 'EUR', unitMicrosMax: 500, budgetMicros: 20_000 }
  const spread = { deviationMicros: 1_000, reserveMicros: 500, leastMicros: 12_000, mostMicros: 40_000 }
  const cost = { expectedMicros: 24_000, worstMicros: 90_000, spread }
  const chance = (budgetChance: number) => [{ ...quote.plans[0]!, cost, budgetChance }]
  const paid = { ...quote, payment, plans: chance(0) }
  const lines = describeQuote({
    ...paid,
    dearer: { owners: 2, from: [{ currency: 'EUR', unitMicros: 600 }] },
  })
  assert.match(lines[1]!, /0\.024 EUR expected, 0\.09 EUR if every shard is disputed and copied/)
  assert.deepEqual(lines.slice(2), [
    '2 owners more ask from 0.0006 EUR a page, which is more than --price-cap',
    'owners ask different prices: 0.022355 EUR to 0.025645 EUR in nine of ten jobs, by whom the draw names; a budget of 0.026827 EUR suffices for 99 of 100',
    'too little: the budget of 0.02 EUR is below the expected 0.024 EUR',
  ])
  const enough = { ...paid, payment: { ...payment, budgetMicros: 24_000 } }
  for (const [found, said] of [
    [0.44, 'less than 50 %'],
    [0.5, '50 %'],
    [0.9951, 'more than 99 %'],
  ] as const)
    assert.match(
      describeQuote({ ...enough, plans: chance(found) }).at(-1)!,
      new RegExp(
        `^the budget of 0.024 EUR is enough with a chance of ${said}, if nobody leaves or disagrees`,
      ),
    )
  const alike = { ...cost, spread: { ...spread, deviationMicros: 0 } }
  const sure = describeQuote({ ...enough, plans: [{ ...chance(1)[0]!, cost: alike }] })
  assert.doesNotMatch(sure.join('\n'), /different prices/)
  const plenty = describeQuote({ ...paid, payment: { ...payment, budgetMicros: 90_000 } })
  assert.equal(plenty.at(-1), 'the budget of 0.09 EUR is enough even then')
  const free = describeQuote({
    ...quote,
    dearer: { owners: 1, from: [{ currency: 'EUR', unitMicros: 600 }] },
  })
  assert.equal(
    free.at(-1),
    '1 owner more asks from 0.0006 EUR a page, and this job pays nothing: name --price-cap and --budget',
  )
})

test('a price is capped and a budget set in one currency, both or neither', () => {
  const flags = {
    runtime: 'ocr',
    as: 'auto',
    engine: 'auto',
    errorBound: 1e-4,
    colludingShare: 0.01,
    ifShort: 'wait',
    arbiter: 'auto',
    category: 'research',
  } as const
  const paymentOf = (more: object) => requestOf(['scans'], { ...flags, ...more }).payment
  const [cap, budget] = [price('0.0005EUR'), money('5 EUR')]
  assert.equal(paymentOf({}), null)
  assert.deepEqual(paymentOf({ priceCap: cap, budget }), {
    currency: 'EUR',
    unitMicrosMax: 500,
    budgetMicros: 5_000_000,
  })
  assert.equal(paymentOf({ priceCap: cap })?.budgetMicros, null)
  assert.throws(() => paymentOf({ budget }), /--budget needs --price-cap/)
  assert.throws(() => paymentOf({ priceCap: cap, budget: money('5USD') }), /in one currency/)
  assert.throws(() => paymentOf({ priceCap: price('1001EUR'), budget }), /the most that a unit can cost/)
  assert.equal(paymentOf({ priceCap: price('0.0002EUR/1k'), budget })?.per, 1000)
  for (const bad of ['0.0002/1k', '0.0002EUR/2k', '0.0002EUR/1k/1k'])
    assert.throws(() => price(bad), /Say an amount/)
  assert.throws(() => money('5'), /Say an amount with its currency/)
  assert.deepEqual(['15%', '0.0001%', '100%'].map(percentage), [150_000, 1, 1_000_000])
  for (const bad of ['15', '100.1%', '-1%', '0.00001%']) assert.throws(() => percentage(bad), /Say a share/)
})

test('whoever interrupts a submission is told whether the job goes on, where, and what to do', () => {
  const running = { ...status, state: 'running' } as const
  const said = (holding: number) =>
    afterInterruption({ ...running, standbys: { named: 2, holding } }, '/data', ' --bootstrap A').join('\n')
  assert.match(said(0), /stands still until a node starts.*carpool node --data-dir \/data$/)
  assert.match(said(2), /goes on: 2 other nodes can finish it without this one/)
  assert.match(
    said(2),
    /carpool status \S+ --bootstrap A\n.*carpool results .* --bootstrap A\nto end it: carpool cancel \S+ --bootstrap A$/,
  )
  const ended = afterInterruption({ ...status, state: 'complete' }, '/data', '')
  assert.match(ended[0]!, /has ended$/)
})

test('a quote says what a job gains by waiting, and why one does not wait', () => {
  const payment = { currency: 'EUR', unitMicrosMax: 500, budgetMicros: null }
  const say = (waiting: Quote['waiting']) =>
    describeQuote({ ...quote, payment, waiting }).filter((line) => /wait/.test(line))
  assert.deepEqual(say({ isTime: false, nowMicros: 400, thenMicros: 300.2 }), [
    'it waits: vehicles ask 0.0004 EUR a page now, and about 0.0003 EUR a page in the cheapest hours before the deadline, 25 % less; with --at-once it does not wait',
  ])
  assert.match(say({ isTime: true, nowMicros: 400, thenMicros: 400 })[0]!, /is as cheap as it gets/)
  assert.match(say({ isTime: true, nowMicros: 400, thenMicros: null })[0]!, /too few hours/)
  assert.deepEqual(say(null), [])
})
