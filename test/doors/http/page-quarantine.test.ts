import { chmodSync } from 'node:fs'
import t from 'tap'
import { KEPT_SHOWN, type KeptView } from '../../../src/doors/http/kept-view.ts'
import {
  openBrowser,
  openPage,
  overflow,
  seriousFaults,
  skipWithoutBrowser,
} from '../../observe/browser.ts'
import { keepOne, makeQuarantine } from '../../quarantine/kept.ts'
import { type Served, serve, until } from './rig.ts'

/** What the status page shows of the quarantine, which it can only look at. */

const evil = '<img src=x onerror=alert(1)>\u202e\x07@example.org'
const now = Date.now()

const serveKept = (QUARANTINE: string, args: readonly string[] = []) =>
  serve(t, { args, settings: { QUARANTINE } })
const viewOf = async ({ get }: Served) =>
  JSON.parse((await get('/quarantine.json')).text) as KeptView

t.test(
  'the page lists kept messages as text, on any screen',
  { skip: skipWithoutBrowser },
  async (t) => {
    const directory = makeQuarantine(t)
    const sender = Buffer.from(evil).toString('latin1')
    const id = await keepOne(directory, now - 2000, { sender, recipients: ['b@x', 'c@x', 'd@x'] })
    await keepOne(directory, now - 1000, {
      found: evil,
      sender: `${'long'.repeat(60)}@example.net`,
    })
    const served = await serveKept(directory)
    const browser = await openBrowser(t)
    const url = `http://127.0.0.1:${served.port}/`
    for (const [width, scheme] of [
      [360, 'light'],
      [1280, 'dark'],
    ] as const) {
      const { page, errors } = await openPage(browser, url, { width, scheme })
      await page.waitForSelector('#health.good')
      await page.locator('#kept li').nth(1).waitFor()
      const [second, first] = await page.locator('#kept li').allInnerTexts()
      t.match(first, /virus Test-Virus <<img src=x onerror=alert\(1\)>.* to <b@x> \+2/)
      t.match(second, '<img src=x')
      t.notMatch(`${first}${second}`, /\u202e|\x07/)
      t.equal(await page.locator('img').count(), 0)
      await page.locator('#kept summary').nth(1).press('Enter')
      const below = await page.locator('#kept pre >> visible=true').innerText()
      t.match(below, `onescan quarantine release ${id}`, 'by the keyboard')
      t.equal(await overflow(page), 0, `no horizontal scroll at ${width}`)
      t.same(await seriousFaults(page), [], `axe at ${width}, ${scheme}`)
      t.equal(await page.locator('#quarantine :is(button, a, form, input)').count(), 0)
      t.same(errors, [], 'no complaint')
      if (width === 1280) {
        await keepOne(directory, Date.now(), { grounds: 'banned' })
        await page.waitForSelector('#kept li >> nth=2')
        const again = page.locator('#kept pre >> visible=true')
        t.match(await again.innerText(), id, 'what was open is open')
        t.equal(await page.locator('#kept-count').innerText(), 'The newest 3.')
      }
      await page.context().close()
    }
  },
)

t.test(
  'the page gets as many of the newest messages as it shows, without long lists of recipients',
  async (t) => {
    const directory = makeQuarantine(t)
    const recipients = Array.from({ length: 20_000 }, (_, count) => `many${count}@example.org`)
    for (let count = 0; count < KEPT_SHOWN + 20; count++)
      await keepOne(directory, now - 60_000 + count)
    const last = await keepOne(directory, now, { recipients })
    const served = await serveKept(directory)
    const view = await until(
      () => viewOf(served),
      ({ all }) => all !== undefined,
    )
    t.equal(view.messages.length, KEPT_SHOWN)
    t.match(view.messages[0], {
      id: last,
      grounds: 'virus',
      found: /its record has more than 65536 bytes/,
    })
    t.notMatch(JSON.stringify(view), 'many0@')
    t.match(view.messages[1], { from: 'a@example.net', to: 'b@example.org', recipients: 1, door: 'slot' }) // biome-ignore format: a line
    t.equal(view.all?.messages, KEPT_SHOWN + 21)
  },
)

t.test('kept messages have no addresses if --http-hide-addresses is given', async (t) => {
  const directory = makeQuarantine(t)
  await keepOne(directory, now, { sender: 'secret@example.net', remote: '192.0.2.77' })
  const served = await serveKept(directory, ['--http-hide-addresses'])
  const text = (await served.get('/quarantine.json')).text
  t.notMatch(text, /secret|192\.0\.2|b@example/)
  t.match(JSON.parse(text).messages, [{ found: 'Test-Virus', from: '(hidden)', recipients: 1 }])
})

t.test(
  'the page says if there is no quarantine, if the MTA has it, or if it cannot be read',
  async (t) => {
    t.same(await viewOf(await serve(t)), { place: 'none', messages: [] })
    t.same(await viewOf(await serveKept('hold')), { place: 'hold', messages: [] })
    const directory = makeQuarantine(t)
    await keepOne(directory, now)
    const served = await serveKept(directory)
    chmodSync(directory, 0o755)
    t.match(await viewOf(served), { messages: [], trouble: /mode 0755 lets others in; chmod 700/ })
    chmodSync(directory, 0o700)
    const healed = await until(
      () => viewOf(served),
      ({ messages }) => messages.length > 0,
    )
    t.notOk('trouble' in healed)
    t.match(await served.get('/readyz'), { status: 200 })
  },
)
