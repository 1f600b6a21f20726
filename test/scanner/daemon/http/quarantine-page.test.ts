import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { becomePlain } from '../../../programs/host/plain-account.ts'
import {
  openBrowser,
  openPage,
  overflow,
  seriousFaults,
  skipWithoutBrowser,
} from '../../observe/browser.ts'
import { fileOf, keepOne } from '../../scan/quarantine/quarantined.ts'
import { serveApi, TOKEN } from './quarantine-rig.ts'

/** The page of the quarantine, in a real browser, which all tests share. */

becomePlain()

const browser = skipWithoutBrowser ? undefined! : await openBrowser(t)
const evil = '<img src=x onerror=alert(1)>\u202e'
const latin1 = Buffer.from(evil).toString('latin1')

async function enter(page: Page, token = TOKEN): Promise<void> {
  await page.getByLabel('Your token').fill(token)
  await page.keyboard.press('Enter')
}

const showsNotice = (page: Page, words: string | RegExp) =>
  page.locator('#notice').filter({ hasText: words }).waitFor()

t.test(
  'the page lists, searches and shows 10,000 messages, on any screen',
  { skip: skipWithoutBrowser },
  async (t) => {
    const api = await serveApi(t)
    const now = Date.now()
    const id = await keepOne(api.directory, now, {
      text: `Subject: ${latin1}\nFrom: a@b.c\n\n${EICAR}\n`,
      sender: 'needle@example.net',
      found: latin1,
    })
    const common = readFileSync(fileOf(api.directory, await keepOne(api.directory, now - 1000)))
    const folder = dirname(fileOf(api.directory, id))
    const second = Math.floor(now / 1000) - 1
    for (let n = 0; n < 9_998; n++) {
      writeFileSync(join(folder, `${second}.${n.toString(16).padStart(16, '0')},S=17`), common)
    }
    const { json } = await api.call('GET', 'messages?limit=10000')
    t.same([json.messages.length, json.next], [10_000, null])
    for (const [width, scheme] of [
      [360, 'light'],
      [768, 'dark'],
      [1280, 'light'],
    ] as const) {
      const { page, errors } = await openPage(browser, `http://127.0.0.1:${api.port}/quarantine`, {
        width,
        scheme,
      })
      t.same(await seriousFaults(page), [], `axe at ${width}`)
      await enter(page)
      await page.locator('#kept-title:focus').waitFor()
      t.equal(await page.locator('#messages li').count(), 50)
      await page.getByRole('button', { name: 'Show more' }).click()
      await showsNotice(page, '100 messages, and there are more')
      t.same(await seriousFaults(page), [], `axe at ${width}, ${scheme}, the list`)
      await page.getByLabel('Search').fill('NEEDLE')
      await page.keyboard.press('Enter')
      await showsNotice(page, '1 message.')
      const button = page.locator('#messages button')
      t.equal(
        await button.innerText(),
        '<img src=x onerror=alert(1)>\\u202e',
        'text, and no markup',
      )
      await button.focus()
      await page.keyboard.press('Enter')
      await page.locator('#message-title:focus').waitFor()
      t.match(
        await page.locator('#header').innerText(),
        /^Subject: <img src=x.*\\u202e\nFrom: a@b\.c/,
      )
      await page.getByRole('button', { name: 'Scan again' }).click()
      await showsNotice(page, /parts/)
      t.equal(await overflow(page), 0, `no horizontal scroll at ${width}`)
      t.same(await seriousFaults(page), [], `axe at ${width}, ${scheme}, a message`)
      await page.getByRole('button', { name: 'Back' }).click()
      await page.locator('#messages button:focus').waitFor()
      t.same(errors, [], 'no complaint')
      await page.context().close()
    }
  },
)

t.test(
  'a message is released and deleted after a question, by keyboard',
  { skip: skipWithoutBrowser },
  async (t) => {
    const api = await serveApi(t)
    const kept = { recipients: ['b@example.org', 'c@example.org'] }
    await keepOne(api.directory, Date.now() - 1000, kept)
    await keepOne(api.directory, Date.now(), kept)
    const { page, errors } = await openPage(browser, `http://127.0.0.1:${api.port}/quarantine`)
    await enter(page, 'a-wrong-token-0123456789')
    await showsNotice(page, 'A token is required')
    await enter(page)
    const press = async (name: string) => {
      await page.getByRole('button', { name, exact: true }).focus()
      await page.keyboard.press('Enter')
    }
    await page.locator('#messages button').first().click()
    await page.getByLabel('b@example.org').uncheck()
    await press('Release')
    await page
      .locator('#question')
      .filter({ hasText: 'Release this message to <c@example.org>?' })
      .waitFor()
    t.same(await seriousFaults(page), [], 'axe, the question')
    await page.keyboard.press('Escape')
    t.equal(api.next.got.length, 0)
    await press('Release')
    await page.locator('#yes').focus()
    await page.keyboard.press('Enter')
    await showsNotice(
      page,
      'Released. The next server replied: 250 2.0.0 next queued it as 1 for 1',
    )
    t.same(api.next.got[0]?.recipients, ['c@example.org'])
    t.equal(await page.locator('#messages li').count(), 1)
    await page.locator('#messages button').first().click()
    await press('Delete')
    await page.locator('#yes').press('Enter')
    await showsNotice(page, 'Deleted.')
    t.equal((await api.call('GET', 'messages')).json.messages.length, 0)
    t.same(
      errors.filter((error) => !/401/.test(error)),
      [],
      'no complaint',
    )
    t.same(await page.context().cookies(), [], 'no cookie')
    await page.context().close()
  },
)

t.test('the page of somebody else cannot act, and the page runs nothing of others', async (t) => {
  const api = await serveApi(t)
  const { status, headers } = await api.get('/quarantine')
  t.equal(status, 200)
  t.match(
    headers['content-security-policy'],
    /default-src 'none'; script-src 'self'.*form-action 'none'; frame-ancestors 'none'/,
  )
  const id = await keepOne(api.directory, Date.now())
  const basic = { Authorization: `Basic ${Buffer.from(`ann:${TOKEN}`).toString('base64')}` }
  t.equal((await api.call('POST', `messages/${id}/release`, { headers: basic })).status, 401)
  t.equal(
    (await api.call('OPTIONS', `messages/${id}/release`)).headers['access-control-allow-origin'],
    undefined,
  )
})
