/** The page without a browser: who opens it, what other pages of a browser cannot do, and what its views are told. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { FailedLines } from '../../src/gateway/console/failed-lines.ts'
import { shardMap } from '../../src/gateway/console/shard-map.ts'
import { timeLeft } from '../../src/gateway/console/time-left.ts'
import type { KeySettings } from '../../src/gateway/keys.ts'
import { Samples } from '../../src/gateway/samples.ts'
import { openTables } from '../../src/gateway/tables.ts'
import type { Quote } from '../../src/host/api.ts'
import { batchWhen, chat, GatewayStage, isOver, uploadLines } from '../support/gateway.ts'
import { MeshClock } from '../support/mesh-clock.ts'

let stage: GatewayStage
before(async () => {
  stage = await GatewayStage.start(undefined, 2, {})
})
after(() => stage.stop())

interface QuoteShown {
  readonly total: number
  readonly faulty: number
  readonly errors: readonly { readonly line: number }[]
  readonly parts: readonly { readonly model: string; readonly quote: Quote }[]
}

interface JobsShown {
  readonly key: { readonly work: readonly { readonly model: string }[] }
  readonly batch: {
    readonly request_counts: object
    readonly jobs: readonly { readonly map: { readonly cells: string } }[]
  }
}

interface FleetShown {
  readonly fleet: { readonly isRegistrar: boolean; readonly vehicles: { readonly total: number } }
  readonly vehicles: { readonly rows: readonly { readonly name: string }[] }
  readonly members: { readonly waiting: { readonly rows: readonly { readonly vehicle: string }[] } }
}

const own = { 'sec-fetch-site': 'same-origin' }

/** The headers of a page that was opened with a key of these rights. */
async function openedFor(tenant: string, roles: KeySettings['roles'], more: Partial<KeySettings> = {}) {
  const key = stage.key(tenant, { roles, ...more })
  const response = await post('/api/session', { key }, own)
  assert.equal(response.status, 200)
  const [cookie] = response.headers.getSetCookie()
  return { key, cookie: cookie!, headers: { ...own, cookie: `${cookie!.split(';')[0]}` } }
}

function post(path: string, body: unknown, headers: Record<string, string>) {
  return fetch(`${stage.url}${path}`, { method: 'POST', body: JSON.stringify(body), headers })
}

const statusOf = async (path: string, headers: Record<string, string>) =>
  (await fetch(`${stage.url}${path}`, { headers })).status

/** The first of each event of a view. */
async function viewOf<Parts extends object>(
  query: string,
  headers: Record<string, string>,
  events: readonly (keyof Parts & string)[],
): Promise<Parts> {
  const hangUp = new AbortController()
  const response = await fetch(`${stage.url}/api/events?${query}`, { headers, signal: hangUp.signal })
  assert.equal(response.status, 200, query)
  const parts: Record<string, string> = {}
  let text = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (const [, event, data] of text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)) parts[event!] = data!
    if (events.every((event) => event in parts)) break
  }
  hangUp.abort()
  return Object.fromEntries(events.map((event) => [event, JSON.parse(parts[event]!)])) as Parts
}

test('the page and its libraries come from this server alone, and its policy lets nothing else in', async () => {
  const response = await fetch(`${stage.url}/`)
  const policy = response.headers.get('content-security-policy')
  assert.match(policy ?? '', /^default-src 'self'; .*frame-ancestors 'none'/)
  assert.doesNotMatch(policy ?? '', /unsafe/)
  assert.equal(response.headers.get('strict-transport-security'), null)
  const paths = ['/', '/console/app.js', '/console/hooks.js', '/console/uplot.css', '/console/licences.txt']
  for (const path of paths) {
    const file = await fetch(`${stage.url}${path}`)
    assert.equal(file.status, 200, path)
    for (const name of ['access-control-allow-origin', 'set-cookie'])
      assert.equal(file.headers.get(name), null)
    const text = await file.text()
    assert.doesNotMatch(
      text,
      /(?:src|href)="https?:|\bfrom\s*["'][a-z]|sourceMappingURL|<script>|style="/,
      path,
    )
    const known = { 'if-none-match': file.headers.get('etag')! }
    assert.equal(await statusOf(path, known), 304, path)
  }
  for (const path of ['/console/README.md', '/console/../package.json', '/console/tsconfig.json'])
    assert.equal(await statusOf(path, {}), 404, path)
})

test('a page is opened with a key, by a cookie that no script reads and no other site sends, and closed by leaving or by the end of the key', async () => {
  const { key, cookie, headers } = await openedFor('me', ['submitter'])
  for (const part of [/; HttpOnly/, /; SameSite=Strict/, /; Path=\/api/, /^carpool-\d+=[\w-]{43};/])
    assert.match(cookie, part)
  assert(!cookie.includes(key.slice(-20)))
  assert.equal(await statusOf('/api/session', headers), 200)
  assert.equal(await statusOf('/api/batches', headers), 200)
  assert.equal(await statusOf('/api/session', own), 401)
  const [name] = headers.cookie.split('=')
  const tossed = { ...headers, cookie: `${name}=another; ${headers.cookie}` }
  assert.equal(await statusOf('/api/session', tossed), 401, 'of two cookies one is somebody else’s')
  assert.equal(await statusOf('/v1/batches', headers), 401, 'the cookie opens nothing for programs')
  assert.equal(await statusOf('/api/batches', { ...own, authorization: `Bearer ${key}` }), 401)
  const again = await post('/api/session', { key }, own)
  const [otherCookie] = again.headers.getSetCookie()[0]!.split(';')
  const other = { ...own, cookie: otherCookie! }
  await fetch(`${stage.url}/api/session`, { method: 'DELETE', headers })
  assert.deepEqual(
    [await statusOf('/api/session', headers), await statusOf('/api/session', other)],
    [401, 200],
  )
  stage.revoke('me')
  assert.equal(await statusOf('/api/session', other), 401)
  assert.equal((await post('/api/session', { key }, own)).status, 401)
})

test('other pages in the same browser change nothing and read nothing, of another port of this machine either', async () => {
  const { key, headers } = await openedFor('both', ['submitter', 'owner'])
  const { cookie } = headers
  const foreign = [
    { cookie, 'sec-fetch-site': 'cross-site' },
    { cookie, 'sec-fetch-site': 'same-site' },
    { cookie, origin: 'http://127.0.0.1:1' },
    { cookie, origin: 'null' },
    { cookie },
  ]
  for (const from of foreign) {
    assert.equal((await post('/api/vehicle/pause', { forMs: null }, from)).status, 403, JSON.stringify(from))
    assert.equal((await post('/api/session', { key }, from)).status, 403)
  }
  for (const from of foreign.slice(0, 2)) assert.equal(await statusOf('/api/events?view=vehicle', from), 403)
  assert.equal(stage.mesh.submitter.api.why().reasons.includes('paused'), false)
  // A plain http address in a network, of which browsers do not say where a request is from.
  const { host } = new URL(stage.url)
  assert.equal(
    (await post('/api/vehicle/pause', { forMs: 60_000 }, { cookie, origin: `http://${host}` })).status,
    200,
  )
  assert.equal((await post('/api/vehicle/resume', {}, headers)).status, 200)
  const asked = await fetch(`${stage.url}/api/session`, {
    method: 'OPTIONS',
    headers: { origin: 'https://x.org' },
  })
  assert.equal(asked.headers.get('access-control-allow-origin'), null)
})

test('a key opens what it is for and nothing else, and is for submitting unless it says so', async () => {
  const paths = [
    ['/api/batches', '/api/events?view=jobs'],
    ['/api/events?view=vehicle'],
    ['/api/events?view=fleet'],
  ] as const
  const roles = ['submitter', 'owner', 'operator'] as const
  for (const [i, role] of roles.entries()) {
    const { headers, key } = await openedFor(`is-${role}`, [role])
    for (const [k, some] of paths.entries())
      for (const path of some) {
        const hangUp = new AbortController()
        const { status } = await fetch(`${stage.url}${path}`, { headers, signal: hangUp.signal })
        hangUp.abort()
        assert.equal(status, i === k ? 200 : 403, `${role} ${path}`)
      }
    if (role !== 'operator')
      assert.equal((await post('/api/fleet/approve', { peers: ['x'] }, headers)).status, 403)
    const models = await statusOf('/v1/models', { authorization: `Bearer ${key}` })
    assert.equal(models, role === 'submitter' ? 200 : 403)
  }
})

test('dropped texts become a batch, whose quote is what it then takes, and whose failed lines are found', async () => {
  const budgetDay = { currency: 'EUR', micros: 5_000_000 }
  const { key, headers } = await openedFor('sender', ['submitter'], { budgetDay })
  const upload = async (name: string, text: string) => {
    const form = new FormData()
    form.append('file', new Blob([text]), name)
    form.append('purpose', 'user_data')
    const response = await fetch(`${stage.url}/api/files`, { method: 'POST', body: form, headers })
    return ((await response.json()) as { id: string }).id
  }
  const files = [await upload('a.txt', 'one'), await upload('a.txt', 'too long')]
  const work = { model: 'letters', endpoint: '/v1/chat/completions' }
  const composed = await post('/api/compose', { ...work, files }, headers)
  const { id: input_file_id } = (await composed.json()) as { id: string }
  const body = { input_file_id, endpoint: work.endpoint, completion_window: '24h', carpool: { replicas: 2 } }
  const asked = await post('/api/quote', body, headers)
  const quote = (await asked.json()) as QuoteShown
  assert.equal(asked.status, 200, JSON.stringify(quote))
  assert.deepEqual([quote.total, quote.faulty, quote.parts[0]!.quote.plans[0]!.replicas], [2, 0, 2])
  assert(quote.parts[0]!.quote.plans[0]!.cost!.expectedMicros > 0)
  const { id } = (await (await post('/api/batches', body, headers)).json()) as { id: string }
  const client = stage.client(key)
  await stage.hurry(batchWhen(client, id, isOver))
  const shown = await viewOf<JobsShown>(`view=jobs&batch=${id}`, headers, ['batch', 'key'])
  assert.deepEqual(shown.batch.request_counts, { total: 2, completed: 1, failed: 1 })
  assert.match(shown.batch.jobs[0]!.map.cells, /^v+$/)
  for (const model of ['ocr', 'letters'])
    assert(
      shown.key.work.some((work) => work.model === model),
      model,
    )
  const failed = async (search: string) =>
    (await (
      await fetch(`${stage.url}/api/batches/${id}/failed?search=${search}`, { headers })
    ).json()) as FailedLines
  const { rows, found, codes } = await failed('A.TXT')
  assert.deepEqual([rows[0]?.customId, rows[0]?.code, found], ['a.txt (2)', 'context-length', 1])
  assert.deepEqual(codes, [{ code: 'context-length', count: 1 }])
  assert.equal((await failed('nothing')).found, 0)
  const { headers: other } = await openedFor('stranger', ['submitter'])
  assert.equal(await statusOf(`/api/batches/${id}/failed`, other), 404)
  assert.equal((await post('/api/compose', { ...work, files }, other)).status, 404)
})

test('an input that is no batch is refused by its quote, line by line, and leaves nothing behind', async () => {
  const { key, headers } = await openedFor('quoting', ['submitter'])
  const file = await uploadLines(stage.client(key), [chat('a', 'x'), chat('a', 'y'), '{'])
  const body = { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' }
  const quote = (await (await post('/api/quote', body, headers)).json()) as QuoteShown
  assert.deepEqual(quote.errors.map(({ line }) => line).sort(), [2, 3])
  const unpaid = await uploadLines(stage.client(key), [chat('a', 'x')])
  const dear = (await (
    await post('/api/quote', { ...body, input_file_id: unpaid.id }, headers)
  ).json()) as QuoteShown
  assert.equal(dear.parts[0]!.quote.dearer.owners, 2, 'all ask for money, and the key has none')
  const view = await viewOf<{ batches: { list: object[] } }>('view=jobs', headers, ['batches'])
  assert.deepEqual(view.batches.list, [])
  assert.deepEqual(stage.rowsLeft('quote_'), 0)
})

test('an operator sees the vehicles and nobody’s place, and says who is in the fleet', async () => {
  const { headers } = await openedFor('operator', ['operator'])
  const van = await stage.mesh.join({ name: 'van' }, false)
  const waiting = async () => {
    const { members } = await viewOf<FleetShown>('view=fleet', headers, ['members'])
    return members.waiting.rows
  }
  await stage.mesh.until('the page shows that it waits', async () => (await waiting()).length === 1)
  const { fleet, vehicles, members } = await viewOf<FleetShown>('view=fleet', headers, [
    'fleet',
    'vehicles',
    'members',
  ])
  assert.deepEqual([fleet.isRegistrar, fleet.vehicles.total, vehicles.rows.length], [true, 2, 2])
  const told = JSON.stringify([fleet, vehicles, members])
  assert.doesNotMatch(told, /127\.0\.0\.1|\/ip4\/|"host"|"addresses"|latitude/)
  const filtered = await viewOf<FleetShown>('view=fleet&filter=CAR-1%20run', headers, ['vehicles'])
  assert.deepEqual(
    filtered.vehicles.rows.map(({ name }) => name),
    ['car-1'],
  )
  const answer = await post('/api/fleet/approve', { peers: [van.peer, 'nobody'] }, headers)
  const { done, refused } = (await answer.json()) as { done: number; refused: { peer: string }[] }
  assert.deepEqual([done, refused.map(({ peer }) => peer)], [1, ['nobody']])
  await stage.mesh.acquainted()
  assert.equal((await post('/api/fleet/revoke', { peer: van.peer }, headers)).status, 200)
  assert(
    stage.mesh.submitter.api
      .fleetMembers()
      .some(({ peer, state }) => peer === van.peer && state === 'revoked'),
  )
  await van.stop()
})

test('a page is told when its key ends, and a key has so many pages open at once', async () => {
  const { headers } = await openedFor('many', ['submitter'])
  const hangUp = new AbortController()
  const open = () => fetch(`${stage.url}/api/events?view=jobs`, { headers, signal: hangUp.signal })
  const all = await Promise.all(Array.from({ length: 17 }, open))
  assert.equal(all.filter(({ status }) => status === 429).length, 1)
  const first = all.find(({ status }) => status === 200)!
  stage.revoke('many')
  let text = ''
  for await (const chunk of first.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (text.includes('event: refused')) break
  }
  hangUp.abort()
  assert.match(text, /event: refused/)
})

test('the figures of the last minutes are there after a restart, and those of yesterday are gone', async () => {
  const samples = () => new Samples(stage.mesh.submitter.api, tables, clock)
  const tables = openTables(stage.mesh.submitter.dataDir)
  const clock = new MeshClock()
  tables.run('DELETE FROM samples')
  const first = samples()
  for (let minute = 0; minute < 3; minute += 1) clock.skip(60_000)
  first.stop()
  clock.skip(60_000)
  const again = samples()
  const minutes = () => again.list().map(({ atMs }) => Math.round((atMs - again.list()[0]!.atMs) / 60_000))
  assert.deepEqual(minutes(), [0, 1, 2, 3, 4])
  clock.skip(86_460_000)
  assert.deepEqual(minutes(), [0])
  again.stop()
  assert.equal(tables.all('SELECT at_ms FROM samples').length, 1)
  tables.close()
})

test('the time that is left is a range from the fastest to the slowest pace that was seen, and nothing before one was', () => {
  const at = (seconds: number, done: number) => ({ atMs: seconds * 1000, done })
  assert.equal(timeLeft([at(0, 0)], 10, 0), null)
  assert.equal(timeLeft([at(0, 0), at(1, 5)], 10, 1_000), null)
  assert.equal(timeLeft([at(0, 0), at(60, 0)], 10, 60_000), null, 'nothing comes')
  // One a second for a minute, then two.
  const looks = Array.from({ length: 81 }, (_, i) => at(i, i <= 60 ? i : 60 + 2 * (i - 60)))
  assert.deepEqual(timeLeft(looks, 100, 80_000), { fromMs: 50_000, toMs: 80_000, perSecond: 1.25 })
})

test('a map of many shards shows for neighbours the one that most needs a look', () => {
  assert.deepEqual(shardMap('vlq'), { cells: 'vlq', shardsPerCell: 1 })
  const { cells, shardsPerCell } = shardMap(`${'v'.repeat(3_000)}f${'q'.repeat(1_000)}`)
  assert.deepEqual([shardsPerCell, cells.length, cells[1000], cells[999]], [3, 1_334, 'f', 'v'])
})
