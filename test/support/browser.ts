/** A real browser for tests of the page, and what holds of each view whatever it shows. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const places = [
  process.env.CHROMIUM ?? '',
  ...['chromium', 'chromium-browser', 'google-chrome'].map((name) => `/usr/bin/${name}`),
]

/** Undefined where this machine has none. */
export const chromiumPath = places.find((path) => path !== '' && existsSync(path))

export function startBrowser(): Promise<Browser> {
  assert(chromiumPath)
  // As root there is no sandbox; containers have little shared memory.
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
  return chromium.launch({ executablePath: chromiumPath, args })
}

export const desktop: BrowserContextOptions = { viewport: { width: 1180, height: 860 }, colorScheme: 'light' }
export const phone: BrowserContextOptions = {
  viewport: { width: 360, height: 780 },
  colorScheme: 'dark',
  isMobile: true,
  hasTouch: true,
  deviceScaleFactor: 1,
}

/** A page of the console, opened with a key, and all that its browser complained of. */
export class Visit {
  readonly page: Page
  readonly complaints: string[] = []
  readonly #url: string

  static async open(browser: Browser, options: BrowserContextOptions, url: string): Promise<Visit> {
    const context = await browser.newContext({ ...options, locale: 'en-GB', reducedMotion: 'reduce' })
    const visit = new Visit(await context.newPage(), url)
    await visit.page.goto(url)
    return visit
  }

  constructor(page: Page, url: string) {
    this.page = page
    this.#url = url
    page.on('pageerror', ({ message }) => this.complaints.push(message))
    page.on('console', (line) => {
      // Of refusals the browser says no more than that they were some.
      if (line.type() === 'error' && !/status of 40\d/.test(line.text())) this.complaints.push(line.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) this.complaints.push(`it asks ${request.url()}`)
    })
  }

  async logIn(key: string): Promise<void> {
    await this.page.getByLabel('Key').fill(key)
    await this.page.getByRole('button', { name: 'Open' }).click()
  }

  tab(name: string): Promise<void> {
    return this.page.getByRole('navigation').getByRole('link', { name }).click()
  }

  /** Holds of every view: nothing beside the screen, all that can be touched is large enough and has a name, and the policy holds. */
  async check(): Promise<void> {
    const found = await this.page.evaluate(lookAround)
    assert.deepEqual(found, { isWide: false, small: [], nameless: [] })
    assert.deepEqual(this.complaints, [])
  }

  async close(): Promise<void> {
    assert.deepEqual(this.complaints, [], this.#url)
    await this.page.context().close()
  }
}

/** Runs in the page. */
function lookAround() {
  type Seen = {
    getBoundingClientRect(): { width: number; height: number }
    getAttribute(name: string): string | null
    textContent: string
    tagName: string
    labels?: { length: number }
    outerHTML: string
    checkVisibility(): boolean
    closest(selector: string): unknown
  }
  const { document, innerWidth } = globalThis as unknown as {
    document: { querySelectorAll(selector: string): Iterable<Seen>; documentElement: { scrollWidth: number } }
    innerWidth: number
  }
  const shown = [
    ...document.querySelectorAll('button, a, input, select, textarea, summary, [role=img]'),
  ].filter((one) => one.checkVisibility() && one.closest('.skip, .said, footer, .hint') === null)
  const touched = shown.filter((one) => one.getAttribute('role') !== 'img')
  const isNamed = (one: Seen) =>
    one.getAttribute('aria-label') || one.textContent.trim() !== '' || (one.labels?.length ?? 0) > 0
  const start = (one: Seen) => one.outerHTML.slice(0, 80)
  return {
    isWide: document.documentElement.scrollWidth > innerWidth,
    small: touched.filter((one) => one.getBoundingClientRect().height < 43.5).map(start),
    nameless: shown.filter((one) => !isNamed(one)).map(start),
  }
}
