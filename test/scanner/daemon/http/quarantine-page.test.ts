import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { shortNumber } from '../../../../src/base/text/short-number.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { buildStage } from '../../../cases/stage.ts'
import { until } from '../../../run/until.ts'
import { openPage, overflow, screensToTry, seriousFaults } from '../../observe/browser.ts'
import { fileOf, keepOne } from '../../scan/quarantine/quarantined.ts'
import {
  addressOf,
  answered,
  asked,
  button,
  focused,
  heard,
  isInView,
  keepMany,
  listen,
  openFirst,
  said,
  selected,
  signIn,
  startBrowser,
  titled,
} from './quarantine-browser.ts'
import { serveApi, TOKEN } from './quarantine-rig.ts'

/** The page of the quarantine, in a real browser, which all tests share. */

const { browser, skip, open } = await startBrowser(t)
const evil = '<img src=x onerror=alert(1)>\u202e'
const latin1 = Buffer.from(evil).toString('latin1')

t.test('the page lists, searches and shows 10,000 messages, on any screen', skip, async (t) => {
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
  const screens = [[360, 'light'], [1280, 'dark']] as const // biome-ignore format: a line
  for (const [width, scheme] of screensToTry(screens)) {
    const { page, errors } = await open(api, { width, scheme })
    await titled(page, 'The newest 100 of 10,000 messages')
    t.equal(await page.locator('.messages li').count(), 100)
    await button(page, 'Show more').click()
    await titled(page, 'The newest 200 of 10,000 messages')
    await said(page, 'The newest 200 of 10,000 messages')
    if (width < 640) await page.locator('.search summary').click()
    await page.getByLabel('Search:').fill('NEEDLE')
    await page.keyboard.press('Enter')
    await titled(page, '1 message')
    const link = page.locator('.messages a')
    t.match(await link.innerText(), '<img src=x onerror=alert(1)>\\u202e', 'text, and no markup')
    await link.focus()
    await page.keyboard.press('Enter')
    await page.locator('#message-title:focus').waitFor()
    await page.getByText('Details').click()
    t.match(await page.locator('#message pre').first().innerText(), /^Subject: <img src=x.*\\u202e\nFrom: a@b\.c/) // biome-ignore format: a line
    await button(page, 'Scan again, and list the parts').click()
    await answered(page, /attached or encoded|part/)
    t.equal(await overflow(page), 0, `no horizontal scroll at ${width}`)
    t.same(await seriousFaults(page), [], `axe at ${width}, ${scheme}, a message`)
    await page.getByRole('link', { name: 'Back to the list' }).click()
    await page.locator('.messages a:focus').waitFor()
    t.same(errors, [], 'no complaint')
    await page.context().close()
  }
})

t.test('a message is released and deleted after a question, by keyboard', skip, async (t) => {
  const api = await serveApi(t)
  const recipients = ['b@example.org', 'c@example.org']
  await keepMany(api, 3, { recipients })
  const { page, errors } = await openPage(browser, addressOf(api))
  await signIn(page, 'a-wrong-token-0123456789')
  await answered(page, 'This token is not valid.')
  await signIn(page)
  await titled(page, '3 messages')
  const press = async (name: string | RegExp) => {
    await button(page, name).focus()
    await page.keyboard.press('Enter')
  }
  await openFirst(page)
  t.equal(await page.title(), 'number 0 – Quarantine')
  const about = String(await page.locator('#message-title').getAttribute('aria-describedby'))
  t.same(
    await Promise.all(about.split(' ').map((id) => page.locator(`#${id}`).innerText())),
    ['Ann <a0@example.net>', 'Virus: Test-Virus'],
    'read with the title',
  )
  await page.getByRole('checkbox', { name: 'b@example.org' }).uncheck()
  await press('Release to c@example.org')
  await asked(page, 'Release “number 0” from Ann <a0@example.net> to c@example.org? Found in it: Test-Virus (virus). Opening it may do harm.') // biome-ignore format: a line
  t.equal(await page.locator('#ask .first').innerText(), 'Cancel', 'the safe answer stands out')
  t.same(await seriousFaults(page), [], 'axe, the question')
  await page.keyboard.press('Escape')
  await focused(page, 'Release to c@example.org')
  t.equal(api.next.got.length, 0)
  await press('Release to c@example.org')
  await page.keyboard.press('Enter') // Cancel has the focus
  t.equal(api.next.got.length, 0)
  await press('Release to c@example.org')
  await press('Release')
  await answered(page, 'Released to c@example.org. 1 recipient does not have it, so it stays in the list.') // biome-ignore format: a line
  await focused(page, 'Release to… (choose recipients)')
  t.same(api.next.got[0]?.recipients, ['c@example.org'])
  await page.locator('#message dl', { hasText: ' by ann, to c@example.org' }).first().waitFor()
  await titled(page, '3 messages')
  await page.locator('.messages li', { hasText: 'number 0' }).filter({ hasText: '1 of 2 released' }).waitFor() // biome-ignore format: a line
  const box = page.getByRole('checkbox', { name: /^c@example\.org got it .* \(ann\)$/ })
  t.notOk(await box.isChecked())
  await box.check()
  await press('Release to c@example.org')
  await page.locator('#asked', { hasText: /c@example\.org got it on .*, from ann, and would get it twice\./ }).waitFor() // biome-ignore format: a line
  await page.keyboard.press('Escape')
  t.equal(await button(page, 'Previous message').count(), 0, 'this is the first')
  await button(page, 'Next message').press('Enter')
  await page.locator('#message-title', { hasText: 'number 1' }).waitFor()
  await button(page, 'Previous message').press('Enter')
  await page.locator('#message-title:focus', { hasText: 'number 0' }).waitFor()
  await button(page, 'Next message').press('Enter')
  await page.locator('#message-title:focus', { hasText: 'number 1' }).waitFor()
  await press('Delete')
  await asked(
    page,
    'Delete “number 1” from Ann <a1@example.net> to b@example.org and 1 more? No recipient has received it. The message cannot be restored.',
  )
  await page.locator('#yes').press('Enter')
  await answered(page, '“number 1” was deleted.')
  await page.locator('#next:focus').waitFor()
  await page.keyboard.press('Enter')
  await page.locator('#message-title', { hasText: 'number 2' }).waitFor()
  t.equal((await api.call('GET', 'messages')).json.messages.length, 2)
  t.same(errors.filter((error) => !/401/.test(error)), [], 'no complaint') // biome-ignore format: a line
  t.same(await page.context().cookies(), [], 'no cookie')
  await page.context().close()
})

t.test('200 messages are deleted with fewer than 10 keys', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 200)
  const { page } = await open(api)
  await page.locator('#list-title:focus', { hasText: 'The newest 100 of 200 messages' }).waitFor()
  let keys = 0
  const press = (key: string) => {
    keys++
    return page.keyboard.press(key)
  }
  const tabTo = async (name: string | RegExp) => {
    for (let n = 0; n < 10; n++) {
      await press('Tab')
      if (await button(page, name).evaluateAll(([at]) => at === at?.ownerDocument.activeElement)) return // biome-ignore format: a line
    }
  }
  await tabTo('Select all 200')
  await press('Enter')
  await selected(page, '200 selected')
  await page.locator('#select-shown:focus').waitFor()
  await tabTo('Delete 200 selected')
  await press('Enter')
  await asked(page, 'Delete 200 messages? They cannot be restored.')
  await listen(page)
  await page.route('**/messages?*', (route) =>
    page.waitForTimeout(400).then(() => route.continue()),
  )
  t.match(await page.locator('#ask').innerText(), /Virus: 200\n200 like “number 0” from Ann <a0@example\.net>\n[\s\S]*Delete 200 messages$/) // biome-ignore format: a line
  await press('Tab')
  await press('Enter')
  await answered(page, '200 messages deleted.')
  t.ok(keys < 10, `${keys} keys`)
  await said(page, '200 messages deleted.')
  const title = 'There is no message in quarantine'
  t.same((await heard(page)).slice(-2), [title, '200 messages deleted.'], 'no focus drops it')
  t.equal((await api.call('GET', 'messages')).json.messages.length, 0)
  await page.context().close()
})

t.test(
  'several are released, the list stays, and those that could not be say why',
  skip,
  async (t) => {
    const api = await serveApi(t)
    const ids = await keepMany(api, 60)
    const { page } = await open(api)
    const places = [40, 41, 42]
    for (const n of places)
      await page.getByRole('checkbox', { name: `Select number ${n},` }).check()
    await said(page, '3 messages selected')
    const back = page.getByRole('link', { name: 'Back to the buttons' })
    t.equal(await back.count(), 3, 'one in each of their rows')
    await back.nth(1).press('Enter')
    await focused(page, '60 messages')
    await page.locator('.messages li').nth(40).scrollIntoViewIfNeeded()
    const before = await page.evaluate('scrollY')
    await api.release(ids[41]!) // somebody else is faster
    await button(page, /^Release \d+ selected$/).click()
    await asked(page, 'Release 3 messages, each to its recipient? Opening them may do harm.')
    await page.locator('#yes').click()
    await answered(page, '2 messages released. 1 was released already, by another user.')
    t.equal(await page.locator('.answer.bad').count(), 0)
    t.equal(api.next.got.length, 3)
    await titled(page, '57 messages')
    t.ok(Math.abs(Number(await page.evaluate('scrollY')) - Number(before)) < 200, 'the same place')
    t.ok(await isInView(page, '.answer'), 'the answer is in view')
    await page.getByRole('checkbox', { name: 'Select number 3,' }).check()
    await button(page, /^Delete \d+ selected$/).click()
    await page.keyboard.press('Escape')
    await focused(page, 'Delete')
    await button(page, 'Select none').click()
    await focused(page, '57 messages')
    await page.context().close()
  },
)

t.test(
  'an answer stands in view where the action was, also with 40 recipients',
  skip,
  async (t) => {
    const api = await serveApi(t)
    const recipients = Array.from({ length: 40 }, (_, n) => `r${n}@example.org`)
    await keepMany(api, 1, { recipients })
    for (const width of screensToTry([390, 1280])) {
      api.next.script = (verb) => (verb === 'MAIL' ? '451 later' : undefined)
      const { page } = await open(api, { width })
      await openFirst(page)
      let keys = 0
      const press = (key: string) => {
        keys++
        return page.keyboard.press(key)
      }
      const tabTo = async (selector: string) => {
        do await press('Tab')
        while (keys < 50 && !(await page.locator(`${selector}:focus`).count()))
      }
      await tabTo('#message .skip')
      await press('Enter')
      await page.locator('#other:focus').waitFor()
      await tabTo('#message [type=submit]')
      t.ok(keys <= 10, `Release is ${keys} keys away, below 40 boxes`)
      await page.keyboard.press('Enter')
      await answered(page, 'Choose a recipient.')
      t.ok(await isInView(page, '.answer'), `in view at ${width}`)
      const group = page.locator('fieldset')
      t.equal(await page.locator(`#${await group.getAttribute('aria-describedby')}`).innerText(), 'Choose a recipient.') // biome-ignore format: a line
      const filter = page.getByLabel('Show recipients with any of')
      await filter.fill('r39@')
      await filter.press('Enter')
      await said(page, 'r39@example.org: 1 of 40 recipients chosen')
      t.equal(
        await page.locator('#ask[open]').count(),
        0,
        'Enter chooses the only one, and releases nothing',
      )
      t.equal(await filter.inputValue(), '', 'ready for the next name')
      await filter.fill('r12@')
      await said(page, /^1 of 40 recipients shown$/)
      await page.getByText('Also chosen: r39@example.org').waitFor()
      await button(page, 'Choose this one').click()
      await said(page, '2 of 40 recipients chosen')
      await page.locator('#filter:focus').waitFor()
      await filter.fill('2@')
      await filter.press('Enter')
      await answered(page, '“2@” may be 4 recipients: write more of the address, or choose all that are shown.') // biome-ignore format: a line
      await button(page, 'Do not choose these 4').click()
      await said(page, '1 of 40 recipients chosen')
      await filter.fill('r1, R2@example.org; nobody')
      await said(page, /^2 of 40 recipients shown$/)
      await filter.press('Enter')
      await answered(page, '“nobody” is not a recipient of this message.')
      await filter.fill('r1, R2@example.org')
      t.equal(await page.locator('.answer').count(), 0)
      await filter.press('Enter')
      await said(page, '3 of 40 recipients chosen')
      await filter.fill('"One, Ann" <r1@example.org>; Ben Two <R2@example.org>')
      await filter.press('Enter')
      await said(page, '3 of 40 recipients chosen')
      await filter.fill('nobody')
      await said(page, /^No recipient matches$/)
      await page.locator('fieldset', { hasText: 'No recipient matches' }).waitFor()
      t.equal(await button(page, /hoose/).count(), 0)
      await filter.fill('')
      await button(page, 'Choose all 40').click()
      await said(page, '40 of 40 recipients chosen')
      t.equal(await page.locator('.answer').count(), 0)
      await button(page, 'Release to all 40 recipients').click()
      await asked(page, 'to all 40 recipients?')
      await page.locator('#yes').click()
      await answered(page, 'The mail server does not take the message now (451 later), so no recipient got it.') // biome-ignore format: a line
      t.ok(await isInView(page, '.answer'), `in view at ${width}`)
      await page.getByRole('checkbox', { name: 'r7@example.org' }).uncheck()
      await button(page, 'Release to 39 of 40 recipients').click()
      await asked(page, 'to 39 of its 40 recipients?')
      t.equal(await page.locator('#asked').innerText(), 'all but r7@example.org')
      api.next.script = (verb, line) => (verb === 'RCPT' && line.includes('r8@') ? '550 no' : undefined) // biome-ignore format: a line
      await page.locator('#yes').click()
      await answered(page, 'Clear the box of r8@example.org, and release again.')
      t.ok(await isInView(page, '.answer'), `in view at ${width}`)
      await button(page, 'Clear the box of r8@example.org').press('Enter')
      await said(page, '38 of 40 recipients chosen')
      await focused(page, 'Release to 38 of 40 recipients')
      const other = page.getByLabel('Or one address only')
      for (const wrong of [
        'two@example.org, three@example.org',
        'a@b@example.org',
        'ann smith@example.org',
      ]) {
        // biome-ignore format: a line
        await other.fill('')
        await other.pressSequentially(wrong)
        t.equal(await other.inputValue(), wrong, 'as it was typed')
        await page.keyboard.press('Enter')
        await answered(page, `${wrong}: write one address`)
        await page.locator('#other:focus[aria-invalid=true]').waitFor()
      }
      t.match(await other.getAttribute('aria-describedby'), 'answer-address only-this')
      await page.locator('#only-this', { hasText: 'the boxes are not used' }).waitFor()
      await other.fill('"a@b"@example.org ')
      await button(page, 'Release to "a@b"@example.org').click()
      await asked(page, 'to "a@b"@example.org?')
      await page.keyboard.press('Escape')
      await other.fill('two@example.org, three@example.org')
      await other.press('Enter')
      await answered(page, 'write one address')
      t.match(await page.locator('#answer-address').innerText(), 'write one address') // biome-ignore format: a line
      await other.fill('müller@example.org')
      await page.locator('#other[aria-invalid=false]').waitFor()
      t.equal(await page.locator('.answer').count(), 0)
      await page.context().close()
    }
  },
)

t.test('a release that was partly done goes on when the message is opened', skip, async (t) => {
  const api = await serveApi(t)
  const recipients = Array.from({ length: 40 }, (_, n) => `r${n}@example.org`)
  await keepMany(api, 1, { recipients: [...recipients, 'r0@example.org'] })
  let refusals = 2
  api.next.script = (verb, line) =>
    verb === 'RCPT' && line.includes('r35@') && refusals-- > 0 ? '451 later' : undefined
  const { page } = await open(api)
  await page.getByRole('checkbox', { name: 'Select number 0,' }).check()
  const releaseAll = async () => {
    await button(page, /^Release \d+ selected$/).click()
    await asked(page, 'Release 1 message')
    t.match(await page.locator('#asked').innerText(), 'to r0@example.org and 40 more')
    await page.locator('#yes').click()
  }
  await releaseAll()
  await answered(page, 'for some recipients only. 8 recipients remain. Open the message to release it again.') // biome-ignore format: a line
  await page.locator('.messages', { hasText: '33 of 41 released' }).waitFor()
  await button(page, /^Release \d+ selected$/).click()
  await asked(page, 'Release 1 message to the 8 recipients who lack it?')
  await page.keyboard.press('Escape')
  await button(page, /^Delete \d+ selected$/).click()
  await page.locator('#asked', { hasText: '40 more (33 of 41 released)' }).waitFor()
  await page.keyboard.press('Escape')
  await openFirst(page)
  const release = async (words: string) => {
    await button(page, 'Choose all 40').click()
    await button(page, 'Release to 8 of 40 recipients').click()
    await page.locator('#yes').click()
    await answered(page, words)
  }
  await release('8 recipients remain. The mail server replied: 451 later')
  await page.reload()
  await release('Released to 8 of its 40 recipients. It is among the released ones now.') // biome-ignore format: a line
  t.same(api.next.got.flatMap((got) => got.recipients).sort(), [...recipients].sort(), 'each once')
  await page.locator('#message summary', { hasText: 'by ann, to r32@example.org and 7 more' }).click() // biome-ignore format: a line
  await page.locator('#message dd li', { hasText: 'r35@example.org' }).waitFor()
  t.equal(await page.locator('#message dd details[open] li').count(), 8)
  t.match(await page.locator('#message dl').first().innerText(), /Kept\s.*, until \d/, 'also of a released one') // biome-ignore format: a line
  const other = page.getByLabel('Or one address only')
  await other.fill('eve@example.net')
  await button(page, 'Release to eve@example.net').click()
  await asked(page, 'eve@example.net is not a recipient of this message, and outside example.org. Only eve@example.net gets it.') // biome-ignore format: a line
  await page.keyboard.press('Escape')
  await other.fill('R1@example.org')
  await button(page, 'Release to R1@example.org').click()
  t.match(await page.locator('#asked').innerText(), /^R1@example\.org got it .* twice\.$/)
  t.notMatch(await page.locator('#question').innerText(), 'not a recipient')
  await page.context().close()
})

t.test('of many recipients, those who were searched for are selected', skip, async (t) => {
  const api = await serveApi(t)
  const recipients = Array.from({ length: 40 }, (_, n) => `user${n}@example.org`)
  await keepMany(api, 1, { recipients })
  const { page } = await open(api)
  await page.getByLabel('Search:').fill('user17')
  await page.keyboard.press('Enter')
  await page.locator('.messages', { hasText: 'to user17@example.org and 39 more' }).waitFor()
  await openFirst(page)
  await button(page, 'Release to user17@example.org').waitFor()
  await page.getByLabel('Show recipients with').fill('USER3')
  t.equal(await page.locator('.recipients input').count(), 1, 'a whole name is one recipient')
  await page.getByLabel('Show recipients with').fill('SER3')
  t.equal(await page.locator('.recipients input').count(), 11)
  await page.getByLabel('Search:').fill('')
  await page.getByLabel('Search:').press('Enter')
  await page.getByRole('link', { name: 'Back to the list' }).click()
  await openFirst(page)
  await button(page, 'Release to… (choose recipients)').waitFor()
  await page.context().close()
})

t.test('what has the focus keeps it while something is under way', skip, async (t) => {
  const api = await serveApi(t)
  const [first = '', second = ''] = await keepMany(api, 3)
  const { page } = await openPage(browser, `${addressOf(api)}?message=${second}`)
  /** Holds back the answers to such requests, and returns what lets them through. */
  const hold = async (path: string) => {
    let go = () => {}
    const held = new Promise<void>((resolve) => {
      go = resolve
    })
    await page.route(path, (route) => held.then(() => route.continue()))
    return () => go()
  }
  // From the link of a digest: what is read is the message, once it is there.
  await listen(page)
  const open = await hold(`**/messages/${second}`)
  await signIn(page)
  await titled(page, '3 messages')
  await page.locator('#message:focus').waitFor()
  await said(page, 'Opening…')
  open()
  await page.locator('#message-title:focus', { hasText: 'number 1' }).waitFor()
  t.same(await heard(page), ['Message', 'Opening…', 'number 1'])
  // A second press of what is under way does nothing, and the focus stays.
  const release = await hold('**/release')
  await button(page, 'Release to b@example.org').click()
  await page.locator('#yes').press('Enter')
  await answered(page, 'The message is being released.')
  await focused(page, 'Release to b@example.org')
  await page.keyboard.press('Enter')
  await page.locator('[type=submit]:focus[aria-disabled=true]').waitFor()
  t.equal(await page.locator('#ask[open]').count(), 0)
  release()
  await answered(page, 'Released to b@example.org.')
  await page.locator('#next-below:focus').waitFor()
  t.equal(api.next.got.length, 1)
  const refresh = await hold('**/messages?*')
  await button(page, 'Refresh').press('Enter')
  await page.locator('.state button:focus[aria-disabled=true]').waitFor()
  refresh()
  await page.locator('.state button:focus[aria-disabled=false]').waitFor()
  await page.goto(`${addressOf(api)}?message=${first}`)
  await page.locator('#next').press('Enter')
  await page.locator('#message-title:focus', { hasText: 'number 2' }).waitFor()
  const list = await hold('**/messages?*')
  await page.goto(addressOf(api))
  await page.locator('#list-title:focus', { hasText: 'Searching…' }).waitFor()
  list()
  await page.locator('#list-title:focus', { hasText: '2 messages' }).waitFor()
  await page.context().close()
})

t.test('each view has an address: reload, Back and a second tab work', skip, async (t) => {
  const api = await serveApi(t)
  const [id = ''] = await keepMany(api, 3)
  const { page } = await open(api)
  await page.getByLabel('Search:').fill('a0@example.net')
  await page.keyboard.press('Enter')
  await titled(page, '1 message')
  await openFirst(page)
  t.equal(page.url(), `${addressOf(api)}?search=a0%40example.net&message=${encodeURIComponent(id)}`)
  await page.reload()
  await page.locator('#message-title', { hasText: 'number 0' }).waitFor()
  await titled(page, '1 message')
  await page.goBack()
  await page.locator('#message').waitFor({ state: 'detached' })
  t.equal(await page.getByLabel('Search:').inputValue(), 'a0@example.net')
  await page.goBack()
  await titled(page, '3 messages')
  t.equal(await page.getByLabel('Search:').inputValue(), '')
  await page.goForward()
  await titled(page, '1 message')
  const other = await secondTab(page.context(), `${addressOf(api)}?message=${id}`)
  await other.locator('#message-title', { hasText: 'number 0' }).waitFor()
  await button(other, 'Sign out').click()
  await answered(page, 'You have signed out in another tab.')
  t.equal(await page.title(), 'Sign in – Quarantine')
  t.equal(await page.locator('.messages li').count(), 0)
  await signIn(other)
  await other.locator('#message-title', { hasText: 'number 0' }).waitFor()
  await page.context().close()
})

async function secondTab(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

t.test('the filters of kind, recipient, day and state narrow the list', skip, async (t) => {
  const api = await serveApi(t)
  const day = 86_400_000
  const now = Date.now()
  const keep = (age: number, more: object) => keepOne(api.directory, now - age * day, more)
  await keep(0, { grounds: 'banned', found: 'attachment x.exe', recipients: ['ann@example.org'] })
  await keep(3, { recipients: ['ben@example.org'] })
  await keep(6, { recipients: ['ann@example.org'] })
  const { page } = await open(api)
  const recipient = () => page.getByRole('textbox', { name: 'Recipient' })
  for (const n of [0, 1]) await page.locator('.messages input').nth(n).check()
  await page.getByLabel('Found').focus()
  await page.getByLabel('Found').selectOption('Virus')
  await titled(page, '2 messages')
  t.ok(await page.getByLabel('Found').evaluate((at) => at === at.ownerDocument.activeElement))
  await selected(page, '2 selected, 1 of them in another search')
  await button(page, /^Delete \d+ selected$/).click()
  t.match(
    await page.locator('#asked').innerText(),
    /^1 of them in another search\nBanned attachment: 1, Virus: 1\n/,
  )
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'Show all that wait' }).click()
  await titled(page, '3 messages')
  await selected(page, '2 selected')
  await page.getByLabel('Found').selectOption('Virus')
  await titled(page, '2 messages')
  await page.getByText('More filters').click()
  await recipient().fill('ann@')
  await recipient().press('Enter')
  await titled(page, '1 message')
  await recipient().fill('')
  await recipient().press('Enter')
  await titled(page, '2 messages')
  const dayText = (age: number) => new Date(now - age * day).toISOString().slice(0, 10)
  await page.getByLabel('First day').fill(dayText(4))
  await titled(page, '2 messages')
  await page.getByLabel('First day').press('Enter')
  await titled(page, '1 message')
  await page.getByLabel('Last day').fill(dayText(5))
  await button(page, 'Search').click()
  await page.locator('#answer-days', { hasText: 'The first day is after the last day.' }).waitFor()
  await page.locator('#first-day:focus[aria-invalid=true]').waitFor()
  await page.getByLabel('First day').fill(dayText(5))
  await page.locator('#answer-days').waitFor({ state: 'detached' })
  await button(page, 'Search').click()
  await titled(page, 'No message was found')
  await page.getByRole('link', { name: 'Show released messages, too' }).click()
  await page.locator('#list-title:focus').waitFor()
  t.equal(await page.getByLabel('Show').inputValue(), 'all')
  await page.getByText('Deleted messages cannot be listed').waitFor()
  await page.getByRole('link', { name: /^Search without the filters/ }).click()
  await titled(page, '3 messages')
  await page.context().close()
})

t.test(
  'what was typed stays until it is used, and is not lost with a sign-out',
  skip,
  async (t) => {
    const api = await serveApi(t)
    await keepMany(api, 3, { recipients: ['b@example.org', 'c@example.org'] })
    const { page } = await open(api)
    const search = page.getByLabel('Search:')
    await search.fill('<A1@example[.]net>')
    const box = page.getByRole('checkbox', { name: 'Select number 2,' })
    await box.check()
    t.equal(await search.inputValue(), '<A1@example[.]net>')
    await search.press('Enter')
    await titled(page, '1 message') // as copied from a digest
    const link = page.locator('.messages a')
    const described = String(await link.getAttribute('aria-describedby')).split(' ')
    const texts = described.map((id) => page.locator(`[id="${id}"]`).innerText())
    t.match(
      (await Promise.all(texts)).join(' '),
      /^Virus:\s+Test-Virus to b@example\.org and 1 more \w{3} \d/,
    )
    await openFirst(page)
    const other = page.getByLabel('Or one address only')
    await other.fill('<eve@example[.]org>')
    t.equal(await other.inputValue(), '<eve@example[.]org>', 'as it was typed')
    await button(page, 'Release to eve@example.org').waitFor()
    t.ok(await page.getByRole('checkbox', { name: 'b@example.org' }).isDisabled())
    await button(page, 'Sign out').click()
    await asked(page, 'Sign out? What you have typed or selected is lost.')
    await page.keyboard.press('Enter')
    await focused(page, 'Sign out')
    await other.fill('')
    t.notOk(await page.getByRole('checkbox', { name: 'b@example.org' }).isDisabled())
    await button(page, 'Select none').click()
    await button(page, 'Sign out').click()
    await answered(page, 'You have signed out.')
    await page.context().close()
  },
)

t.test(
  'what a skip link names is there, and no button is easier to press than another',
  skip,
  async (t) => {
    const api = await serveApi(t)
    await keepMany(api, 1)
    const harmless = { grounds: 'encrypted', text: 'Subject: a contract\n\nx\n' }
    const id = await keepOne(api.directory, Date.now() - 120_000, harmless)
    for (const width of [390, 1280]) {
      const { page } = await open(api, { width })
      await openFirst(page)
      t.equal(await page.locator('#message .first').count(), 0)
      const targets = (await page.evaluate(`[...document.querySelectorAll('.skip')]
      .filter((link) => link.checkVisibility())
      .map(({ hash }) => [hash, document.querySelector(hash).checkVisibility()])`)) as unknown
      const both = [['#list-title', true], ['#message-title', true]] // biome-ignore format: a line
      t.same(targets, width < 1024 ? both.slice(1) : both)
      await page.goto(`${addressOf(api)}?message=${id}`)
      await button(page, /^Release/).click()
      await asked(page, 'It could not be scanned as a whole, so a virus may be in it.')
      await page.context().close()
    }
  },
)

t.test(
  'somebody who may only look has no buttons, and one with a time is signed out',
  skip,
  async (t) => {
    const api = await serveApi(t)
    writeFileSync(api.tokens, `ann ${TOKEN} may=look stays=5m\n`)
    api.child.kill('SIGHUP')
    await keepMany(api, 2, { recipients: ['b@example.org', 'c@example.org'] })
    const { page } = await openPage(browser, 'about:blank')
    await page.clock.install()
    await page.goto(addressOf(api))
    await signIn(page)
    await titled(page, '2 messages')
    t.match(
      await page.locator('header').innerText(),
      'Signed in as ann. You may look, but not release or delete.',
    )
    t.equal(await page.getByRole('checkbox').count(), 0)
    await openFirst(page)
    for (const name of [/Release/, 'Delete', /exception/, 'Show the text', /Save/])
      t.equal(await button(page, name).count(), 0, String(name))
    await page.clock.fastForward('04:30')
    await page
      .locator('.ending', { hasText: /^You will be signed out in (30|29) seconds/ })
      .waitFor()
    await said(page, /^You will be signed out in .* Press a key to stay signed in\.$/)
    for (const use of [
      () => page.locator('.ending button', { hasText: 'Stay signed in' }).dispatchEvent('click'), // as a screen reader presses it
      () => page.keyboard.press('Shift'),
      () => page.locator('#list-title').evaluate((title) => title.focus()),
      () =>
        page.locator('#message').evaluate((section) => section.dispatchEvent(new Event('scroll'))),
    ]) {
      await page.locator('.ending').waitFor()
      await use()
      await page.locator('.ending').waitFor({ state: 'detached' })
      await page.clock.fastForward('04:30')
    }
    await page.getByLabel('Search:').fill('a request')
    await page.clock.fastForward('06:00')
    await answered(page, 'You were signed out, because the page was not used for a while. What you have typed or selected is lost.') // biome-ignore format: a line
    t.equal(await page.locator('.messages li').count(), 0)
    await page.reload()
    await page.getByLabel('Your token').waitFor()
    await page.context().close()
  },
)

t.test('a letter is read and saved, and an exception is made and taken back', skip, async (t) => {
  const CONTROLDIR = buildStage(t).rules('# ours\n')
  const api = await serveApi(t, { settings: { CONTROLDIR } })
  const rules = () => readFileSync(join(CONTROLDIR, 'onescan.policy'), 'utf8')
  writeFileSync(api.tokens, `ann ${TOKEN} may=read,download,allow\n`)
  api.child.kill('SIGHUP')
  const text = 'From: Ann <a@example.net>\nSubject: x\n\nDear <b>Ben</b> http://example.net/\n'
  const id = await keepOne(api.directory, Date.now(), { text })
  const rights = async () => (await api.call('GET', 'me')).json.may
  await until(rights, 'the new rights', (may) => may.includes('allow'))
  const { page } = await open(api)
  await openFirst(page)
  t.equal(await button(page, /Release|Delete/).count(), 0)
  await button(page, 'Show the text').click()
  await page.locator('.letter:focus', { hasText: 'Dear <b>Ben</b> http://example.net/' }).waitFor()
  await said(page, 'The text is shown.')
  t.equal(await page.locator('.letter *').count(), 0, 'no markup, no link')
  await button(page, /Save the message/).click()
  await asked(page, 'Opening it may do harm. Do not open the file on this computer.')
  const saved = page.waitForEvent('download')
  await page.locator('#yes').click()
  t.equal(readFileSync(await (await saved).path(), 'utf8'), text)
  t.equal((await saved).suggestedFilename(), `${id}.eml`)
  await answered(page, 'Saved with your downloads.')
  await button(page, 'Make an exception for mail from a@example.net to everybody…').click()
  await asked(
    page,
    'Make an exception? From now on, mail from a@example.net with Test-Virus is delivered to everybody. Anyone can forge this sender.',
  )
  t.equal(rules(), '# ours\n')
  await page.locator('#yes').click()
  await answered(page, 'The exception is made.')
  t.match(rules(), /^from=a@example\.net,signature=Test-Virus allow$/m)
  await focused(page, 'Undo the exception for mail from a@example.net to everybody')
  await page.reload()
  const own = 'to=b@example.org,signature=Test-Virus allow\n'
  writeFileSync(join(CONTROLDIR, 'onescan.policy'), rules() + own)
  await button(page, 'Make an exception for mail from anybody to b@example.org…').click()
  await page.locator('#yes').click()
  await answered(page, 'The exception was made before.')
  await button(page, 'Make an exception for mail from a@example.net to b@example.org…').click()
  await page.locator('#yes').click()
  await answered(page, 'The exception is made.')
  await button(page, 'Undo the exception for mail from a@example.net to everybody').click()
  await answered(page, 'The exception for mail from a@example.net to everybody was removed.')
  await focused(page, 'Make an exception for mail from a@example.net to everybody…')
  const pair = 'from=a@example.net,to=b@example.org,signature=Test-Virus allow\n'
  t.equal(rules(), `# ours\n${own}# For the quarantined message ${id}\n${pair}`, 'others stay')
  await page.reload()
  await button(page, /^Undo/).click()
  await answered(page, 'The exception for mail from a@example.net to b@example.org was removed.')
  t.equal(rules(), `# ours\n${own}`, 'the line of the administrator stays')
  t.equal(await button(page, /^Undo/).count(), 0)
  const acts = await page.locator('#message dd', { hasText: 'for mail' }).allInnerTexts()
  t.same(
    acts.map((act) => act.replace(/.* by/, 'by')),
    ['everybody', 'b@example.org', 'everybody', 'b@example.org'].map(
      (whom) => `by ann for mail from a@example.net to ${whom}`,
    ),
  )
  // A later message like it shows the exceptions of an earlier one.
  await button(page, 'Make an exception for mail from a@example.net to everybody…').click()
  await page.locator('#yes').click()
  await answered(page, 'The exception is made.')
  const later = await keepOne(api.directory, Date.now(), {
    text: text.replace('Subject: x', 'Subject: y'),
  })
  await page.goto(`${addressOf(api)}?message=${later}`)
  await button(page, 'Undo the exception for mail from a@example.net to everybody').click()
  await answered(page, 'The exception for mail from a@example.net to everybody was removed.')
  t.equal(rules(), `# ours\n${own}`)
  chmodSync(CONTROLDIR, 0o500)
  await button(page, 'Make an exception for mail from anybody to b@example.org…').click()
  await answered(page, 'No exceptions can be made on this page. Ask your mail administrator.')
  await page.reload()
  await page.getByText('A false positive? Ask your mail administrator for an exception').waitFor()
  t.equal(await button(page, /exception/).count(), 0)
  chmodSync(CONTROLDIR, 0o700)
  await page.route('**/message', (route) =>
    route.fulfill({ status: 413, json: { code: 'too-large' } }),
  )
  await button(page, /Save the message/).click()
  await page.locator('#yes').click()
  await answered(page, 'The message is too large to be saved here.')
  await page.context().close()
})

t.test('people are chosen by their names, and named until the release', skip, async (t) => {
  const api = await serveApi(t)
  const names = ['ann.lee', 'ben.lee', 'ann.wu', 'ben.wu', 'ann.orr', 'ben.orr', 'cleo']
  const recipients = [...names, 'a', 'b', 'c', 'd'].map((name) => `${name}@example.org`)
  const [id = ''] = await keepMany(api, 1, { recipients })
  const { page } = await open(api)
  await openFirst(page)
  const filter = page.getByLabel('Show recipients with any of')
  await filter.fill('Ben Wu, Lee Ann cleo')
  await filter.press('Enter')
  await answered(page, '“lee” may be 2 recipients')
  await filter.fill('Ben Wu, Lee Ann; cleo')
  await filter.press('Enter')
  await said(page, '3 of 11 recipients chosen')
  const three = ['ann.lee@example.org', 'ben.wu@example.org', 'cleo@example.org']
  await page.getByText(`Chosen: ${three.join(', ')}`, { exact: true }).waitFor()
  await api.release(id, { to: [recipients[0]] })
  await button(page, 'Delete').click()
  await asked(page, '1 of 11 released.')
  t.equal(api.next.got.length, 1, 'what a colleague did meanwhile is in the question')
  await page.context().close()
})

t.test('what fails meanwhile is shown, and nothing is done twice', skip, async (t) => {
  const api = await serveApi(t)
  const ids = await keepMany(api, 5)
  const { page } = await open(api)
  const openOne = async (n: number) => {
    await page.goto(`${addressOf(api)}?message=${ids[n]}`)
    await page.locator('#message-title', { hasText: `number ${n}` }).waitFor()
  }
  const release = async () => {
    await button(page, 'Release to b@example.org').click()
    await page.locator('#yes').click()
  }
  await openOne(0)
  await api.release(ids[0]!)
  await release()
  await answered(
    page,
    /^\s*ann released it on \w{3} \d.* to b@example\.org, so it was not sent again\.\s*$/,
  )
  await page.locator('#message dl', { hasText: ' by ann, to b@example.org' }).first().waitFor()
  t.equal(api.next.got.length, 1)
  t.equal(await page.locator('.answer.bad').count(), 0, 'a colleague is no error')
  await openOne(1)
  await api.call('DELETE', `messages/${ids[1]}`)
  await release()
  const gone1 = new RegExp(`: ann deleted it on \\w{3} \\d+ .*, \\d\\d:\\d\\d\\. It was “number 1”, number ${shortNumber(ids[1]!)}\\.`) // biome-ignore format: a line
  await answered(page, gone1)
  await page.goto(`${addressOf(api)}?message=${ids[1]}`)
  await answered(page, /^\s*The message is no longer in quarantine: ann deleted it on [^.]*\.\s*$/)
  await page.goto(`${addressOf(api)}`)
  await titled(page, '3 messages')
  const gone = await keepOne(api.directory, Date.now(), { text: 'Subject: gone\n\nx\n' })
  await button(page, 'Refresh').click()
  await titled(page, '4 messages')
  await api.call('DELETE', `messages/${gone}`)
  await page.locator('.messages a', { hasText: 'gone' }).click()
  await answered(page, `It was “gone”, number ${shortNumber(gone)}.`)
  await page.locator('#message-title', { hasText: 'The message is gone' }).waitFor()
  await titled(page, '3 messages')
  // The answer to a release is lost, as when onescand ends.
  await openOne(2)
  let lost = 0
  await page.route('**/release', async (route) => {
    if (lost++ > 0) return route.continue()
    await route.fetch()
    return route.abort()
  })
  await release()
  await answered(
    page,
    'The quarantine does not answer. Try again in a minute. The message may have been released.',
  )
  await release()
  await answered(page, 'Released to b@example.org.')
  t.equal(api.next.got.length, 2, 'sent once')
  // Without a release, nothing can have been released.
  await openOne(3)
  await page.route('**/messages/*', (route) => route.abort())
  await button(page, 'Delete').click()
  await page.locator('#yes').click()
  await answered(page, 'The quarantine does not answer. Try again in a minute.')
  t.notMatch(await page.locator('.answer').innerText(), 'released')
  await page.unroute('**/messages/*')
  writeFileSync(fileOf(api.directory, ids[4]!), 'damaged')
  await page.goto(`${addressOf(api)}?message=${ids[4]}`)
  await answered(page, 'The stored message is damaged')
  await page
    .getByText(`1 message cannot be read: ${ids[4]}. Inform your mail administrator.`)
    .waitFor()
  await said(page, 'The stored message is damaged')
  await openOne(3)
  writeFileSync(api.tokens, 'eve the-token-of-eve-0123456789\n')
  api.child.kill('SIGHUP')
  await api.logged(/./)
  await page.waitForTimeout(500)
  await button(page, 'Delete').click()
  await page.locator('#yes').click()
  await answered(page, 'Your token is no longer valid, so nothing more was done.')
  t.equal(await page.locator('.answer.bad').count(), 1)
  t.equal(await page.locator('#message').count(), 0)
  await page.context().close()
})

t.test('with a right that was taken away, its buttons leave', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 3, { recipients: ['b@example.org', 'c@example.org'] })
  const setRights = async (limits: string) => {
    writeFileSync(api.tokens, `ann ${TOKEN} ${limits}\n`)
    api.child.kill('SIGHUP')
    const rights = async () => (await api.call('GET', 'me')).json
    await until(rights, limits, ({ may, releases }) =>
      [`may=${may}`, `release=${releases}`].includes(limits),
    )
  }
  const { page } = await open(api)
  await openFirst(page)
  await setRights('may=look,read')
  await button(page, 'Release to both recipients').click()
  await asked(page, 'to both recipients?')
  await page.locator('#yes').click()
  await page.locator('#answer-message.bad', { hasText: 'Your token does not permit this.' }).waitFor() // biome-ignore format: a line
  await page.locator('#message-title:focus').waitFor()
  await page.locator('header', { hasText: 'You may look, but not release or delete.' }).waitFor()
  t.equal(await button(page, /Release|Delete/).count(), 0)
  await setRights('may=look')
  await button(page, 'Show the text').click()
  await page.getByText('Your token does not let you read the text of messages.').waitFor()
  await page.locator('#answer-message.bad', { hasText: 'Your token does not permit this.' }).waitFor() // biome-ignore format: a line
  await setRights('release=virus')
  await page.reload()
  await button(page, 'Release to both recipients').waitFor()
  await setRights('release=encrypted')
  await button(page, 'Release to both recipients').click()
  await page.locator('#yes').click()
  await answered(page, 'Your token does not let you release messages with such a finding.')
  await page.locator('header', { hasText: 'You may release only mail with: Encrypted' }).waitFor()
  t.equal(await button(page, /^Release to/).count(), 0)
  await page.getByRole('link', { name: 'Back to the list' }).click()
  await page.getByLabel('Select all').check()
  await setRights('may=look,release')
  await button(page, 'Delete 3 selected').click()
  await page.locator('#yes').click()
  await answered(page, 'Your token does not permit this.')
  t.equal(await button(page, 'Delete 3 selected').count(), 0)
  await setRights('may=look')
  await button(page, 'Release 3 selected').click()
  await page.locator('#yes').click()
  await page.locator('#answer-list.bad', { hasText: 'Your token does not permit this.' }).waitFor()
  await page.locator('#list-title:focus', { hasText: '3 messages' }).waitFor()
  t.equal(await page.getByRole('checkbox').count(), 0)
  await button(page, 'Sign out').click()
  await page.locator('#answer-sign-in', { hasText: 'You have signed out.' }).waitFor()
  t.equal(api.next.got.length, 0)
  await page.context().close()
})

t.test(
  'while a search is under way, and after the last message, the title states what is known',
  skip,
  async (t) => {
    const api = await serveApi(t)
    const recipients = Array.from({ length: 21 }, (_, n) => `r${n}@example.org`)
    await keepMany(api, 1, { recipients })
    const { page } = await open(api)
    let answer = () => {}
    const delayed = new Promise<void>((resolve) => {
      answer = resolve
    })
    await page.route('**/messages?*', async (route) => {
      await delayed
      return route.continue()
    })
    await page.getByLabel('Search:').fill('nobody')
    await page.getByLabel('Search:').press('Enter')
    await titled(page, 'Searching…')
    t.equal(await page.locator('.messages.old li').count(), 1, 'the old list is grey')
    t.equal(await page.locator('.empty').count(), 0)
    answer()
    await titled(page, 'No message was found')
    t.equal(await page.getByLabel('Search:').inputValue(), 'nobody')
    await page.unroute('**/messages?*')
    await page.route('**/messages?*', (route) => route.abort())
    await button(page, 'Refresh').click()
    await titled(page, 'The messages cannot be shown')
    await answered(page, 'The quarantine does not answer.')
    await page.unroute('**/messages?*')
    await button(page, 'Try again').click()
    await titled(page, 'No message was found')
    await page.getByLabel('Search:').fill('')
    await button(page, 'Search').click()
    await titled(page, '1 message')
    await page.getByRole('checkbox', { name: 'Select number 0,' }).check()
    await button(page, /^Delete \d+ selected$/).click()
    await page.locator('#yes').click()
    await answered(page, '1 message deleted.')
    await titled(page, 'No message is left')
    await keepMany(api, 2)
    await page.getByLabel('Search:').fill('a1@example.net')
    await button(page, 'Search').click()
    await page.getByRole('checkbox', { name: 'Select number 1,' }).check()
    await button(page, /^Delete \d+ selected$/).click()
    await page.locator('#yes').click()
    await titled(page, 'Nothing is left of this search')
    await page.getByRole('link', { name: 'Show all that wait' }).click()
    await titled(page, '1 message')
    await page.context().close()
  },
)

t.test('a person with some recipients sees for whom, and no one else', skip, async (t) => {
  const tokens = 'org the-token-of-org-0123456789 to=example.org,.example.org,.example.com\n'
  const api = await serveApi(t, { tokens })
  await keepMany(api, 1, { recipients: ['b@example.org', 'eve@other.example'] })
  const { page } = await openPage(browser, addressOf(api))
  await signIn(page, 'the-token-of-org-0123456789')
  await openFirst(page)
  const other = page.getByLabel('Or one address only')
  await other.fill('eve@other.example')
  await other.press('Enter')
  await page.locator('#answer-address', { hasText: /^\s*You may release only to example\.org and domains below it, domains below example\.com\.\s*$/ }).waitFor() // biome-ignore format: a line
  await page.locator('#other:focus').waitFor()
  const foreign = await keepOne(api.directory, Date.now(), { recipients: ['eve@other.example'] })
  t.match(
    await page.locator('header').innerText(),
    'for mail to example.org and domains below it, domains below example.com',
  )
  await page.goto(`${addressOf(api)}?message=${foreign}`)
  await answered(
    page,
    'it was deleted, became too old, or is for recipients whose mail you do not manage.',
  )
  await page.goBack()
  for (const address of ['C@Example.ORG', 'd@sub.example.com']) {
    await other.fill(address)
    await other.press('Enter')
    await asked(page, `to ${address}?`)
    await asked(page, `${address} is none of the recipients that you see`)
    await page.keyboard.press('Escape')
  }
  await page.context().close()
})

t.test('an exception is offered for at most 20 recipients', skip, async (t) => {
  const tokens = `ann ${TOKEN} may=allow\norg the-token-of-org-0123456789 may=allow to=example.org\n`
  const api = await serveApi(t, { tokens, settings: { CONTROLDIR: buildStage(t).rules('') } })
  const recipients = Array.from({ length: 21 }, (_, n) => `r${n}@example.org`)
  await keepOne(api.directory, Date.now(), { recipients, sender: 'bounce-7@lists.example.net' })
  const { page } = await open(api)
  await openFirst(page)
  await page.getByText('at most 20 recipients, and this message has 21.').waitFor()
  await page.getByText('may use another address in each mail').waitFor()
  const ordinary = await keepOne(api.directory, Date.now(), {
    sender: 'anna-maria2024@example.net',
  })
  await page.goto(`${addressOf(api)}?message=${ordinary}`)
  await page
    .getByText('Make an exception for mail from anna-maria2024@example.net')
    .first()
    .waitFor()
  t.equal(await page.getByText('may use another address').count(), 0)
  await page.goBack()
  await page.getByText('may use another address in each mail').waitFor()
  const offered = () => page.getByRole('button', { name: /exception/ }).allInnerTexts()
  t.same(await offered(), [
    'Make an exception for mail from bounce-7@lists.example.net to everybody…',
  ])
  await button(page, 'Sign out').click()
  await signIn(page, 'the-token-of-org-0123456789')
  await page.getByText('Ask your mail administrator for an exception').waitFor()
  t.same(await offered(), [], 'one of a limited person is for recipients')
  await page.context().close()
})

t.test('a message whose recipients are unknown is released to an address', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 2, { recipients: [] })
  const { page } = await open(api)
  await page.getByLabel('Select all').check()
  await button(page, /^Release \d+ selected$/).click()
  await page.locator('#yes').click()
  await answered(page, 'Open it, and write an address.')
  await openFirst(page)
  await page.locator('legend', { hasText: 'It is not known for whom this message is' }).waitFor()
  await button(page, 'Release to… (write an address)').click()
  await page.locator('#answer-address', { hasText: 'Write an address.' }).waitFor()
  await page.locator('#other:focus[aria-invalid=true]').waitFor()
  await page.getByLabel('Release to this address').fill('ann@example.org')
  await page.keyboard.press('Enter')
  await page.locator('#yes').click()
  await answered(page, 'Released to ann@example.org.')
  await page.context().close()
})

t.test('a scan for viruses is no answer to another finding', skip, async (t) => {
  const api = await serveApi(t)
  const part = 'Content-Disposition: attachment; filename=offer.exe\n\nMZ\n'
  const text = `Subject: offer\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n${part}--b--\n`
  await keepOne(api.directory, Date.now(), { text, grounds: 'banned', found: 'attachment offer.exe' }) // biome-ignore format: a line
  await keepMany(api, 2)
  const { page } = await open(api)
  await page.locator('.messages a', { hasText: 'offer' }).click()
  await button(page, 'Scan again, and list the parts').click()
  await answered(page, 'No virus is found in it now. The message was kept because of something else: Banned attachment (offer.exe). Opening it may do harm.') // biome-ignore format: a line
  await page.locator('table', { hasText: 'no virus' }).waitFor()
  await page.getByText('A false positive? Ask your mail administrator for an exception').waitFor()
  // The others with the same finding are a link away.
  await page.getByRole('link', { name: 'Show all with this finding' }).click()
  await titled(page, '1 message')
  await page.locator('#list-title:focus').waitFor()
  t.equal(await page.getByLabel('Search:').inputValue(), '"attachment offer.exe"')
  await page.context().close()
})

t.test('of several releases, one whose answer is lost is shown as interrupted', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 3)
  let ends = 0
  api.next.script = (verb, _, socket) => {
    if (verb !== '.' || ends++ !== 1) return undefined
    socket.destroy()
    return 'silence'
  }
  const { page } = await open(api)
  await page.getByLabel('Select all').check()
  await button(page, /^Release \d+ selected$/).click()
  await page.locator('#yes').click()
  await answered(page, '2 messages released. 1 could not be released, and stays selected: “number 1” from Ann <a1@example.net>: The mail server did not confirm the message') // biome-ignore format: a line
  await page.locator('.messages li', { hasText: 'number 1' }).filter({ hasText: 'release interrupted' }).waitFor() // biome-ignore format: a line
  await titled(page, '1 message')
  await selected(page, '1 selected')
  await page.context().close()
})

t.test(
  'a release to those who have it and to those who lack it says who got it',
  skip,
  async (t) => {
    const api = await serveApi(t)
    const [b, c, d] = ['b@example.org', 'c@example.org', 'd@example.org']
    const [id = ''] = await keepMany(api, 1, { recipients: [b, c, d] })
    await api.release(id, { to: [b] })
    const { page } = await open(api)
    await openFirst(page)
    const release = async () => {
      await button(page, /^Release to/).click()
      await page.locator('#yes').click()
    }
    await page.getByRole('checkbox', { name: d }).uncheck()
    await page.getByRole('checkbox', { name: b }).check()
    await button(page, 'Release to 2 of 3 recipients').click()
    t.match(await page.locator('#asked').innerText(), /^all but d@example\.org\nb@example\.org got it on .* and would get it twice\.$/) // biome-ignore format: a line
    await page.locator('#yes').click()
    await answered(page, 'Released to 2 of its 3 recipients. 1 recipient does not have it, so it stays in the list.') // biome-ignore format: a line
    t.same(
      api.next.got.map((got) => got.recipients),
      [[b], [c], [b]],
    )
    api.next.script = (verb, line) => (verb === 'RCPT' && line.includes(c) ? '550 no' : undefined)
    await page.getByRole('checkbox', { name: c }).check()
    await page.getByRole('checkbox', { name: d }).check()
    await release()
    await answered(page, `Released to ${d}. The second release, to ${c}, failed. The mail server refuses ${c} (550 no)`) // biome-ignore format: a line
    t.same(api.next.got.at(-1)?.recipients, [d])
    await page.getByRole('checkbox', { name: /^d@example\.org got it/ }).waitFor()
    await page.context().close()
  },
)

t.test('a release states to whom another person has released it meanwhile', skip, async (t) => {
  const api = await serveApi(t)
  const [b, c, d] = ['b@example.org', 'c@example.org', 'd@example.org']
  const [id = ''] = await keepMany(api, 1, { recipients: [b, c, d] })
  const { page } = await open(api)
  await openFirst(page)
  await page.getByRole('checkbox', { name: d }).uncheck()
  await button(page, 'Release to 2 of 3 recipients').click()
  await api.release(id, { to: [c] })
  await page.locator('#yes').click()
  await answered(page, `Released to ${b}. 1 recipient does not have it, so it stays in the list.`)
  await answered(page, /c@example\.org got it on .*, from ann, and was left out\./)
  t.same(
    api.next.got.map((got) => got.recipients),
    [[c], [b]],
  )
  await page.context().close()
})

t.test('what has the focus is not behind the bar of the list', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 40)
  const screens = [[320, 256], [1280, 800], [390, 844]] as const // biome-ignore format: a line
  for (const [width, height] of screensToTry(screens, 2)) {
    const { page } = await open(api, { width })
    await page.setViewportSize({ width, height })
    for (const n of [20, 21])
      await page.getByRole('checkbox', { name: `Select number ${n},` }).check()
    await page.locator('.messages li').nth(30).locator('a').focus()
    const hidden: string[] = []
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press('Shift+Tab')
      if (!(await isInView(page, ':focus'))) hidden.push(await page.locator(':focus').evaluate((at) => at.outerHTML)) // biome-ignore format: a line
    }
    t.same(hidden, [], `at ${width} x ${height}`)
    await page.context().close()
  }
})

t.test('a page of another site cannot act, and the page runs no code of others', async (t) => {
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

t.test('a release or a deletion can go on to the next message', skip, async (t) => {
  const api = await serveApi(t)
  const ids = await keepMany(api, 4)
  const { page } = await open(api)
  await openFirst(page)
  await button(page, 'Release to b@example.org').click()
  await button(page, 'Release, and open the next').click()
  await answered(page, '“number 0” was released to b@example.org.')
  await page.locator('#message-title:focus', { hasText: 'number 1' }).waitFor()
  t.same(api.next.got[0]?.recipients, ['b@example.org'])
  await button(page, 'Delete').click()
  await button(page, 'Delete, and open the next').click()
  await answered(page, '“number 1” was deleted.')
  await page.locator('#message-title:focus', { hasText: 'number 2' }).waitFor()
  await titled(page, '2 messages')
  t.ok(await isInView(page, '.answer'))
  // One step back leads to what is gone, and by whom.
  await page.goBack()
  await page.locator('#message-title', { hasText: 'The message is gone' }).waitFor()
  await page.locator('#next:focus').waitFor()
  t.equal(await page.title(), 'The message is gone – Quarantine')
  await answered(page, 'You have deleted this message.')
  // A release that is refused, and the last message, stay.
  await page.goForward()
  await page.locator('#message-title', { hasText: 'number 2' }).waitFor()
  api.next.script = (verb) => (verb === 'RCPT' ? '550 no such user' : undefined)
  await button(page, 'Release to b@example.org').click()
  await button(page, 'Release, and open the next').click()
  await answered(page, 'The mail server refuses b@example.org (550 no such user)')
  await page.locator('#message-title', { hasText: 'number 2' }).waitFor()
  const other = page.getByLabel('Or one address only')
  api.next.script = (verb) => (verb === 'RCPT' ? '451 later' : undefined)
  await other.fill('ben@example.org')
  await other.press('Enter')
  await page.locator('#yes').click()
  await answered(page, 'The mail server does not take the message now (451 later)')
  t.equal(await other.getAttribute('aria-invalid'), 'false', 'the address may be right')
  api.next.script = (verb) => (verb === 'RCPT' ? '550 no such user' : undefined)
  await other.fill('bne@example.org')
  await other.press('Enter')
  t.equal(await button(page, 'Release, and open the next').count(), 0, 'b still lacks it')
  await page.locator('#yes').click()
  await page.locator('#answer-address', { hasText: 'refuses bne@example.org' }).waitFor()
  await page.locator('#other:focus[aria-invalid=true]').waitFor()
  await page.goto(`${addressOf(api)}?message=${ids[3]}`)
  await page.locator('#message-title', { hasText: 'number 3' }).waitFor()
  await button(page, 'Delete').click()
  t.equal(await button(page, 'Delete, and open the next').count(), 0)
  await page.context().close()
})

t.test('a deletion whose answer is lost may have been done', skip, async (t) => {
  const api = await serveApi(t)
  const [id = ''] = await keepMany(api, 2)
  const { page } = await open(api)
  await openFirst(page)
  await page.route('**/messages/*', async (route) => {
    await route.fetch()
    return route.abort()
  })
  const remove = async () => {
    await button(page, 'Delete').click()
    await page.locator('#yes').click()
  }
  await remove()
  await answered(page, 'The message may have been deleted.')
  await page.unroute('**/messages/*')
  await remove()
  await answered(page, `You have deleted this message. It was “number 0”, number ${shortNumber(id)}.`) // biome-ignore format: a line
  await page.context().close()
})

t.test('a person sees before the button why a message cannot be released', skip, async (t) => {
  const tokens = `ann ${TOKEN} may=look,read,release,delete,allow release=encrypted\n`
  const api = await serveApi(t, { tokens })
  const zip = { grounds: 'encrypted', found: 'Heuristics.Encrypted.Zip' }
  await keepMany(api, 1)
  await keepOne(api.directory, Date.now() - 120_000, { ...zip, text: 'Subject: plan\n\nx\n' })
  const { page } = await open(api)
  await page.locator('header', { hasText: 'You may release only mail with: Encrypted content.' }).waitFor() // biome-ignore format: a line
  await openFirst(page)
  await page.getByText('Your token does not let you release messages with such a finding.').waitFor() // biome-ignore format: a line
  for (const name of [/^Release/, /exception/]) t.equal(await page.locator('#message').getByRole('button', { name }).count(), 0) // biome-ignore format: a line
  t.equal(await button(page, 'Delete').count(), 1)
  await button(page, 'Next message').click()
  await button(page, 'Release to b@example.org').waitFor()
  await page.locator('.messages input').first().check()
  await button(page, 'Release 1 selected').click()
  await answered(page, 'Your token does not let you release messages with such a finding.')
  await page.getByLabel('Select all').check()
  await button(page, 'Release 2 selected').click()
  await asked(page, 'Release 1 of 2 messages to 1 recipient?')
  await asked(page, 'Found in it: Heuristics.Encrypted.Zip (encrypted content).')
  await asked(page, 'Your token does not let you release 1 other (Virus), which stays in quarantine.') // biome-ignore format: a line
  t.match(await page.locator('#asked').innerText(), /^Encrypted content: 1\n“plan” from/)
  await button(page, 'Release 1 message').waitFor()
  await page.context().close()
  const keyless = await serveApi(t, { settings: { CLUSTERKEYS: '' } })
  await keepMany(keyless, 1)
  const other = await open(keyless)
  await openFirst(other.page)
  await other.page.getByText('Messages cannot be released here yet: a key is missing.').waitFor()
  await other.page.context().close()
})

t.test('a short number finds its message, and the page shows it', skip, async (t) => {
  const api = await serveApi(t)
  const ids = await keepMany(api, 3)
  const { page } = await open(api)
  const number = shortNumber(ids[1]!)
  await page.getByLabel('Search:').fill(`Re: Please deliver ${number}: number 1`)
  await page.keyboard.press('Enter')
  await titled(page, '1 message')
  await page.getByLabel('Search:').fill(number.toLowerCase().replace('-', ' '))
  await page.keyboard.press('Enter')
  await titled(page, '1 message')
  await page.getByLabel('Search:').fill(number.slice(0, 4))
  await page.keyboard.press('Enter')
  await page.getByText('A number has four letters and four digits').waitFor()
  await page.getByLabel('Search:').fill([...number].join(' '))
  await page.keyboard.press('Enter')
  await titled(page, '1 message')
  await openFirst(page)
  await page.locator('#message-title', { hasText: 'number 1' }).waitFor()
  t.match(await page.locator('#message dl').first().innerText(), new RegExp(`Number\\s+${number}`))
  await page.context().close()
})

t.test('the text of a letter shows where its links lead', skip, async (t) => {
  const api = await serveApi(t)
  const part = (type: string, body: string) => `--b\nContent-Type: text/${type}\n\n${body}\n`
  const html = '<a href="http://evil.example/x">www.bank.example</a> <a href="http://evil.example/y"><img></a>' // biome-ignore format: a line
  const text = `Content-Type: multipart/alternative; boundary=b\n\n${part('plain', 'Dear Ann')}${part('html', html)}--b--\n`
  await keepOne(api.directory, Date.now(), { text, grounds: 'phishing' })
  const { page } = await open(api)
  await openFirst(page)
  await button(page, 'Show the text').click()
  const links = page.locator('#message li')
  await links.first().waitFor()
  t.same(await links.allInnerTexts(), [
    'www.bank.example [leads to http://evil.example/x]',
    '(picture) [leads to http://evil.example/y]',
  ])
  t.equal(await page.locator('#message a[href*=evil]').count(), 0, 'and none can be followed')
  await page.context().close()
})

t.test('the page states what takes long', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 2)
  const { page } = await open(api)
  let go = () => {}
  await page.route('**/messages/*', (route) => new Promise<void>((resolve) => { go = resolve }).then(() => route.continue())) // biome-ignore format: a line
  await page.locator('.messages a').first().click()
  await said(page, 'Opening…')
  go()
  await page.locator('#message dl').first().waitFor()
  t.equal(await page.locator('#said').textContent(), '')
  await button(page, 'Delete').click()
  await said(page, 'Opening…')
  go()
  await page.locator('#yes').click()
  await said(page, 'Deleting…')
  go()
  await said(page, '“number 0” was deleted.')
  await page.context().close()
})
