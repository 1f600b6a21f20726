import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createHistory } from '../../src/observe/live/history.ts'
import { createLineViewer } from '../../src/observe/live/line-view.ts'
import { onescan } from '../cli/onescan.ts'
import { serve } from '../doors/http/rig.ts'
import { openBrowser, openPage } from './browser.ts'
import { told } from './log/lines.ts'
import { madeLog } from './report/log.ts'

/**
 * `node test/observe/pictures.ts doc/pictures`: takes the pictures of doc/monitoring.md anew, of a
 * day that is made up. The page names its host: `unshare --uts sh -c 'hostname mx1.example.org;
 * node …'`. Debian's pngquant makes them small.
 */

const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('name a directory for the pictures')

const ends: (() => unknown)[] = []
const host = { teardown: (end: () => unknown) => void ends.push(end) }
const made = mkdtempSync(join(tmpdir(), 'onescan-pictures-'))
host.teardown(() => rmSync(made, { recursive: true }))
try {
  const report = join(made, 'report.html')
  await onescan(['report', '--html', report], { input: madeLog(6000) })
  const browser = await openBrowser(host)
  const places = { page: await servedPage(), report: pathToFileURL(report).href }
  for (const [name, url] of Object.entries(places)) {
    for (const width of [360, 1280]) {
      for (const scheme of ['light', 'dark'] as const) {
        const { page } = await openPage(browser, url, { width, scheme })
        if (name === 'page') await page.waitForSelector('#health.good')
        await page.setViewportSize({ width, height: width === 360 ? 780 : 900 })
        await page.screenshot({ path: join(directory, `${name}-${width}-${scheme}.png`) })
        await page.context().close()
      }
    }
  }
} finally {
  for (const end of ends.reverse()) await end()
}

/** An onescand that has the figures of a day and some mail. */
async function servedPage(): Promise<string> {
  writeFileSync(join(made, 'history'), `${JSON.stringify({ version: 1, steps: dayOfMail() })}\n`)
  const served = await serve(host, { args: ['--workers', '2', '--state', made] })
  const people = ['ann', 'ben', 'cleo', 'dora', 'emil', 'fred', 'gina']
  for (let n = 0; n < 14; n++) {
    const from = `${people[n % 7]}@example.net`
    const to = `${people[(n * 3 + 2) % 7]}@example.org`
    await served.send({ from, to, id: `<${n}@example.net>`, eicar: n % 5 === 1 })
  }
  return `http://127.0.0.1:${served.port}/`
}

/** Mail as it comes: more by day than by night, some of it infected, some not to be scanned. */
function dayOfMail() {
  const now = Date.now()
  const history = createHistory()
  const viewer = createLineViewer()
  const hours = 24
  let seed = 1
  const chance = () => {
    seed = (seed * 16_807) % 2_147_483_647
    return seed / 2_147_483_647
  }
  for (let minute = 0; minute < hours * 60; minute++) {
    const time = now - (hours * 60 - minute) * 60_000
    const busy = 3 + 9 * Math.max(0, Math.sin(((new Date(time).getHours() - 6) / 14) * Math.PI))
    for (let n = chance() * busy; n > 0; n--) {
      const line = lineFor(chance(), 40 + 6 * busy + 200 * chance() ** 4).trimEnd()
      history.add(line, viewer(line), time)
    }
  }
  return history.saved(now)
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
