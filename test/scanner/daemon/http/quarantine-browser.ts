import type { Page } from 'playwright-core'
import { becomePlain } from '../../../programs/host/plain-account.ts'
import { openBrowser, openPage, skipWithoutBrowser } from '../../observe/browser.ts'
import { keepOne } from '../../scan/quarantine/quarantined.ts'
import { type ServedApi, TOKEN } from './quarantine-rig.ts'

/** What tests of the page of the quarantine do and wait for in a browser. */

export const addressOf = (api: ServedApi) => `http://127.0.0.1:${api.port}/quarantine`

/** Signs in with a token. */
export async function signIn(page: Page, token = TOKEN): Promise<void> {
  await page.getByLabel('Your token').fill(token)
  await page.keyboard.press('Enter')
}

/** Starts a browser that all tests of a file share, without root, and returns how they open the page in it as ann. */
export async function startBrowser(t: Parameters<typeof openBrowser>[0]) {
  becomePlain()
  const browser = skipWithoutBrowser ? undefined! : await openBrowser(t)
  const open = async (api: ServedApi, look: Parameters<typeof openPage>[2] = {}) => {
    const opened = await openPage(browser, addressOf(api), look)
    await signIn(opened.page)
    await titled(opened.page, /message/)
    return opened
  }
  return { browser, skip: { skip: skipWithoutBrowser }, open }
}

export const titled = (page: Page, words: string | RegExp) =>
  page.locator('#list-title').filter({ hasText: words }).waitFor()
export const answered = (page: Page, words: string | RegExp) =>
  page.locator('.answer').filter({ hasText: words }).waitFor()
/** What screen readers are given to read. */
export const said = (page: Page, words: string | RegExp) =>
  page.locator('#said').filter({ hasText: words }).waitFor()
export const asked = (page: Page, words: string | RegExp) =>
  page.locator('#question').filter({ hasText: words }).waitFor()
export const selected = (page: Page, words: string) =>
  page.locator('.bar b').getByText(words, { exact: true }).waitFor()
export const button = (page: Page, name: string | RegExp) =>
  page.getByRole('button', { name, exact: typeof name === 'string' })
export const focused = (page: Page, words: string) =>
  page.locator(':focus').filter({ hasText: words }).waitFor()
export const openFirst = async (page: Page) => {
  await page.locator('.messages a').first().click()
  await page.locator('#message dl').first().waitFor()
}
/** Notes from now on what screen readers would read: what has the focus, and what they are given to read. */
export const listen = (page: Page) =>
  page.evaluate(`(() => {
    const said = document.querySelector('#said')
    window.heard = []
    addEventListener('focusin', ({ target }) => heard.push(target.ariaLabel ?? target.textContent))
    new MutationObserver(() => said.textContent && heard.push(said.textContent)).observe(said, { childList: true })
  })()`)
export const heard = (page: Page) =>
  page.evaluate('heard.splice(0).filter(Boolean)') as Promise<string[]>
/** Keeps messages of one minute each, the first the newest. Returns their ids. */
export async function keepMany(api: ServedApi, number: number, more = {}): Promise<string[]> {
  const ids: string[] = []
  const now = Date.now()
  for (let n = 0; n < number; n++) {
    const text = `From: Ann <a${n}@example.net>\nSubject: number ${n}\n\nbody\n`
    ids.push(await keepOne(api.directory, now - n * 60_000, { text, ...more }))
  }
  return ids
}

/** Whether all of an element is in the window, but for a part of a pixel, and nothing is above it. */
export function isInView(page: Page, selector: string): Promise<boolean> {
  return page.evaluate(`(() => {
    const element = document.querySelector(${JSON.stringify(selector)})
    const { top, bottom, left } = element.getBoundingClientRect()
    return top > -1 && bottom < innerHeight + 1 && element.contains(document.elementFromPoint(left + 10, top + 10))
  })()`)
}
