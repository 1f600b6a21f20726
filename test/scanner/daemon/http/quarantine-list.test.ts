import { writeFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import t from 'tap'
import { overflow } from '../../observe/browser.ts'
import { keepOne } from '../../scan/quarantine/quarantined.ts'
import {
  answered,
  asked,
  button,
  focused,
  keepMany,
  openFirst,
  said,
  selected,
  signIn,
  startBrowser,
  titled,
} from './quarantine-browser.ts'
import { serveApi, TOKEN } from './quarantine-rig.ts'

/** The list of the quarantine's page, and what is done with many messages at once. */

const { skip, open } = await startBrowser(t)

const select = (page: Page, n: number) =>
  page.getByRole('checkbox', { name: `Select number ${n},` }).check()
const firstSubject = (page: Page) => page.locator('.messages a b').first().innerText()

t.test('the odd message among many of a campaign is listed and named first', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 120)
  const text = 'From: Dora <dora@example.com>\nSubject: Minutes\n\nbody\n'
  await keepOne(api.directory, Date.now() - 60 * 60_000, { text })
  const { page } = await open(api)
  t.equal(await firstSubject(page), 'number 0')
  await page.getByLabel('Order').selectOption('odd ones first')
  await titled(page, 'The first 100 of 121 messages')
  t.equal(await firstSubject(page), 'Minutes')
  await page.locator('.messages li').nth(1).getByText('120 alike').waitFor()
  await button(page, 'Show more').click()
  await titled(page, /^121 messages$/)
  t.equal(await button(page, 'Show more').count(), 0)
  await page.getByLabel('Select all').check()
  await button(page, 'Delete 121 selected').click()
  t.equal(
    await page.locator('#asked').innerText(),
    'Virus: 121\n“Minutes” from Dora <dora@example.com> to b@example.org\n120 like “number 0” from Ann <a0@example.net>',
  )
  await page.keyboard.press('Escape')
  await page.getByRole('checkbox', { name: 'Select Minutes' }).uncheck()
  await button(page, 'Delete 120 selected').click()
  await button(page, 'Delete 120 messages').click()
  await answered(page, '120 messages deleted.')
  await titled(page, '1 message')
  t.equal(await firstSubject(page), 'Minutes')
  await page.reload()
  t.equal(await page.getByLabel('Order').inputValue(), 'odd', 'the address has the order')
  await page.context().close()
})

t.test(
  'a question about many single messages names some, and counts the others',
  skip,
  async (t) => {
    const api = await serveApi(t)
    for (let n = 0; n < 12; n++) {
      const text = `From: a@host${n}.example\nSubject: ${'x'.repeat(n + 1)}\n\nbody\n`
      const grounds = n < 3 ? 'structured' : n < 5 ? 'encrypted' : 'virus'
      const recipients = n === 0 ? ['b@example.org', 'c@example.org'] : ['b@example.org']
      await keepOne(api.directory, Date.now() - n * 60_000, { text, grounds, recipients })
    }
    const { page } = await open(api)
    await page.getByLabel('Select all').check()
    await button(page, 'Release 12 selected').click()
    await asked(page, 'Release 12 messages to all their recipients (13)? Opening 7 of them may do harm. 2 of them could not be scanned as a whole, so a virus may be in them.') // biome-ignore format: a line
    t.equal(await page.locator('#asked li').count(), 9)
    t.match(await page.locator('#asked').innerText(), /and 5 more messages$/)
    await page.keyboard.press('Escape')
    await button(page, 'Select none').click()
    await page.getByLabel('Found').selectOption('Card or account numbers')
    await titled(page, '3 messages')
    await page.getByLabel('Select all').check()
    await button(page, 'Release 3 selected').click()
    await asked(page, /recipients \(4\)\?\s+A release cannot be called back\.\s*$/)
    await page.context().close()
  },
)

t.test('a word with a minus sign excludes, and the page states that', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 4)
  const { page } = await open(api)
  const search = page.getByLabel('Search:')
  t.match(await page.locator(`#${await search.getAttribute('aria-describedby')}`).innerText(), /-word excludes/) // biome-ignore format: a line
  await search.fill('ann -a1@example.net -"number 2"')
  await search.press('Enter')
  await titled(page, '2 messages')
  await search.fill('-ann')
  await search.press('Enter')
  await titled(page, 'No message was found')
  await page.getByText('A minus sign excludes the word behind it.').waitFor()
  await page.context().close()
})

t.test('keys go from row to row, and delete what is selected', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 40)
  const { page } = await open(api)
  const box = (n: number) => page.getByRole('checkbox', { name: `Select number ${n},` })
  const hasFocus = async (n: number) =>
    t.ok(await box(n).evaluate((at) => at === at.ownerDocument.activeElement), `row ${n}`)
  await box(20).focus()
  await page.keyboard.press('Delete')
  await said(page, 'Nothing is selected')
  let keys = 0
  const press = (key: string) => {
    keys++
    return page.keyboard.press(key)
  }
  for (const key of ['Space', 'ArrowDown', 'Space', 'ArrowDown', 'Space']) await press(key)
  await selected(page, '3 selected')
  await hasFocus(22)
  await press('Delete')
  await asked(page, 'Delete 3 messages?')
  await press('Tab')
  await press('Enter')
  await titled(page, '37 messages')
  await said(page, '3 messages deleted.')
  t.equal(keys, 8, 'three neighbours')
  await hasFocus(23)
  await box(5).focus()
  for (const [key, n] of [
    ['End', 39],
    ['ArrowDown', 39],
    ['ArrowUp', 38],
    ['Home', 0],
    ['ArrowUp', 0],
  ] as const) {
    // biome-ignore format: a line
    await page.keyboard.press(key)
    await hasFocus(n)
  }
  await page.locator('.messages a').nth(1).focus()
  await page.keyboard.press('ArrowDown')
  await focused(page, 'number 2')
  const described = String(await box(2).getAttribute('aria-describedby')).split(' ')
  t.equal(described.length, 3, 'boxes of equal mails are told apart')
  const search = page.getByLabel('Search:')
  await search.press('ArrowDown')
  await focused(page, 'number 0')
  await select(page, 3)
  await search.fill('x')
  await search.press('Home')
  await search.press('Delete')
  t.equal(await search.inputValue(), '')
  t.equal(await page.locator('#ask[open]').count(), 0, 'elsewhere, the keys are as usual')
  await page.context().close()
})

t.test(
  'where a message has left the list, the focus is on the one in its place',
  skip,
  async (t) => {
    const api = await serveApi(t)
    await keepMany(api, 5)
    const { page } = await open(api)
    for (const [subject, next] of [
      ['number 2', 'number 3'],
      ['number 4', 'number 3'],
    ] as const) {
      await page.locator('.messages a', { hasText: subject }).click()
      await page.locator('#message dl').first().waitFor()
      await button(page, 'Delete').click()
      await page.locator('#yes').click()
      await answered(page, `“${subject}” was deleted.`)
      await page.getByRole('link', { name: 'Back to the list' }).click()
      await focused(page, next)
    }
    await page.context().close()
  },
)

t.test('of a list that goes on, what is selected elsewhere may be in it', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 130)
  const { page } = await open(api)
  await button(page, 'Show more').click()
  await titled(page, '130 messages')
  for (const n of [0, 120]) await select(page, n)
  const searchFor = async (words: string) => {
    await page.getByLabel('Search:').fill(words)
    await page.keyboard.press('Enter')
  }
  await searchFor('ann')
  await titled(page, 'The newest 100 of 130 messages')
  await selected(page, '2 selected, 1 of them not shown here')
  await searchFor('a0@example.net')
  await titled(page, '1 message')
  await selected(page, '2 selected, 1 of them in another search')
  await page.context().close()
})

t.test('equal reasons are one line, with links to the messages', skip, async (t) => {
  const api = await serveApi(t)
  const ids = await keepMany(api, 8)
  await keepOne(api.directory, Date.now() - 600_000, { text: 'Subject: number 8\n\nx\n', recipients: ['c@example.org', 'd@example.org'] }) // biome-ignore format: a line
  const { page } = await open(api)
  await page.getByLabel('Select all').check()
  await api.release(ids[0]!)
  await api.call('DELETE', `messages/${ids[1]}`)
  api.next.script = (verb, line) => (verb === 'RCPT' ? (line.includes('<d@') ? '550 no such user' : line.includes('<b@') ? '451 later' : undefined) : undefined) // biome-ignore format: a line
  await button(page, 'Release 9 selected').click()
  await button(page, 'Release 9 messages').click()
  await answered(
    page,
    '1 was released already, by another user. 1 was deleted already, or too old. 7 could not be released, and stay selected:',
  )
  await selected(page, '7 selected')
  const lines = await page.locator('.answer li').allInnerTexts()
  t.match(lines[0], /^“number 2” from Ann <a2@example\.net>, “number 3” [^:]*, “number 4” [^:]* and 3 more: The mail server does not take the message now/) // biome-ignore format: a line
  t.match(lines[1], /^“number 8” from .*: The mail server refuses d@example\.org \(550 no such user\), so no recipient got the message\. Open the message, clear the box of d@example\.org, and release it\.$/) // biome-ignore format: a line
  t.equal(lines.length, 2)
  await page.locator('.answer a', { hasText: 'number 3' }).click()
  await page.locator('#message-title:focus', { hasText: 'number 3' }).waitFor()
  await answered(page, '7 could not be released')
  await page.locator('.answer a', { hasText: 'number 8' }).click()
  await page.locator('#message-title:focus', { hasText: 'number 8' }).waitFor()
  await page.context().close()
})

t.test('the page states what takes long, and what is lost with a token', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 150)
  const { page } = await open(api)
  await titled(page, 'The newest 100 of 150 messages')
  const hold = async () => {
    let go = () => {}
    const held = new Promise<void>((resolve) => {
      go = resolve
    })
    await page.route('**/messages?*', (route) => held.then(() => route.continue()))
    return () => go()
  }
  const list = await hold()
  await button(page, 'Select all 150').click()
  await button(page, 'Selecting…').waitFor()
  await said(page, 'Selecting…')
  list()
  await selected(page, '150 selected')
  t.equal(await button(page, /^Select all/).count(), 0, 'all are')
  await page.getByText(/^as of \d/).waitFor()
  const searched = await hold()
  await button(page, 'Refresh').click()
  await said(page, 'Searching…')
  searched()
  await titled(page, 'The newest 100 of 150 messages')
  writeFileSync(api.tokens, 'eve the-token-of-eve-0123456789\n')
  api.child.kill('SIGHUP')
  await page.waitForTimeout(500)
  await button(page, 'Delete 150 selected').click()
  await page.locator('#yes').click()
  await answered(page, 'Your token is no longer valid, so nothing more was done. Ask your mail administrator for a new one. What you have typed or selected is lost.') // biome-ignore format: a line
  await page.context().close()
})

t.test(
  'a search that closes the open message reports that, and keeps the focus',
  skip,
  async (t) => {
    const api = await serveApi(t)
    await keepMany(api, 3)
    const { page } = await open(api)
    await openFirst(page)
    const search = page.getByLabel('Search:')
    await search.fill('a1@example.net')
    await search.press('Enter')
    await page.locator('#message').waitFor({ state: 'detached' })
    await said(page, '1 message. The open message is not among them, and was closed.')
    t.ok(await search.evaluate((at) => at === at.ownerDocument.activeElement))
    await page.context().close()
  },
)

t.test('on a phone, the search is folded, and the first message near the top', skip, async (t) => {
  const api = await serveApi(t)
  await keepMany(api, 150)
  const { page } = await open(api, { width: 390 })
  await titled(page, 'The newest 100 of 150 messages')
  const top = await page.locator('.messages a').first().evaluate((at) => at.getBoundingClientRect().top) // biome-ignore format: a line
  t.ok(top < 280, `${top} px`)
  t.notOk(await page.getByLabel('Search:').isVisible())
  const fold = page.locator('.search summary')
  await fold.click()
  await page.getByLabel('Search:').fill('ann')
  await page.getByLabel('Found').selectOption('Virus')
  await page.getByLabel('Last day').fill('2020-01-01')
  await button(page, 'Search').click()
  await page.locator('#list-title:focus', { hasText: 'No message was found' }).waitFor()
  t.equal(await fold.innerText(), 'Search: ann, 2 filters')
  t.notOk(await page.getByLabel('Search:').isVisible())
  await page.getByRole('link', { name: 'Show all that wait' }).click()
  await titled(page, '150 messages')
  t.equal(await fold.innerText(), 'Search')
  t.equal(await overflow(page), 0)
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.getByLabel('Search:').waitFor()
  await page.context().close()
})

t.test('an empty quarantine is good news', skip, async (t) => {
  const api = await serveApi(t)
  const { page } = await open(api)
  await titled(page, 'There is no message in quarantine')
  t.equal(await page.locator('.empty').innerText(), 'Show released messages, too')
  await button(page, 'Sign out').click()
  await page.getByText('Mail that was held back because of a virus').waitFor()
  await signIn(page, TOKEN)
  await titled(page, 'There is no message in quarantine')
  await page.context().close()
})
