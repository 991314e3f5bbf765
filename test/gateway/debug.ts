import { chromiumPath, desktop, phone, startBrowser, Visit } from '../support/browser.ts'
import { GatewayStage, settings } from '../support/gateway.ts'
import { Gate } from '../support/mesh.ts'
const gate = new Gate()
const stage = await GatewayStage.start(async (m) => void (m.endsWith('wait') && (await gate.script(''))), 3, {})
const browser = await startBrowser()
try {
  const key = stage.key('team', { budgetDay: { currency: 'EUR', micros: 5_000_000 } })
  const visit = await Visit.open(browser, desktop, stage.url)
  const { page } = visit
  page.setDefaultTimeout(8000)
  await visit.logIn(key)
  await page.getByText('No batches yet').waitFor()
  await page.screenshot({ path: '/tmp/console-1.png' })
  await page.getByRole('link', { name: 'New batch' }).first().click()
  const texts = Array.from({ length: 24 }, (_, i) => (i === 5 ? 'too long' : i < 16 ? `letter ${i}` : `${i} wait`))
  await page.getByLabel('Drop files here').setInputFiles(
    texts.map((content, i) => ({ name: `letter-${i}.txt`, mimeType: 'text/plain', buffer: Buffer.from(content) })),
  )
  await page.getByLabel('What to do').selectOption({ label: 'Answer with a language model (letters)' })
  await page.getByLabel('It may cost').fill('5')
  await page.getByRole('button', { name: 'Show the quote' }).click()
  const quote = page.getByRole('region', { name: 'Quote' })
  await stage.hurry(quote.waitFor()).catch((e) => console.log(String(e)))
  await page.screenshot({ path: '/tmp/console-2.png', fullPage: true })
  console.log(await page.locator('main').innerText())
  await quote.getByRole('button', { name: 'Submit' }).click()
  await stage.hurry(page.getByText('15 of 24 answered · 1 failed').waitFor()).catch((e) => console.log(String(e)))
  await new Promise((r) => setTimeout(r, 1500))
  await page.screenshot({ path: '/tmp/console-3.png', fullPage: true })
  console.log(await page.locator('main').innerText())
  console.log(visit.complaints)
} catch (e) { console.log(e) }
await browser.close()
await Promise.race([stage.stop(), new Promise((r) => setTimeout(r, 5000))])
process.exit(0)
