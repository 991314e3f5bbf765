/**
 * The page in a real Chromium, over a mesh: a submitter, an operator and an owner do with it what it is for, on a large light screen and
 * on a small dark one. `CARPOOL_REWRITE=1` takes the pictures of docs/console.md.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import type { Browser, Page } from 'playwright-core'
import { Gateway } from '../../src/gateway/gateway.ts'
import { Keys } from '../../src/gateway/keys.ts'
import type { Sample } from '../../src/gateway/samples.ts'
import { openTables } from '../../src/gateway/tables.ts'
import { chromiumPath, desktop, phone, startBrowser, Visit } from '../support/browser.ts'
import { GatewayStage, settings } from '../support/gateway.ts'
import { Gate, type MeshNode } from '../support/mesh.ts'

const skip = chromiumPath === undefined ? 'there is no chromium on this machine' : false
const docs = fileURLToPath(new URL('../../docs', import.meta.url))
const budgetDay = { currency: 'EUR', micros: 5_000_000 }

let stage: GatewayStage
let browser: Browser
const gate = new Gate()
before(async () => {
  if (skip) return
  ;[stage, browser] = await Promise.all([
    GatewayStage.start(async (message) => void (message.endsWith('wait') && (await gate.script(''))), 3, {}),
    startBrowser(),
  ])
  await stage.close()
  remember(stage.mesh.submitter)
  await stage.open()
})
after(async () => {
  await browser?.close()
  await stage?.stop()
})

test('a submitter drops texts, sees the quote, submits, follows, and has output, errors and proof', {
  skip,
}, async () => {
  const key = stage.key('team', { budgetDay })
  const visit = await Visit.open(browser, desktop, stage.url)
  const { page } = visit
  await visit.logIn(`${key.slice(0, -1)}x`)
  await page.getByRole('alert').filter({ hasText: 'not known here' }).waitFor()
  await visit.check()
  await visit.logIn(key)
  await page.getByText('No batches yet').waitFor()
  await visit.check()
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(focused), 'Skip to the content, visibly')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(focused), 'New batch, visibly')
  await page.getByRole('link', { name: 'New batch' }).first().click()
  const texts = Array.from({ length: 24 }, (_, i) =>
    i === 5 ? 'too long' : i < 16 ? `letter ${i}` : `${i} wait`,
  )
  await page.getByLabel('Drop files here').setInputFiles(
    texts.map((content, i) => ({
      name: `letter-${i}.txt`,
      mimeType: 'text/plain',
      buffer: Buffer.from(content),
    })),
  )
  await page.getByLabel('What to do').selectOption({ label: 'Answer with a language model (letters)' })
  await page.getByLabel('It may cost').fill('5')
  await page.getByRole('button', { name: 'Show the quote' }).click()
  const quote = page.getByRole('region', { name: 'Quote' })
  await stage.hurry(quote.getByText('2 owners for each shard').waitFor())
  assert.match((await quote.textContent()) ?? '', /Cost ?about EUR.?\d.*3 owners with 6 slots/)
  await visit.check()
  await picture(page, 'console-quote')
  await quote.getByRole('button', { name: 'Submit' }).click()

  await stage.hurry(page.getByText('15 of 24 answered · 1 failed').waitFor())
  await page.getByRole('img', { name: /^Shards: 16 verified/ }).waitFor()
  await page.getByText('context-length', { exact: true }).waitFor()
  await visit.check()
  await picture(page, 'console-submitter')
  const partial = await download(page, 'Output so far')
  assert.equal(partial.trim().split('\n').length, 15)
  gate.open()
  await stage.hurry(page.getByText(/ completed$/).waitFor())
  const lines = (await download(page, 'Output')).trim().split('\n')
  assert.equal(lines.length, 23)
  assert.match(lines[0]!, /"custom_id":"letter-0.txt".*LETTER 0/)
  assert.match(await download(page, 'Errors'), /"custom_id":"letter-5.txt".*context-length/)
  assert((await download(page, 'Proof')).length > 1_000)
  await page.getByRole('searchbox', { name: 'Find' }).fill('letter-9')
  await page.getByText('No failed line has that.').waitFor()
  await visit.close()
})

test('an operator finds vehicles, lets one in, and puts it out, on a large screen and on a phone', {
  skip,
}, async () => {
  const key = stage.key('depot', { roles: ['operator'] })
  const van = await stage.mesh.join({ name: 'van' }, false)
  stage.mesh.node('car-3').api.pause(null)
  const visit = await Visit.open(browser, desktop, stage.url)
  const { page } = visit
  await visit.logIn(key)
  const waiting = page.getByRole('table', { name: 'Waiting to join' })
  await waiting.getByText('van', { exact: true }).waitFor()
  assert.equal(await page.getByRole('navigation').getByRole('link').count(), 1, 'the key opens one view')
  await page.getByRole('table', { name: 'Vehicles' }).getByText('paused').waitFor()
  await page.getByRole('img', { name: /^Slots, stacked\. At the end: at work/ }).waitFor()
  await visit.check()
  await picture(page, 'console-operator')
  await page.getByLabel('Filter').fill('car-2')
  const vehicles = page.getByRole('table', { name: 'Vehicles' })
  await vehicles.getByText('car-1').waitFor({ state: 'detached' })
  assert.equal(await vehicles.getByText('car-2').count(), 1)
  assert.doesNotMatch(await page.content(), /\/ip4\/|127\.0\.0\.1\/tcp/)
  await page.getByRole('button', { name: 'Approve van' }).click()
  await waiting.waitFor({ state: 'detached' })
  await stage.mesh.acquainted()
  await visit.close()

  const small = await Visit.open(browser, phone, stage.url)
  await small.logIn(key)
  await small.page.getByText('Who is in, and who is out').click()
  await small.page.getByRole('button', { name: 'Put van out' }).click()
  await small.check()
  await small.page.getByRole('button', { name: 'Put van out', exact: true }).last().click()
  await small.page.getByText(/ put out$/).waitFor()
  assert(
    stage.mesh.submitter.api
      .fleetMembers()
      .some(({ peer, state }) => peer === van.peer && state === 'revoked'),
  )
  stage.revoke('depot')
  await small.page.getByRole('alert').filter({ hasText: 'the key was revoked' }).waitFor()
  await small.close()
  await van.stop()
})

test('an owner sees on a phone whether the car works and why, pauses it, and is told when the node is lost', {
  skip,
}, async (t) => {
  const car = stage.mesh.node('car-1')
  remember(car)
  const gateway = await gatewayOf(car)
  t.after(() => gateway.stop().catch(() => {})) // it may have stopped
  const visit = await Visit.open(browser, phone, `http://127.0.0.1:${gateway.listening.port}`)
  const { page } = visit
  await visit.logIn(keyOf(car))
  const says = (hasText: string | RegExp) => page.locator('.state-why').filter({ hasText }).waitFor()
  await says('Every rule allows it')
  await page.getByRole('button', { name: 'Pause 1 h' }).click()
  await page
    .getByText(/You paused it: until /)
    .first()
    .waitFor()
  assert.equal(car.api.why().verdict, 'stop')
  await page.getByRole('button', { name: 'Resume' }).click()
  await says('Every rule allows it')
  await page.getByText('As a table').first().click()
  await page.getByRole('table', { name: 'The week' }).waitFor()
  await visit.check()
  await page.getByText('As a table').first().click()
  await picture(page, 'console-owner')
  assert.equal(await page.evaluate(backgroundOf), 'rgb(20, 23, 25)')
  assert.deepEqual(visit.complaints, [])
  const { port } = gateway.listening
  await gateway.stop()
  await page.getByText(/lost since \d\d:\d\d/).waitFor()
  const again = await gatewayOf(car, port)
  t.after(() => again.stop())
  await page.locator('.who').getByText('live').waitFor()
  await says('Every rule allows it')
  await page.context().close()
})

/** A second gateway, on a vehicle. */
function gatewayOf({ node, dataDir }: MeshNode, port = 0): Promise<Gateway> {
  return Gateway.start({
    node,
    dataDir,
    listen: { host: '127.0.0.1', port },
    hosts: [],
    clock: stage.mesh.clock,
    log: pino({ level: 'silent' }),
  })
}

function keyOf({ dataDir }: MeshNode): string {
  const tables = openTables(dataDir)
  try {
    return new Keys(tables).create('me', { ...settings, roles: ['owner'] }, Date.now())!
  } finally {
    tables.close()
  }
}

async function download(page: Page, name: string): Promise<string> {
  const link = page.getByRole('link', { name, exact: true })
  const [begun] = await Promise.all([page.waitForEvent('download'), link.click()])
  return text(await begun.createReadStream())
}

/** Runs in the page. */
function backgroundOf(): string {
  const { document, getComputedStyle } = globalThis as unknown as {
    document: { body: object }
    getComputedStyle(of: object): { backgroundColor: string }
  }
  return getComputedStyle(document.body).backgroundColor
}

/** Runs in the page. */
function focused(): string {
  const { document, getComputedStyle } = globalThis as unknown as {
    document: { activeElement: { textContent: string } }
    getComputedStyle(of: object): { outlineStyle: string }
  }
  const { activeElement } = document
  const isVisible = getComputedStyle(activeElement).outlineStyle !== 'none'
  return `${activeElement.textContent.trim()}, ${isVisible ? 'visibly' : 'unseen'}`
}

async function picture(page: Page, name: string): Promise<void> {
  if (process.env.CARPOOL_REWRITE !== '1') return
  await page.mouse.move(0, 0)
  await page.screenshot({ path: join(docs, `${name}.png`), fullPage: true })
}

/** A day that was, and a week: a node of a test is a second old. */
function remember({ dataDir }: MeshNode): void {
  const nowMs = Date.now()
  const tables = openTables(dataDir)
  tables.run('DELETE FROM samples')
  for (let minute = 1_439; minute > 0; minute -= 1) {
    const hour = ((nowMs / 60_000 - minute) / 60) % 24
    const isNight = hour < 6 || hour > 19
    const [driving, chargeLow] = isNight ? [0, hour > 20 ? 0 : 2] : [hour > 8 && hour < 17 ? 2 : 4, 2]
    const work = isNight ? (hour < 3 ? 4 : 2) : 0
    const sample: Sample = {
      atMs: nowMs - minute * 60_000,
      mode: isNight ? 'run' : 'stop',
      slotsFree: 1,
      pages: isNight ? 3 + (minute % 3) : 0,
      joules: isNight ? 900 : 0,
      capacity: { work, free: 6 - work - driving - chargeLow, held: { driving, 'charge-low': chargeLow } },
    }
    tables.run('INSERT INTO samples VALUES (?, ?)', sample.atMs, JSON.stringify(sample))
  }
  tables.close()
  const database = new DatabaseSync(join(dataDir, 'carpool.sqlite'))
  const today = Math.floor(nowMs / 86_400_000)
  for (const [back, pages] of [412, 1_180, 960, 240, 1_320, 1_040, 880].entries())
    for (const [kind, name, value] of [
      ['pages', 'ocr', pages],
      ['shards', 'ocr', pages >> 3],
      ['estimated-joules', 'ocr', pages * 9_000],
      ['ready-ms', '', pages * 24_000],
      ['paused-ms', 'driving', 3_600_000],
      ['paused-ms', 'charge-low', 5_400_000],
    ] as const)
      database
        .prepare(
          'INSERT INTO history VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value',
        )
        .run(today - back, kind, name, value)
  database.close()
}
