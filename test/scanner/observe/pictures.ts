import { join } from 'node:path'
import { parseLogText } from '../../../src/scanner/log/parsed-line.ts'
import { History } from '../../../src/scanner/observe/live/history.ts'
import { type Ending, withEnding } from '../../programs/host/server.ts'
import { createRandom } from '../../run/random.ts'
import { serve } from '../daemon/http/rig.ts'
import { told } from '../log/lines.ts'
import { openBrowser, openPage } from './browser.ts'

/**
 * `node test/scanner/observe/pictures.ts doc/pictures`: takes the pictures of doc/monitoring.md again, of a
 * day that is made up. The page names its host: `unshare --uts sh -c 'hostname mx1.example.org;
 * node …'`. Debian's pngquant makes them small.
 */

/** The decisions that the list shows. */
const MAILS = 14

const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('name a directory for the pictures')

await withEnding(async (t) => {
  const browser = await openBrowser(t)
  const url = await servedPage(t)
  for (const width of [360, 1280]) {
    for (const scheme of ['light', 'dark'] as const) {
      const { page } = await openPage(browser, url, { width, scheme })
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
      await page.setViewportSize({ width, height: width === 360 ? 780 : 900 })
      await page.screenshot({ path: join(directory, `page-${width}-${scheme}.png`) })
      await page.context().close()
    }
  }
})

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
  if (luck < 0.06) return told({ decision: 'reject', more: [['scan', 'infected'], ...scanned] })
  if (luck < 0.08) return told({ decision: 'defer', more: [['scan', 'unknown']] })
  if (luck < 0.4) return told({ more: [['scan', 'trusted']] })
  return told({ more: [['scan', 'clean'], ...scanned] })
}
