import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { digestMail } from '../../../src/scanner/cli/quarantine/digest-mail.ts'
import { defaultWords } from '../../../src/scanner/cli/quarantine/digest-words.ts'
import { entriesOf, singleEntry } from '../../../src/scanner/cli/quarantine/equal-messages.ts'
import { Desk } from '../../../src/scanner/desk/desk.ts'
import { ALL_MAIL } from '../../../src/scanner/desk/reader.ts'
import type { ShownMessage } from '../../../src/scanner/desk/shown-message.ts'
import { parseLogText } from '../../../src/scanner/log/parsed-line.ts'
import { History } from '../../../src/scanner/observe/live/history.ts'
import { openQuarantine } from '../../../src/scanner/scan/quarantine/folders.ts'
import { buildStage } from '../../cases/stage.ts'
import { becomePlain } from '../../programs/host/plain-account.ts'
import type { Ending } from '../../programs/host/server.ts'
import { isWhole } from '../../run/is-whole.ts'
import { createRandom } from '../../run/random.ts'
import { serveApi, TOKEN } from '../daemon/http/quarantine-rig.ts'
import { serve } from '../daemon/http/rig.ts'
import { decisionLine } from '../log/lines.ts'
import { keepOne, makeQuarantine } from '../scan/quarantine/quarantined.ts'
import { openBrowser, openPage, overflow, seriousFaults, skipWithoutBrowser } from './browser.ts'

/**
 * Each view of both pages, on wide and narrow screens, light and dark, of mail that is made up. `npm run pictures` keeps
 * their pictures, to be looked at: in /tmp/onescan-pictures, or in the directory that PICTURES names. VIEW takes only those
 * with this text in their names.
 */

becomePlain()
const browser = skipWithoutBrowser ? undefined! : await openBrowser(t)
const { PICTURES, VIEW = '' } = process.env
const keepPicture = (page: Page, name: string) =>
  PICTURES === undefined
    ? Promise.resolve(undefined)
    : page.screenshot({ path: join(PICTURES, `${name}.png`) })

/** The decisions that the list shows. */
const MAILS = 14

const PEOPLE = ['anna.mueller', 'ben', 'cleo', 'dora', 'emil', 'fred', 'gina']
const MAIL = [
  ['virus', 'Win.Trojan.Agent-7412', 'Anna Billing', 'billing@example.net', 'Invoice 2026-1128'],
  ['banned', 'attachment offer.exe', 'Sales', 'sales@example.com', 'Our offer'],
  ['virus', 'Doc.Dropper.Agent-1', 'Ben Miller', 'ben@example.net', 'Minutes of the meeting'],
  ['encrypted', 'Heuristics.Encrypted.Zip', 'Cleo', 'cleo@example.com', 'The contract that you asked for'],
  ['virus', 'Html.Phishing.Bank-12', 'Service', 'service@example.net', 'Your account'],
] as const // biome-ignore format: a line each

const LETTER = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Dear Anna,

please find the invoice attached. The amount is 120 =E2=82=AC.

--b
Content-Type: text/html

Dear Anna, please open <a href="http://pay.example.net/login?id=1">www.bank.example</a>
--b
Content-Type: application/zip; name=invoice.zip
Content-Transfer-Encoding: base64

UEsDBA==
--b--
`

/** Colours do not depend on the width: a test without pictures needs two. */
const SCREENS = [
  [390, 'light'],
  [1280, 'dark'],
  ...(PICTURES === undefined ? [] : [[1280, 'light'] as const]),
] as const

/** The screens of a view: one after the other has its turn, unless all are asked for. */
const screensOf = (view: number) =>
  isWhole || PICTURES !== undefined ? SCREENS : [SCREENS[view % SCREENS.length]!]

interface View {
  readonly name: string
  readonly messages?: number
  readonly recipients?: number
  /** The subject of one message more, which is like no other. */
  readonly odd?: string
  readonly may?: string
  readonly stays?: string
  /** What else is in the line of the token. */
  readonly limits?: string
  /** Whether messages can be released. */
  readonly hasKey?: boolean
  /** Nobody is signed in. */
  readonly isOut?: boolean
  readonly does?: (page: Page, ids: readonly string[]) => Promise<unknown>
}

const openFirst = async (page: Page) => {
  await page.locator('.messages a').first().click()
  await page.locator('#message dl').first().waitFor()
}
const press = (page: Page, name: string | RegExp) =>
  page.getByRole('button', { name }).first().click()

/** On a phone, the search is folded. */
const unfold = async (page: Page) => {
  for (const summary of await page.locator('.fold summary').all()) await summary.click()
}

const VIEWS: readonly View[] = [
  { name: 'token', isOut: true },
  { name: 'list-empty', messages: 0 },
  { name: 'list-14' },
  { name: 'list-300', messages: 300 },
  {
    name: 'odd-first',
    messages: 300,
    odd: 'Minutes of our talk',
    async does(page) {
      await unfold(page)
      await page.getByLabel('Order').selectOption('odd ones first')
      await press(page, 'Search')
      await page.getByText('60 alike').first().waitFor()
      await press(page, 'Select all 301')
      await page.locator('.bar b', { hasText: '301 selected' }).waitFor()
      await page.getByRole('checkbox', { name: 'Select Minutes of our talk' }).uncheck()
    },
  },
  {
    name: 'search-open',
    async does(page) {
      await unfold(page)
      for (const summary of await page.getByText('More filters').all()) await summary.click()
    },
  },
  { name: 'message-1', does: openFirst },
  { name: 'message-40', recipients: 40, does: openFirst },
  {
    name: 'message-40-choose',
    recipients: 40,
    async does(page) {
      await openFirst(page)
      await press(page, 'Choose all 40')
    },
  },
  {
    name: 'question',
    async does(page) {
      await openFirst(page)
      await press(page, /^Release/)
    },
  },
  {
    name: 'error',
    async does(page) {
      const problem = {
        code: 'refused',
        answer: '550 5.1.1 no such user',
        recipient: 'anna.mueller@example.org',
      }
      await page.route('**/release', (route) => route.fulfill({ status: 502, json: problem }))
      await openFirst(page)
      await press(page, /^Release/)
      await page.locator('#yes').click()
      await page.locator('.answer.bad').waitFor()
    },
  },
  { name: 'no-key', hasKey: false, recipients: 3, does: openFirst },
  { name: 'not-this-kind', limits: 'release=encrypted,banned', does: openFirst },
  {
    name: 'filtered',
    recipients: 40,
    async does(page) {
      await openFirst(page)
      await page.locator('#filter').fill('ben, cleo')
      await page.locator('#filter').press('Enter')
      await page.locator('#filter').fill('dora, fred8')
      await page.locator('#filter').press('Enter')
      await page.locator('.answer').waitFor()
    },
  },
  {
    name: 'went-on',
    async does(page) {
      await openFirst(page)
      await press(page, 'Delete')
      await press(page, 'Delete, and open the next')
      await page.locator('.answer').waitFor()
    },
  },
  {
    name: 'gone',
    async does(page) {
      await openFirst(page)
      await press(page, 'Delete')
      await page.locator('#yes').click()
      await page.locator('.answer').waitFor()
    },
  },
  {
    name: 'exceptions',
    async does(page) {
      await openFirst(page)
      const made = page.getByRole('button', { name: /^Undo the exception/ })
      if ((await made.count()) === 0) {
        await press(page, /^Make an exception for .* to everybody/)
        await page.locator('#yes').click()
      }
      await made.scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'right-taken-away',
    async does(page) {
      await openFirst(page)
      await page.route('**/release', (route) =>
        route.fulfill({ status: 403, json: { code: 'not-allowed' } }),
      )
      await page.route('**/me', async (route) => {
        const answer = await route.fetch()
        await route.fulfill({ json: { ...(await answer.json()), may: ['look', 'read'] } })
      })
      await press(page, /^Release to/)
      await page.locator('#yes').click()
      await page.locator('.answer.bad').waitFor()
    },
  },
  {
    name: 'token-ended',
    async does(page) {
      await page.route('**/messages?*', (route) =>
        route.fulfill({ status: 401, json: { code: 'no-token' } }),
      )
      await press(page, 'Refresh')
      await page.locator('.answer.bad').waitFor()
    },
  },
  {
    name: 'gone-by-other',
    async does(page) {
      await page.route('**/messages/*', (route) =>
        route.fulfill({
          status: 404,
          json: { code: 'no-message', deletedBy: 'ben', deletedAt: '2026-11-30T08:41:00Z' },
        }),
      )
      await page.locator('.messages a').first().click()
      await page.locator('.answer.bad').waitFor()
    },
  },
  {
    name: 'selected',
    messages: 300,
    async does(page) {
      await press(page, 'Select all 300')
      await page.locator('.bar b', { hasText: '300 selected' }).waitFor()
    },
  },
  {
    name: 'question-many',
    messages: 300,
    async does(page) {
      await press(page, 'Select all 300')
      await press(page, 'Delete')
      await page.locator('#question').filter({ hasText: '300' }).waitFor()
    },
  },
  {
    name: 'question-many-release',
    messages: 300,
    async does(page) {
      await page.getByRole('checkbox', { name: 'Select Invoice' }).first().check()
      await page.getByRole('checkbox', { name: 'Select Our offer' }).first().check()
      await press(page, 'Release')
      await page.locator('#question').filter({ hasText: '2 messages' }).waitFor()
    },
  },
  {
    name: 'failed-many',
    hasKey: false,
    async does(page) {
      for (const n of [0, 1, 2, 3]) await page.locator('.messages input').nth(n).check()
      await press(page, 'Release 4 selected')
      await press(page, 'Release 4 messages')
      await page.locator('.answer.bad').waitFor()
    },
  },
  {
    name: 'nothing-found',
    async does(page) {
      await unfold(page)
      await page.getByLabel('Search:').fill('a letter that nobody sent')
      await page.getByLabel('Found').selectOption('Virus')
      await press(page, 'Search')
      await page.getByText('Show released messages').waitFor()
    },
  },
  {
    name: 'searching',
    async does(page) {
      await page.route('**/messages?*', () => {}) // never answered
      await unfold(page)
      await page.getByLabel('Search:').fill('invoice')
      await press(page, 'Search')
      await page.getByText('Searching…').waitFor()
    },
  },
  {
    name: 'no-answer',
    async does(page) {
      await page.route('**/messages?*', (route) => route.abort())
      await press(page, 'Refresh')
      await page.locator('.answer.bad').waitFor()
    },
  },
  {
    name: 'released-partly',
    recipients: 12,
    async does(page) {
      await openFirst(page)
      await page.getByRole('checkbox', { name: /^ben@/ }).check()
      await page.getByRole('checkbox', { name: /^dora@/ }).check()
      await press(page, /^Release to 2/)
      await page.locator('#yes').click()
      await page.locator('.answer', { hasText: 'stays in the list' }).waitFor()
      await page.locator('#message dd summary').last().click()
    },
  },
  {
    name: 'released-twice',
    recipients: 12,
    async does(page) {
      await openFirst(page)
      await page.getByRole('checkbox', { name: /^ben@/ }).check()
      await press(page, /^Release to ben/)
      await page.locator('#yes').click()
      await page.locator('.answer', { hasText: 'stays in the list' }).waitFor()
      await press(page, 'Choose all 12')
      await page.getByRole('checkbox', { name: /^ben@/ }).check()
      await page.getByRole('checkbox', { name: /^gina@/ }).uncheck()
      await press(page, /^Release to 11/)
      await page.locator('#asked').waitFor()
    },
  },
  {
    name: 'wrong-address',
    async does(page) {
      await openFirst(page)
      await page.getByLabel('Or one address only').fill('gina, ben')
      await page.keyboard.press('Enter')
      await page.locator('.answer.bad').waitFor()
    },
  },
  {
    name: 'message-encrypted',
    async does(page) {
      await page.getByText('The contract').first().click()
      await page.locator('#message dl').first().waitFor()
    },
  },
  {
    name: 'another-address',
    recipients: 3,
    async does(page) {
      await openFirst(page)
      await page.getByLabel('Or one address only').fill('gina@example.org')
      await press(page, 'Sign out')
      await page.locator('#question').filter({ hasText: 'Sign out?' }).waitFor()
      await page.keyboard.press('Escape')
    },
  },
  {
    name: 'signed-out-soon',
    stays: '5m',
    async does(page) {
      await openFirst(page)
      await page.clock.fastForward('04:30')
      await page.locator('.ending').waitFor()
    },
  },
  { name: 'looks-only', may: 'look', recipients: 3, does: openFirst },
  { name: 'looks-only-list', may: 'look' },
  {
    name: 'text-and-parts',
    async does(page) {
      await openFirst(page)
      await press(page, 'Show the text')
      await page.locator('.letter').waitFor()
      await press(page, 'Scan again')
      await page
        .locator('.answer', { hasText: /part/ })
        .waitFor({ timeout: 8000 })
        .catch(async () => console.log(await page.locator('#message').innerText()))
      await page.locator('.letter').evaluate((letter) => letter.scrollIntoView())
    },
  },
]

t.test('the status page: a day of mail', { skip: skipWithoutBrowser }, async (t) => {
  const url = await servedPage(t)
  for (const [width, scheme] of SCREENS) {
    const { page } = await openPage(browser, 'about:blank', { width, scheme })
    await page.route('**/data.json', async (route) => {
      const answer = await route.fetch()
      const state = await answer.json()
      const about = { ...state.about, host: 'mx1.example.org' }
      await route.fulfill({ json: { ...state, about, steps: dayOfMail() } })
    })
    await page.setViewportSize({ width, height: width < 500 ? 844 : 900 })
    await page.goto(url)
    await page.waitForSelector('#health.good')
    await page
      .locator('#list li')
      .nth(MAILS - 1)
      .waitFor()
    await keepPicture(page, `status-${width}-${scheme}`)
    t.equal(await overflow(page), 0, `no horizontal scroll at ${width}`)
    await page.context().close()
  }
})

/** In the browser: the boxes that are not on the line of their text, right before it. */
const boxesApart = `[...document.querySelectorAll('label')].flatMap((label) => {
  const input = label.checkVisibility() && label.querySelector('input[type=checkbox]')
  if (!input) return []
  const box = input.getBoundingClientRect()
  const range = document.createRange()
  range.selectNodeContents(label)
  range.setStartAfter(input)
  const [text] = [...range.getClientRects()].filter(({ width }) => width > 1)
  if (text === undefined) return [] // a box of the list: its row is beside it
  const isOnLine = box.top < text.bottom && text.top < box.bottom
  const isBefore = text.left >= box.right && text.left - box.right < 24
  return isOnLine && isBefore ? [] : [label.innerText]
})`

/** In the browser: what is too small to be hit (WCAG 2.5.8). */
const smallTargets = `[...document.querySelectorAll('a, button, input, select, summary')].flatMap((target) => {
  if (!target.checkVisibility() || target.matches('.skip')) return []
  const { width, height } = target.getBoundingClientRect()
  const least = target.matches('[type=checkbox]') ? 20 : 24
  return width >= least && height >= least ? [] : [target.outerHTML + width + ' x ' + height]
})`

for (const [n, view] of VIEWS.filter(({ name }) => name.includes(VIEW)).entries()) {
  t.test(`the quarantine: ${view.name}`, { skip: skipWithoutBrowser }, async (t) => {
    const { url, ids } = await servedQuarantine(t, view)
    for (const [width, scheme] of screensOf(n)) {
      const { page } = await openPage(browser, 'about:blank', { width, scheme })
      await page.setViewportSize({ width, height: width < 500 ? 844 : 800 })
      if (view.stays) await page.clock.install()
      await page.goto(url)
      await page.getByLabel('Your token').waitFor()
      if (!view.isOut) {
        await page.getByLabel('Your token').fill(TOKEN)
        await page.keyboard.press('Enter')
        await page
          .locator('#list-title')
          .filter({ hasText: /message/ })
          .waitFor()
      }
      await view.does?.(page, ids)
      await keepPicture(page, `${view.name}-${width}-${scheme}`)
      t.equal(await overflow(page), 0, `no horizontal scroll at ${width}`)
      t.same(await seriousFaults(page), [], `axe at ${width}, ${scheme}`)
      t.same(await page.evaluate(boxesApart), [], 'each box and its text are on one line')
      t.same(await page.evaluate(smallTargets), [], 'targets have 24 px, boxes 20')
      await page.context().close()
    }
  })
}

t.test('a digest, as mail programs show it', { skip: skipWithoutBrowser }, async (t) => {
  const { directory } = await servedQuarantine(t, { name: 'digest', messages: 60, recipients: 5 })
  for (const isForRecipient of [false, true]) {
    const html = await digestOf(directory, isForRecipient)
    for (const [width, scheme] of SCREENS) {
      const { page } = await openPage(browser, 'about:blank', { width, scheme })
      await page.setContent(html)
      await keepPicture(page, `digest-${isForRecipient ? 'recipient' : 'postmaster'}-${width}-${scheme}`) // biome-ignore format: a line
      t.equal(await overflow(page), 0, `no horizontal scroll at ${width}`)
      t.same(await seriousFaults(page), [], `axe at ${width}, ${scheme}`)
      await page.context().close()
    }
  }
})

/** Returns the HTML of the digest about a quarantine. With pictures, its text is kept, too. */
async function digestOf(directory: string, isForRecipient: boolean): Promise<string> {
  const page = isForRecipient ? undefined : 'https://mx.example.org/quarantine'
  const root = await openQuarantine(directory)
  const desk = await Desk.open(root, ALL_MAIL)
  const shown: ShownMessage[] = []
  const range = { since: undefined, until: undefined, isNewestFirst: true }
  for await (const found of desk.find({ range, states: ['kept'] })) {
    const isOfCampaign = !isForRecipient && found.record.found === 'Html.Phishing.Bank-12'
    if (shown.length < 4 || isOfCampaign) shown.push(desk.shown(found, 3))
  }
  root.close()
  const to = isForRecipient ? 'anna.mueller@example.org' : 'postmaster@example.org'
  const kinds = new Map([['virus', shown.length - 2], ['banned', 1], ['encrypted', 1]]) // biome-ignore format: a line
  const entries = isForRecipient ? shown.map(singleEntry) : entriesOf(shown) // biome-ignore format: a line
  const parted = { entries, entriesBefore: 0, entryCount: entries.length, part: 1, parts: 1 }
  const digest = { to, ...parted, count: shown.length, left: 0, kinds }
  const words = defaultWords(isForRecipient, page)
  const origin = { host: 'mx1.example.org', postmaster: 'postmaster@example.org', isForRecipient, now: Date.now(), zone: 'Europe/Berlin', page, words, stock: { waiting: 41, ending: 6, unread: 0 } } // biome-ignore format: a line
  const mail = digestMail(digest, origin).toString('latin1')
  const [header = '', text = '', html = ''] = mail.split(/--=_\w+(?:--)?\n/)
  const bodyOf = (part: string) => Buffer.from(part.split('\n\n')[1] ?? '', 'base64').toString()
  if (PICTURES !== undefined)
    writeFileSync(join(PICTURES, `digest-${to}.txt`), `${header}\n${bodyOf(text)}`)
  return bodyOf(html)
}

/** A quarantine with this many messages; the first has this many recipients. */
async function servedQuarantine(
  t: Test,
  {
    messages = 14,
    recipients: most = 1,
    odd,
    may = 'look,read,release,delete,download,allow',
    stays = '8h',
    limits = '',
    hasKey = true,
  }: View,
) {
  const QUARANTINE = makeQuarantine(t)
  const tokens = `ann ${TOKEN} may=${may} stays=${stays} ${limits}\n`
  const now = Date.now()
  const ids: string[] = []
  for (let n = 0; n < messages; n++) {
    const [grounds, found, name, sender, subject] = MAIL[n % MAIL.length]!
    const text = `From: ${name} <${sender}>\nSubject: ${subject}\n${LETTER}`
    const many = Array.from(
      { length: most },
      (_, k) => `${PEOPLE[k % 7]}${k < 7 ? '' : k}@example.org`,
    )
    const recipients = n === 0 ? many : [`${PEOPLE[(n * 3) % 7]}@example.org`]
    const envelope = n % 4 === 3 ? `bounce-123-${n}@lists.example.net` : sender
    ids.push(await keepOne(QUARANTINE, now - n * 5_000_000, { grounds, found, sender: envelope, recipients, text, door: 'milter' })) // biome-ignore format: a line
  }
  if (odd !== undefined)
    await keepOne(QUARANTINE, now - 6_000_000, { found: 'Win.Trojan.Agent-7412', sender: 'dora@example.com', recipients: ['gina@example.org'], text: `From: Dora <dora@example.com>\nSubject: ${odd}\n${LETTER}` }) // biome-ignore format: a line
  const CONTROLDIR = buildStage(t).rules('')
  const settings = { QUARANTINE, CONTROLDIR, ...(hasKey ? {} : { CLUSTERKEYS: '' }) }
  const served = await serveApi(t, { tokens, settings })
  return { url: `http://127.0.0.1:${served.port}/quarantine`, ids, directory: QUARANTINE }
}

/** The page of an onescand that has judged some mail. */
async function servedPage(t: Ending): Promise<string> {
  const served = await serve(t, {
    args: ['--workers', '2'],

    settings: { REJECTVIRUS: '1' },
  })
  const people = ['ann', 'ben', 'cleo', 'dora', 'emil', 'fred', 'gina']
  for (let n = 0; n < MAILS; n++) {
    const from = `${people[n % 7]}@example.net`
    const to = `${people[(n * 3 + 2) % 7]}@example.org`
    await served.send({ from, to, id: `<${n}@example.net>`, eicar: n % 5 === 1 })
  }
  return `http://127.0.0.1:${served.port}/`
}

/** Mail as it comes: more by day than by night, some of it infected, some not to be scanned. */
function dayOfMail() {
  const now = Date.now()
  const history = new History()
  const hours = 24
  const { fraction: chance } = createRandom(1)
  for (let minute = 0; minute < hours * 60; minute++) {
    const time = now - (hours * 60 - minute) * 60_000
    const busy = 3 + 9 * Math.max(0, Math.sin(((new Date(time).getHours() - 6) / 14) * Math.PI))
    for (let n = chance() * busy; n > 0; n--) {
      const line = lineFor(chance(), 40 + 6 * busy + 200 * chance() ** 4).trimEnd()
      history.add(line, parseLogText(line, time).fields, time)
    }
  }
  return history.steps(now)
}

function lineFor(luck: number, took: number): string {
  const scanned: [string, string][] = [
    ['scanner', 'clamd'],
    ['scan_ms', took.toFixed(1)],
  ]
  if (luck < 0.06)
    return decisionLine({ decision: 'reject', more: [['scan', 'infected'], ...scanned] })
  if (luck < 0.08) return decisionLine({ decision: 'defer', more: [['scan', 'unknown']] })
  if (luck < 0.4) return decisionLine({ more: [['scan', 'trusted']] })
  return decisionLine({ more: [['scan', 'clean'], ...scanned] })
}
