import { join } from 'node:path'
import { parseLogText } from '../../../src/scanner/log/parsed-line.ts'
import { History } from '../../../src/scanner/observe/live/history.ts'
import { buildStage } from '../../cases/stage.ts'
import { becomePlain } from '../../programs/host/plain-account.ts'
import { type Ending, withEnding } from '../../programs/host/server.ts'
import { createRandom } from '../../run/random.ts'
import { serve } from '../daemon/http/rig.ts'
import { decisionLine } from '../log/lines.ts'
import { keepOne, makeQuarantine } from '../scan/quarantine/quarantined.ts'
import { openBrowser, openPage } from './browser.ts'

/**
 * `node test/scanner/observe/pictures.ts doc/pictures`: takes the pictures of doc/monitoring.md and doc/daily-work.md
 * again, of a day and of mail that are made up. A page names its host: `unshare --uts sh -c 'hostname mx1.example.org;
 * node …'`. Debian's pngquant makes them small.
 */

const TOKEN = 'a-token-of-ann-0123456789'
/** The decisions that the list shows. */
const MAILS = 14

const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('name a directory for the pictures')
becomePlain()

await withEnding(async (t) => {
  const browser = await openBrowser(t)
  const url = await servedPage(t)
  const { page } = await openPage(browser, url, { width: 1280, scheme: 'light' })
  await page.route('**/data.json', async (route) => {
    const answer = await route.fetch()
    await route.fulfill({ json: { ...(await answer.json()), steps: dayOfMail() } })
  })
  await page.reload()
  await page.waitForSelector('#health.good')
  await page
    .locator('#list li')
    .nth(MAILS - 1)
    .waitFor()
  await page.setViewportSize({ width: 1280, height: 900 })
  await page.screenshot({ path: join(directory, 'page-1280-light.png') })
  await page.context().close()
})

await withEnding(async (t) => {
  const browser = await openBrowser(t)
  const url = await servedQuarantine(t)
  const { page } = await openPage(browser, url, { width: 800, scheme: 'light' })
  await page.getByLabel('Your token').fill(TOKEN)
  await page.keyboard.press('Enter')
  await page.locator('#messages li').first().waitFor()
  await page.setViewportSize({ width: 800, height: 680 })
  await page.screenshot({ path: join(directory, 'quarantine.png') })
  await page.context().close()
})

/** The page of a quarantine with some mail. */
async function servedQuarantine(t: Ending): Promise<string> {
  const QUARANTINE = makeQuarantine(t)
  const tokens = buildStage(t).file('tokens', `ann ${TOKEN}\n`, 0o600)
  const now = Date.now()
  const mails = [
    ['virus', 'Win.Trojan.Agent-7412', 'billing@example.net', 'Invoice 2026-1128'],
    ['banned', 'attachment offer.exe', 'sales@example.com', 'Our offer'],
    ['virus', 'Doc.Dropper.Agent-1', 'ben@example.net', 'Minutes of the meeting'],
    [
      'encrypted',
      'Heuristics.Encrypted.Zip',
      'cleo@example.com',
      'The contract that you asked for',
    ],
    ['virus', 'Html.Phishing.Bank-12', 'service@example.net', 'Your account'],
  ] as const
  for (const [n, [grounds, found, sender, subject]] of mails.entries()) {
    const text = `From: ${sender}\nSubject: ${subject}\n\nHello\n`
    const recipients = n % 2 === 0 ? ['ann@example.org'] : ['ben@example.org', 'dora@example.org']
    await keepOne(QUARANTINE, now - n * 5_000_000, { grounds, found, sender, recipients, text, door: 'milter' }) // biome-ignore format: a line
  }
  const args = ['--http-quarantine', tokens]
  const served = await serve(t, { args, settings: { QUARANTINE } })
  return `http://127.0.0.1:${served.port}/quarantine`
}

/** The page of an onescand that has judged some mail. */
async function servedPage(t: Ending): Promise<string> {
  const served = await serve(t, { args: ['--workers', '2'], settings: { REJECTVIRUS: '1' } })
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
