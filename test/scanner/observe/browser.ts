import { createRequire } from 'node:module'
import { type Browser, chromium, type Page } from 'playwright-core'
import { lacks, programPath } from '../../needs.mjs'
import type { Ending } from '../../programs/host/server.ts'
import { isWhole } from '../../run/is-whole.ts'

/** Debian's Chromium without the windows of a browser, each of which would cost as much as the page in it. */
const BROWSER = 'chromium-headless-shell'

export const skipWithoutBrowser: string | false = lacks(BROWSER)

export interface Look {
  readonly width?: number
  readonly scheme?: 'light' | 'dark'
}

export interface OpenPage {
  readonly page: Page
  /** What the page complained of: errors of scripts, of the console, of its security policy. */
  readonly errors: readonly string[]
}

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** Returns the screens on which a page is tried: this many of them, or all by `npm run test:nightly`. */
export const screensToTry = <Screen>(all: readonly Screen[], count = 1): readonly Screen[] =>
  isWhole ? all : all.slice(0, count)

export async function openBrowser(t: Ending): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: programPath(BROWSER),
    // The tests may run as root, in a container without much of a /dev/shm.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  })
  t.teardown(() => browser.close())
  return browser
}

export async function openPage(
  browser: Browser,
  url: string,
  { width = 1280, scheme = 'light' }: Look = {},
): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme: scheme,
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  const errors: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.goto(url)
  return { page, errors }
}

/** Pixels by which the page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - window.innerWidth')
}

/** What axe finds serious or critical: its rule and the first element. */
export async function seriousFaults(page: Page): Promise<string[]> {
  // Through the debugger, since the page's policy lets no foreign script in.
  const source = await import('node:fs').then(({ readFileSync }) => readFileSync(axe, 'utf8'))
  await page.evaluate(source)
  const found = (await page.evaluate('axe.run({ resultTypes: ["violations"] })')) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[]
  }
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
}
