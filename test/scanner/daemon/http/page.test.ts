import { chmodSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { makeEnvelope } from '../../../../src/mail/message/envelope.ts'
import { showDecision } from '../../../../src/scanner/daemon/http/snapshot.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { causesInWords } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { isWhole } from '../../../run/is-whole.ts'
import {
  openBrowser,
  openPage,
  overflow,
  seriousFaults,
  skipWithoutBrowser,
} from '../../observe/browser.ts'
import { newest } from '../process.ts'
import { serve } from './rig.ts'

/** The status page of onescand --http, in a real browser, which all tests share. */

const browser = skipWithoutBrowser ? undefined! : await openBrowser(t)

const evil = '<img src=x onerror=alert(1)>\u202e\x07@example.org'
const latin1 = Buffer.from(evil).toString('latin1')

/** Colours do not depend on the width, nor places on the colours. */
const screens = [
  [360, 'light'],
  [1280, 'dark'],
] as const

t.test('the page shows decisions live, on any screen', { skip: skipWithoutBrowser }, async (t) => {
  const served = await serve(t, { args: ['--workers', '2'] })
  for (let n = 0; n < 12; n++) {
    await served.send({ from: `from${n}@example.org`, id: `<${n}@x>`, eicar: n % 4 === 0 })
  }
  let decisions = 12
  const url = `http://127.0.0.1:${served.port}/`
  for (const [width, scheme] of screens) {
    const { page, errors } = await openPage(browser, url, { width, scheme })
    // A worker may report its last message a moment later than the client has its answer.
    await page
      .locator('#list li')
      .nth(decisions - 1)
      .waitFor()
    await page.waitForSelector('#health.good')
    t.equal(await page.locator('.plot canvas').count(), 3, 'plots are drawn')
    t.equal(await page.title(), `onescand on ${hostname()}`)
    t.match(await page.locator('#about').innerText(), /^onescan \d.*\nqmail unix:.*: scans with/s)
    const box = async (id: string) => (await page.locator(id).boundingBox())!
    const [list, plot] = [await box('#decisions'), await box('#messages')]
    const clamds = await box('#clamds')
    t.equal(list.x > plot.x + plot.width, width > 360, 'beside the plots, if there is room')
    if (width === 360) t.ok(plot.y < clamds.y && clamds.y < list.y, 'plots and clamd come before the list') // biome-ignore format: a line
    t.notMatch(await page.locator('#health').innerText(), /\dZ/, 'one clock')
    t.match(
      await page.locator('#tiles').innerText(),
      /^Messages[\s\S]*Kept out\s+0\s+0 refused, 0 quarantined/,
    )
    const from = `live${width}${scheme}@example.org`
    await served.send({ from })
    await page.waitForSelector(`#list li:has-text("${from}")`)
    decisions += 1
    t.equal(await page.locator('#list li').count(), decisions, 'a live update')
    t.equal(await overflow(page), 0, `no horizontal scroll at ${width}`)
    t.same(await seriousFaults(page), [], `axe at ${width}, ${scheme}`)
    t.same(errors, [], 'no complaint')
    await page.context().close()
  }
})

/** What the compiled one, which the other tests have, may do otherwise. */
async function showsMailOnNode(t: Test): Promise<void> {
  const served = await serve(t, { program: newest, args: ['--workers', '2'] })
  await served.send({ from: 'ann@example.org', eicar: true })
  const { page, errors } = await openPage(browser, `http://127.0.0.1:${served.port}/`)
  await page.waitForSelector('#list li:has-text("ann@example.org")')
  await page.waitForSelector('#health.good')
  t.equal(await page.locator('.plot canvas').count(), 3, 'plots are drawn')
  await served.send({ from: 'ben@example.org' })
  await page.waitForSelector('#list li:has-text("ben@example.org")')
  t.equal(await page.locator('#list li').count(), 2, 'a live update')
  t.same(errors, [], 'no complaint')
  await page.context().close()
}

if (isWhole)
  t.test('onescand on Node serves the page, too', { skip: skipWithoutBrowser }, showsMailOnNode)

t.test(
  'the page shows the command to release a kept message',
  { skip: skipWithoutBrowser },
  async (t) => {
    const QUARANTINE = openDirectory(t)
    chmodSync(QUARANTINE, 0o700)
    const settings = { QHPSI: 'plugin: eicar', QUARANTINE }
    const served = await serve(t, { settings })
    const message = Buffer.from(`Subject: x\n\n${EICAR}\n`)
    const envelope = makeEnvelope(Buffer.from('a@b.c'), [Buffer.from('d@e.f')]).wire
    await served.ask({ envelope, message, variables: settings })
    const { page, errors } = await openPage(browser, `http://127.0.0.1:${served.port}/`)
    await page.waitForSelector('#list li >> nth=0')
    await page.locator('#list summary').first().click()
    const [text = '', ...typed] = await page.locator('#list pre >> visible=true').allInnerTexts()
    const [, kept = ''] = / kept=(\S+)/.exec(text) ?? []
    t.match(kept, /^\d/)
    t.same(typed, [`onescan quarantine show ${kept}`, `onescan quarantine release ${kept}`])
    t.match(await page.locator('#tiles').innerText(), /Messages since \d\d:\d\d/)
    t.match(await page.locator('#messages-title').innerText(), /^Messages since \d\d:\d\d$/)
    t.same(errors, [])
    await page.context().close()
  },
)

t.test(
  'the page has a filter, can be used by keyboard, and shows whole log lines',
  { skip: skipWithoutBrowser },
  async (t) => {
    const served = await serve(t)
    await served.send({ from: 'ann@example.org', id: '<needle@x>' })
    await served.send({ from: 'ben@example.org', to: 'carl@example.net', eicar: true })
    const { page, errors } = await openPage(browser, `http://127.0.0.1:${served.port}/`)
    await page.waitForSelector('#list li >> nth=1')
    const shown = () => page.locator('#list li').count()
    const type = async (words: string) => {
      await page.fill('#filter', words)
      return shown()
    }
    t.equal(await type('ann@'), 1, 'by sender')
    t.equal(await type('CARL@'), 1, 'by recipient')
    t.equal(await type('needle'), 1, 'by message-id')
    t.equal(await type('eicar infected'), 1, 'by virus')
    t.equal(await type('nobody'), 0)
    t.equal(await page.locator('#count').innerText(), '0 of 2')
    t.equal(await type(''), 2)
    await page.focus('#filter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    t.match(await page.locator('#list pre >> visible=true').innerText(), /^onescan: decision=/)
    t.same(errors, [])
    await page.context().close()
  },
)

t.test(
  'plots begin with the first mail, equal figures are distinguished, and reasons to wait are shown',
  { skip: skipWithoutBrowser },
  async (t) => {
    const served = await serve(t)
    const { page, errors } = await openPage(browser, `http://127.0.0.1:${served.port}/`)
    await page.locator('#health', { hasText: /^Scanning/ }).waitFor() // after the first self-test
    const line = (decision: string, more = '') => `onescan: decision=${decision} ${more}`
    const lines = [line('defer', 'scan=unknown cause=unreachable from=<ann@example.org>')]
    const now = Date.now()
    const start = now - (now % 300_000) - 600_000
    await page.route('**/data.json', async (route) => {
      const step = { start, decisions: { accept: 4, reject: 4 }, scans: {}, p50: 5, p95: 5 }
      const decided = lines.map((line) => showDecision({ number: 1, time: now, line }, false))
      const amiss = ['a scanner is missing']
      const json = { ...(await (await route.fetch()).json()), steps: [step], decided, amiss }
      await route.fulfill({ json })
    })
    await page.route('**/events', () => {}) // what follows is not shown
    await page.reload()
    await page.locator('#health.bad', { hasText: /^Scanning, with problems: / }).waitFor()
    t.match(await page.locator('#health').innerText(), /^Scanning, with problems: /)
    const legend = await page.locator('#times .u-legend').innerText()
    t.match(legend, /median[\s\S]*95th percentile/)
    const middle = await middleOfBar(page)
    t.ok(Math.abs(middle - 1 / 6) < 0.02, `the bar of the first of three steps is at ${middle}`)
    const text = (await page.locator('#list li').innerText()).replace(/\s+/g, ' ')
    t.match(text, `defer ${causesInWords.unreachable} <ann@example.org>`)
    const marks = await coloursIn(page, '#messages canvas')
    const [accepted = 0, refused = 0] = [marks.accept, marks.reject]
    t.ok(refused > 500, 'refused mail is a bar')
    t.ok(Math.abs(accepted / refused - 1) < 0.2, `${accepted} and ${refused} pixels`)
    const times = await coloursIn(page, '#times canvas')
    t.ok(times.accept! > 0 && times.defer! > 0, 'both lines are seen')
    t.same(errors, [])
    await page.context().close()
  },
)

/** Where the middle of the bars of accepted messages is in their plot, from 0 to 1. */
function middleOfBar(page: Page): Promise<number> {
  return page.evaluate(`(() => {
    const canvas = document.querySelector('#messages canvas')
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d')
    copy.drawImage(canvas, 0, 0)
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height)
    const style = getComputedStyle(document.documentElement)
    const wanted = parseInt(style.getPropertyValue('--accept').trim().slice(1), 16)
    let [sum, found] = [0, 0]
    for (let at = 0; at < data.length; at += 4) {
      if ((data[at] << 16 | data[at + 1] << 8 | data[at + 2]) !== wanted) continue
      sum += (at / 4) % canvas.width
      found++
    }
    const place = canvas.getBoundingClientRect()
    const plot = document.querySelector('#messages .u-over').getBoundingClientRect()
    const x = place.left + (sum / found) * (place.width / canvas.width)
    return (x - plot.left) / plot.width
  })()`)
}

/** The number of pixels of a canvas in the colour of each decision. */
function coloursIn(page: Page, selector: string): Promise<Record<string, number>> {
  return page.evaluate(`(() => {
    const canvas = document.querySelector(${JSON.stringify(selector)})
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    const style = getComputedStyle(document.documentElement)
    const count = (name) => {
      const wanted = parseInt(style.getPropertyValue('--' + name).trim().slice(1), 16)
      let found = 0
      for (let at = 0; at < data.length; at += 4) {
        if ((data[at] << 16 | data[at + 1] << 8 | data[at + 2]) === wanted) found++
      }
      return found
    }
    return Object.fromEntries(['accept', 'reject', 'defer'].map((name) => [name, count(name)]))
  })()`)
}

// promise: page-text
t.test(
  'the page shows as text what strangers have written',
  { skip: skipWithoutBrowser },
  async (t) => {
    const served = await serve(t)
    await served.send({ from: latin1, id: latin1 })
    const { page, errors } = await openPage(browser, `http://127.0.0.1:${served.port}/`)
    await page.waitForSelector('#list li')
    const text = await page.locator('#list').innerText()
    t.match(text, '<img src=x onerror=alert(1)>')
    t.notMatch(text, /\u202e|\x07/)
    t.equal(await page.locator('img').count(), 0)
    t.same(errors, [])
    await page.context().close()
  },
)

t.test('the page with 200 decisions comes in 150 KB', async (t) => {
  const served = await serve(t)
  for (let n = 0; n < 200; n++) await served.send({ id: `<${n}@x>` })
  let bytes = 0
  for (const path of ['/', '/page.css', '/page.js', '/data.json']) {
    const { headers, status } = await served.get(path, { 'Accept-Encoding': 'gzip' })
    t.equal(status, 200, path)
    bytes += Number(headers['content-length'])
  }
  t.ok(bytes < 150_000, `${bytes} bytes`)
})

t.test(
  'the page shows a clamd that does not report its limits, as long as that is so',
  { skip: skipWithoutBrowser || clamdMissing },
  async (t) => {
    const clamd = await startClamd(t)
    const served = await serve(t, { settings: { QHPSI: 'plugin: clamd', CLAMD: clamd.socket } })
    const { page, errors } = await openPage(browser, `http://127.0.0.1:${served.port}/`, {
      width: 360,
    })
    const line = page.locator('#amiss li')
    await line.waitFor()
    t.match(
      await line.innerText(),
      /AlertExceedsMax: is off: .*; set "AlertExceedsMax yes" in its clamd\.conf, and restart clamd$/,
    )
    t.equal(await overflow(page), 0)
    t.same(errors, [])
    await page.context().close()
  },
)
