import { appendFileSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { shortNumber } from '../../../../src/base/text/short-number.ts'
import { readableText } from '../../../../src/mail/mime/headers/readable.ts'
import {
  defaultWords,
  parseWords,
  TRANSLATED,
} from '../../../../src/scanner/cli/quarantine/digest-words.ts'
import { becomePlain } from '../../../programs/host/plain-account.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { at, type Got, type RunningNext, startNext } from '../../doors/smtp/next-server.ts'
import { fileOf, keepOne, makeQuarantine } from '../../scan/quarantine/quarantined.ts'
import { jsonIn, onescan, type RunOptions } from '../onescan.ts'

/** `onescan quarantine digest`, by the account of the quarantine. */

becomePlain()

async function build(t: Test) {
  const directory = makeQuarantine(t)
  const next = await startNext(t)
  const digest = (words: readonly string[] = [], options: RunOptions = {}) =>
    onescan(
      [
        'quarantine',
        'digest',
        '--directory',
        directory,
        '--by',
        `127.0.0.1:${next.port}`,
        ...words,
      ],
      options,
    )
  return { directory, next, digest, reported: join(directory, 'digest.reported') }
}

/** The header of a digest, and its text in both forms. */
const parted = ({ content }: Got) => partsIn(content.toString('latin1'))
function partsIn(mail: string) {
  const [header = '', ...rest] = mail.split('\r\n\r\n')
  const [, boundary = ''] = /boundary="(.*)"/.exec(header) ?? []
  const [body = '', html = ''] = rest
    .join('\r\n\r\n')
    .split(`--${boundary}`)
    .slice(1)
    .map((part) => Buffer.from(part.split('\r\n\r\n')[1] ?? '', 'base64').toString())
  return { header, body, html }
}
const bodies = (next: RunningNext) => next.got.map((got) => parted(got).body)
const idOf = (got: Got | undefined) => /^Message-ID: (.*)/m.exec(parted(got!).header)?.[1]

t.test('a digest has what is new since the last one, and each message once', async (t) => {
  const { directory, next, digest } = await build(t)
  const now = Date.now()
  const old = await keepOne(directory, now - 3_600_000, { found: 'Old-Virus' })
  const ids = [await keepOne(directory, now), old]
  const released = await keepOne(directory, now)
  const words = ['quarantine', 'release', '--no-stamp', '--directory', directory]
  t.equal((await onescan([...words, '--by', `127.0.0.1:${next.port}`, released])).code, 0)

  const first = await digest(['--postmaster', 'pm@example.org', '--json'])
  t.equal(first.code, 0, first.err)
  t.match(jsonIn(first.out), {
    results: [{ to: 'pm@example.org', messages: ids, answer: /^250 / }],
    sum: { mails: 1, messages: 2 },
  })
  const [, got] = next.got
  t.same([got?.sender, got?.recipients], ['', ['pm@example.org']], 'no program answers it')
  const { header, body, html } = parted(got!)
  for (const field of [
    'From: Quarantine <pm@example.org>',
    'Auto-Submitted: auto-generated',
    'Content-Type: multipart/alternative',
  ])
    t.match(header, field)
  t.match(
    body,
    /^Since the last report, \S+ kept 2 messages \(Virus: 2\)\. No recipient has received any, unless its entry has a "State"\.\n/,
  )
  t.match(
    body,
    /^2\. “x”; From: a@example\[.\]net; To: b@example\.org\nFound: Virus \(Old-Virus\); Kept: \w+,? \d+ \w+, \d\d:\d\d \S+; Number: \S+$/m,
  )
  t.match(
    body,
    /\n\n2 messages in quarantine now\. 0 messages to be deleted within 7 days\. Those above are deleted on \d+[^.]* \w+\.\n\nWe write \[\.\] for a dot in addresses and file names, so that none of them can be clicked\.\n$/,
  )
  t.match(html, /<body [^>]+>\n<h1 [^>]+>New in quarantine on \S+: 2 messages<\/h1>/)
  t.match(html, /<h2 [^>]+>2\. <span dir="auto">“x”<\/span><\/h2>\n<span [^>]+>From:</)
  for (const form of [body, html]) {
    t.same(form.match(/\b[A-Z]{4}-\d{4}\b/g), ids.map(shortNumber), 'each number once')
    t.match(form, 'onescan quarantine release NUMBER')
    t.match(form, 'b@example.org', 'an own address as it is')
  }
  t.match(html, '<li>onescan quarantine show NUMBER</li>')
  t.notMatch(body + html, released)
  t.match(readFileSync(join(directory, 'quarantine.log'), 'latin1'), /=digest messages=2 to=<pm@/)

  const none = await digest(['--postmaster', 'pm@example.org'])
  t.same([none.code, none.out, next.got.length], [0, 'nothing is new in quarantine\n', 2])

  // Its time is earlier: its client took longer, or the clock was set.
  const late = await keepOne(directory, now - 7_200_000)
  t.equal((await digest(['--postmaster', 'pm@example.org'])).code, 0)
  t.match(bodies(next)[2], shortNumber(late))
  t.notMatch(bodies(next)[2], shortNumber(old))
})

t.test('a postmaster without news learns once a week that nothing is new', async (t) => {
  const { directory, next, digest, reported } = await build(t)
  const day = 86_400_000
  const page = ['--env', 'QUARANTINEURL=https://mx.example.org/quarantine']
  t.equal(
    (await digest(page)).out,
    '<postmaster>: 0 messages\n',
    'the first one shows that mail arrives',
  )
  const { header, body } = parted(next.got[0]!)
  t.match(header, /^Subject: Nothing new in quarantine on \S+\r$/m)
  t.match(
    body,
    /^Since the last report, \S+ kept no message\.\nAll messages in quarantine: https:\S+\n\n\n0 messages in quarantine now\. 0/,
  )
  const silent = async () => t.equal((await digest()).out, 'nothing is new in quarantine\n')
  await silent()
  await keepOne(directory, Date.now() - 25 * day)
  await keepOne(directory, Date.now() - 20 * day)
  t.equal((await digest()).code, 0)
  t.match(
    bodies(next)[1],
    /\n2 messages in quarantine now\. 1 message to be deleted within 7 days\. Those above are deleted on .*\.\n/,
  )
  await silent()
  const later = (days: number) =>
    writeFileSync(
      reported,
      readFileSync(reported, 'latin1').replace(/^(\d+)(?=\.0{16} )/gm, (seconds) =>
        String(Number(seconds) - days * 86_400),
      ),
    )
  later(6)
  await silent()
  later(1)
  t.equal((await digest()).out, '<postmaster>: 0 messages\n')
  t.match(bodies(next)[2], '2 messages in quarantine now.')
  await silent()
  t.not(idOf(next.got[0]), idOf(next.got[2]))
  t.equal(
    (await digest(['--each', 'example.org', '--dry-run'])).out,
    '<b@example.org>: 2 messages\n',
  )
  t.equal((await digest(['--each', 'example.com'])).out, 'nothing is new in quarantine\n')
})

t.test('a recipient in the own domains gets what was for him alone', async (t) => {
  const { directory, next, digest } = await build(t)
  const recipients = [
    ...['ann@example.org', 'ben@Example.ORG', 'eve@example.net', 'tom@sub.example.com'],
    ...[
      'ann%example.net@example.org',
      'mx.example.net!ann@example.org',
      '"a b"@example.org',
      'ann',
    ],
  ]
  const both = await keepOne(directory, Date.now(), { recipients })
  const one = await keepOne(directory, Date.now(), { recipients: ['ben@example.org'] })
  const words = ['--each', 'EXAMPLE.org', '--each', '.example.com']
  const shown = await digest([...words, '--dry-run'])
  t.match(shown.out, '<ben@example.org>: 2 messages\n')
  t.equal(next.got.length, 0, 'a dry run sends nothing')
  t.equal((await digest(words)).code, 0)
  t.same(next.got.flatMap((got) => got.recipients).sort(), [
    ...['"a b"@example.org', 'ann@example.org', 'ben@example.org', 'tom@sub.example.com'],
  ])
  for (const [index, body] of bodies(next).entries()) {
    const isBens = next.got[index]!.recipients.includes('ben@example.org')
    t.match(body, shortNumber(both))
    t.equal(body.includes(shortNumber(one)), isBens)
    for (const name of ['ann', 'ben', 'eve', 'tom']) t.notMatch(body, name, 'no other recipient')
    const { header, html } = parted(next.got[index]!)
    const wanted = `Please deliver ${shortNumber(both)}`
    const number = isBens ? 2 : 1
    t.match(body, new RegExp(`^Ask for message ${number}: write to postmaster@[\\w.]+, with this subject: ${wanted}$`, 'm')) // biome-ignore format: a line
    const [, query = ''] = new RegExp(`"mailto:postmaster@[\\w.]+\\?([^"]+${shortNumber(both)}[^"]+)"`).exec(html) ?? [] // biome-ignore format: a line
    const asked = new URLSearchParams(query.replaceAll('&#38;', '&'))
    t.equal(asked.get('subject'), `${wanted}: x`)
    t.match(asked.get('body'), /^From: a@example\[\.\]net\r\nKept: .*\r\n\r\nI expect this message because: $/) // biome-ignore format: a line
    const label = `aria-label="Ask for message ${number}: “x”" style="white-space: nowrap">Ask for message ${number}</a>`
    t.match(html, `${query}" ${label}`)
    t.match(
      body,
      /^Found: Virus\. Opening it may do harm\.\nKept: [^;]+; Deleted on: \d+ \w+; Number: /m,
    )
    t.notMatch(body, 'Test-Virus', 'the name of a signature is for those who can allow it')
    t.match(body, /^The mail server of (example\.org|sub\.example\.com) held back \d messages? addressed to you: /) // biome-ignore format: a line
    t.match(body, /^- Use "Ask for message" below it, or write to postmaster@(example\.org|sub\.example\.com), with its Number\.$/m) // biome-ignore format: a line
    t.notMatch(body, 'in quarantine now', 'that of others is not for him')
    t.match(header, /^From: Quarantine <postmaster@(example\.org|sub\.example\.com)>\r$/m)
    t.match(html, '<li>Write why you expect the message.</li>')
    t.match(header, `Subject: Held back for you: ${isBens ? '2 messages' : '1 message'}`)
  }
  t.equal((await digest(words)).out, 'nothing is new in quarantine\n')
  t.equal((await digest(['--postmaster', 'pm@example.org'])).code, 0)
  t.match(bodies(next)[4], shortNumber(both), 'the postmaster had no digest with it')
})

t.test('a digest leaves out only those who got the message', async (t) => {
  const { directory, next, digest } = await build(t)
  const recipients = ['ann@example.org', 'ben@example.org', 'cleo@example.org']
  const id = await keepOne(directory, Date.now(), { recipients })
  const words = ['quarantine', 'release', '--no-stamp', '--directory', directory, '--by', `127.0.0.1:${next.port}`] // biome-ignore format: a line
  t.equal((await onescan([...words, '--to', 'Ben@example.org', id])).code, 0)
  const { out } = await digest(['--each', 'example.org', '--dry-run'])
  t.equal(out, '<ann@example.org>: 1 message\n<cleo@example.org>: 1 message\n')
  t.equal((await digest()).code, 0)
  t.match(bodies(next).at(-1), /; State: 1 of 3 released; Number: /)
  t.match((await onescan(['quarantine', 'list', '--directory', directory])).out, ', 1 of 3 released\n') // biome-ignore format: a line
  t.match((await onescan(['quarantine', 'show', id, '--directory', directory])).out, /^recipient {3}<ben@example\.org>, has it since \S+, from \S+$/m) // biome-ignore format: a line
  t.equal((await onescan([...words, id])).code, 0)
  t.same(next.got.at(-1)?.recipients, ['ann@example.org', 'cleo@example.org'], 'the others')
})

t.test('texts of senders are neither links nor lines of their own', async (t) => {
  const { directory, next, digest } = await build(t)
  const subject =
    'http://evil.example/ www.evil.example \\\\host\\x file:///etc =?utf-8?B?4oCuZ25wLnRlc3QKCmlkIDE=?='
  await keepOne(directory, Date.now(), {
    text: `Subject: ${subject}\n\nbody\n`,
    sender: 'http://evil.example/@\xe2\x80\xae\nx',
    found: 'attachment <a href="https://evil.example">x\x1b[2J',
    recipients: [
      'www.evil.example@example.org',
      'http://x@evil.example',
      '"\\\\\\\\host"@evil.example',
      'b@example.org',
    ],
  })
  t.equal((await digest()).code, 0)
  const { body, html } = parted(next.got[0]!)
  for (const text of [body, html]) {
    t.notMatch(text, /:\/\/|www\.|\.example|\\\\|\/\//)
    t.notMatch(text, /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/)
  }
  t.match(body, /^1\. “http\[:\]\[\/\]\/evil\[\.\]example.*\\nid 1”; From: http/m)
  t.match(
    body,
    /; To: www\[\.\]evil\[\.\]example@example\[\.\]org, .*@evil\[\.\]example and 1 more\n/,
  )
  t.notMatch(html, /<a[ >]/)
  t.match(html, '&#60;a href=&#34;https[:]')
  t.ok(
    next.got[0]!.content.toString('latin1')
      .split('\r\n')
      .every((line) => line.length <= 78),
  )
})

t.test('a site has its own words, its page and its time zone', async (t) => {
  const { directory, next, digest } = await build(t)
  const ids: string[] = []
  for (let n = 0; n < 1002; n++)
    ids.push(
      await keepOne(directory, Date.parse('2026-07-01T10:00:00Z') + n * 1000, {
        found: `Win.Trojan.Agent-${n}`,
        text: 'From: =?iso-8859-1?Q?J=F6rg?= <j@x.example>\nSubject: =?koi8-r?B?08/U?=\n\nx\n',
      }),
    )
  const file = join(openDirectory(t), 'words')
  writeFileSync(
    file,
    `Subject: Quarantäne auf {host}: {count}${'ä'.repeat(40)}\n\nGuten Tag\n{messages}Ende\n`,
  )
  const range = (from: number, to: number) => ids.slice(from, to).reverse()
  const words = ['--text', file, '--zone', 'Europe/Berlin', '--env', 'QUARANTINEURL=https://mx.example.org/quarantine'] // biome-ignore format: a line
  t.match((await digest(['--zone', 'Mars'])).err, /--zone Mars: must be a time zone/)
  const { code, err } = await digest(words)
  t.equal(code, 0, err)
  const [body = ''] = bodies(next)
  const list = [
    '1. “сот”; From: Jörg <j@x[.]example>; Sent by: a@example[.]net; To: b@example.org',
    `Found: Virus (Win.Trojan.Agent-1001); Kept: Wed 1 Jul, 12:16 CEST; Number: ${shortNumber(ids[1001]!)}`,
    `https://mx.example.org/quarantine?message=${ids[1001]}`,
  ]
  t.equal(body.slice(0, body.indexOf('\n\n')), ['Guten Tag', ...list].join('\n'))
  t.match(bodies(next)[1], /^101\. “сот”; From/m)
  const numbers = bodies(next).map((text) => text.match(/(?<==)\d+\.[0-9a-f]{16}$/gm) ?? [])
  t.same(numbers.map(({ length }) => length), Array(10).fill(100)) // biome-ignore format: a line
  t.same(numbers.flat(), range(2, 1002), 'the newest first, in several mails')
  t.match(body, new RegExp(`${ids[902]}\n\nWe write .*\n\nEnde\n$`))
  t.match(
    bodies(next)[9],
    '\nAnother 2 messages will be in the next report.\n\n1002 messages in quarantine now.',
  )
  const [, subject = ''] = /^Subject: (.*(?:\r\n .*)*)/m.exec(parted(next.got[9]!).header) ?? []
  t.match(readableText(subject), /^Quarantäne auf \S+: 1002 messagesä{40} \(part 10 of 10\)$/)
  const { header, html } = parted(next.got[0]!)
  t.notMatch(header, 'Content-Language')
  t.match(html, /^<!DOCTYPE html>\n<html><head>[\s\S]*<div lang="en-GB">\n<div /)
  writeFileSync(fileOf(directory, ids[50]!), 'damaged')
  await digest(words.slice(2))
  const last = bodies(next)[10] ?? ''
  t.match(last, / kept 2 messages \(Virus: 2\)\./)
  t.match(last, /^All messages in quarantine: https:\/\/mx\.example\.org\/quarantine$/m)
  const link = 'https://mx.example.org/quarantine'
  t.match(
    parted(next.got[10]!).html,
    `>\nAll messages in quarantine: <a href="${link}">${link}</a></p>`,
  )
  t.match(last, '\n1 message cannot be read. Inform your mail administrator.\n')
  await digest([
    '--each',
    'example.org',
    '--env',
    'QUARANTINEURL=https://mx.example.org/quarantine',
  ])
  t.notMatch(bodies(next).at(-1), 'https://', 'a recipient has no token')
  t.match(
    parted(next.got.at(-1)!).html,
    /%0D%0AFor%20the%20help%20desk%3A%20https%3A%2F%2Fmx\.example\.org%2Fquarantine%3Fmessage%3D/,
  )
})

t.test('300 messages of a campaign are one entry, below those that are single', async (t) => {
  const { directory, next, digest } = await build(t)
  const now = Date.parse('2026-07-02T10:00:00Z')
  const keep = (minutes: number, record: Parameters<typeof keepOne>[2]) =>
    keepOne(directory, now - minutes * 60_000, record)
  const found = 'Html.Phishing.Bank-12'
  for (let n = 0; n < 300; n++)
    await keep(n, {
      found,
      sender: `x${n}@example.net`,
      recipients: [`r${n % 20}@example.org`],
      text: `From: Bank <x${n}@example.net>\nSubject: ${n % 2 ? 'Your account' : 'Your card'}\n\nx\n`,
    })
  const invoice = await keep(600, { found: 'Win.Trojan.Agent-1', sender: '', text: 'From: Ann <a@example.net>\nSubject: Invoice\n\nx\n' }) // biome-ignore format: a line
  const encrypted = { grounds: 'encrypted', found: 'Heuristics.Encrypted.Zip' }
  const zips: string[] = []
  for (let n = 0; n < 4; n++) zips.push(await keep(700 + n, { ...encrypted, sender: `s${n}@example.net` })) // biome-ignore format: a line
  for (let n = 0; n < 4; n++)
    await keep(800 + n, { ...encrypted, text: 'From: "Ben, X" <ben@example.net>\nSubject: Plan\n\nx\n', recipients: ['a', 'b', 'c', 'd'].map((name) => `${name}${n}@example.org`) }) // biome-ignore format: a line
  const page = 'https://mx.example.org/quarantine'
  const words = ['--zone', 'Europe/Berlin', '--env', `QUARANTINEURL=${page}`, '--json']
  const { out } = await digest(words)
  t.match(jsonIn(out), { sum: { mails: 1, messages: 309 } })
  const [body = ''] = bodies(next)
  t.match(body, 'kept 309 messages in 7 entries (Virus: 301, Encrypted content: 8)')
  const list = body.slice(body.indexOf('1. “Invoice”'), body.indexOf('\n\nMail with no sender'))
  const [first = '', ...others] = list.split('\n\n')
  t.match(first, /^1\. “Invoice”; From: Ann <a@example\[\.\]net>; Sent by: no sender; /)
  t.match(first, `\n${page}?message=${invoice}`)
  for (const [n, id] of zips.entries()) t.match(others[n], new RegExp(`^${n + 2}\\. .*\\n.*\\n.*message=${id}$`)) // biome-ignore format: a line
  t.equal(
    others[4],
    [
      '6. 300 messages, “Your card”, “Your account”; From: Bank <x0@example[.]net>, Bank <x1@example[.]net>, Bank <x2@example[.]net> and 297 more; To: r0@example.org, r1@example.org, r2@example.org and 17 more',
      'Found: Virus (Html.Phishing.Bank-12); First: Thu 2 Jul, 07:01 CEST; Last: Thu 2 Jul, 12:00 CEST',
      `Show all with this finding: ${page}?kind=virus&search=%22Html.Phishing.Bank-12%22`,
    ].join('\n'),
  )
  t.match(others[5], /^7\. 4 messages, “Plan”; From: "Ben, X" <ben@example\[\.\]net>; /)
  t.match(others[5], '; To: a0@example.org, b0@example.org, c0@example.org and more\n')
  t.equal(body.match(/no sender/g)?.length, 2, 'explained once')
  t.ok(body.split(/\s+/).length < 300, 'read in a minute')
  const links = [...body.matchAll(/\?(kind=.*)/g)].map(([, query]) => new URLSearchParams(query))
  for (const [n, count] of [300, 4].entries()) {
    const { kind = '', search = '' } = Object.fromEntries(links[n] ?? [])
    const searched = ['quarantine', 'list', '--directory', directory, '--grounds', kind, '--search', search, '--json'] // biome-ignore format: a line
    t.equal(jsonIn((await onescan(searched)).out).results.length, count, search)
  }
  await keep(900, { found, text: 'Subject: late\n\nx\n' })
  await digest(words)
  t.match(bodies(next)[1], '1. “late”')
})

t.test('a good message is seen among those of a campaign with the same finding', async (t) => {
  const { directory, next, digest } = await build(t)
  const now = Date.parse('2026-07-02T10:00:00Z')
  let minutes = 0
  const keep = (found: string, sender: string, subject: string) =>
    keepOne(directory, now - minutes++ * 60_000, {
      ...{ found, sender },
      text: `From: <${sender}>\nSubject: ${subject}\n\nx\n`,
    })
  for (let n = 0; n < 20; n++) await keep('Bank-12', `x@host${n}.example`, `Your account ${n}`)
  for (let n = 0; n < 20; n++) await keep('Bank-12', `x${n}@bot.example`, `word${'x'.repeat(n)}`)
  const good = await keep('Bank-12', 'anna@partner.example', 'Invoice 7')
  // A false signature, in mail of four partners.
  for (let n = 0; n < 4; n++) await keep('False-1', `ann@partner${n}.example`, `${'ABCD'[n]}`)
  // A campaign of which no two are alike.
  for (let n = 0; n < 20; n++) await keep('Random-1', `x@bot${n}.example`, 'y'.repeat(n + 1))
  const page = 'https://mx.example.org/quarantine'
  t.equal((await digest(['--env', `QUARANTINEURL=${page}`])).code, 0)
  const entries = [...bodies(next)[0]!.matchAll(/^\d\. (.*?); From/gm)].map(([, title]) => title)
  t.same(entries, [
    ...['“Invoice 7”', '“A”', '“B”', '“C”', '“D”'],
    '40 messages, “Your account 0”, “Your account 1”, “Your account 2” and 37 more',
    '20 messages, “y”, “yy”, “yyy” and 17 more',
  ])
  const [link] = bodies(next)[0]!.match(/(?<=\?)kind=.*/) ?? []
  const search = new URLSearchParams(link).get('search') ?? ''
  t.equal(search, `"Bank-12" -${good}`)
  const searched = ['quarantine', 'list', '--directory', directory, '--search', search, '--json']
  t.equal(jsonIn((await onescan(searched)).out).results.length, 40, 'and not the invoice')
})

t.test('a site has a digest in its own language', async (t) => {
  const { directory, next, digest } = await build(t)
  const file = join(openDirectory(t), 'words')
  const body = 'Zurückgehalten: {count} ({kinds})\n{messages}'
  const german =
    'From: Von\nKept: Am\nmessage: Nachricht\nVirus: Schadprogramm\nAsk for message: Anfordern'
  const write = (lines: string) => writeFileSync(file, `Subject: {count}\n${lines}\n\n${body}\n`)
  const time = Date.parse('2026-07-01T10:00:00Z')
  await keepOne(directory, time, { text: '\n', recipients: ['ann@example.org'] })
  const words = ['--each', 'example.org', '--text', file, '--zone', 'Europe/Berlin']
  for (const [lines, fault] of [
    ['', /must begin with lines such as "Subject: ..."/],
    ['Language: a sentence', /Language: a sentence: must be a tag such as de or pt-BR/],
    ['Form: Von', /Form: Von: must be a name and a text, such as "From: Von"/],
    ['Von', /Von: must be a name and a text/],
  ] as const) {
    if (lines === '') writeFileSync(file, 'Hello {messages}')
    else write(lines)
    const { code, err } = await digest(words)
    t.same([code, next.got.length], [2, 0])
    t.match(err, fault)
  }
  write(`Language: de\n${german}`)
  t.equal((await digest(words)).code, 0)
  const got = parted(next.got[0]!)
  t.match(got.header, /^Subject: 1 Nachricht\r\n[\s\S]*^Content-Language: de\r$/m)
  t.match(got.body, /^Zurückgehalten: 1 Nachricht \(Schadprogramm: 1\)\n1\. \(no subject\); Von: /)
  t.match(
    got.body,
    /^Am: Mi\., 1\. Juli, 12:00 MESZ; Deleted on: 31\. Juli; Number: \S+\nAnfordern 1: /m,
  )
  t.match(got.html, /^<!DOCTYPE html>\n<html lang="de">[\s\S]*<div lang="de">/)
})

t.test('the example of such words has the usual ones, each with its name', async (t) => {
  const file = join(import.meta.dirname, '../../../../packaging/shipped/examples/digest/digest-words') // biome-ignore format: a line
  const { phrases, ...words } = parseWords(readFileSync(file, 'utf8'), file)
  const { phrases: _, ...usual } = defaultWords(true, undefined)
  t.same(words, usual)
  const [, , ...others] = phrases
  t.same(others, TRANSLATED.map((phrase) => [phrase, phrase])) // biome-ignore format: a line
})

t.test('what was not sent is in the next digest', async (t) => {
  const { directory, next, digest } = await build(t)
  const id = await keepOne(directory, Date.now(), { recipients: ['a@x.org', 'b@x.org'] })
  next.script = (verb, line) => (verb === 'RCPT' && line.includes('a@') ? '451 later' : undefined)
  const { code, err, out } = await digest(['--each', 'x.org'])
  t.equal(code, 2)
  t.match(err, '<a@x.org>: ')
  t.match(err, '451 later')
  t.equal(out, '<b@x.org>: 1 message\n', 'the others have theirs')
  let text = ''
  next.script = at('.', (socket) => socket.destroy())
  t.equal((await digest(['--each', 'x.org'])).code, 2)
  next.script = (verb, line) => {
    if (verb === '.') text = line
    return undefined
  }
  t.equal((await digest(['--each', 'x.org'])).code, 0)
  t.match(partsIn(text).body, shortNumber(id))
  t.same(
    next.got.map(({ recipients }) => recipients[0]),
    ['b@x.org', 'a@x.org'],
  )
})

t.test('a mail that cannot be noted is not sent, and half a line is no obstacle', async (t) => {
  const { directory, next, digest, reported } = await build(t)
  const id = await keepOne(directory, Date.now())
  mkdirSync(reported)
  const { code, err } = await digest()
  t.same([code, next.got.length], [2, 0])
  t.match(err, 'digest.reported')
  rmdirSync(reported)
  t.equal((await digest()).code, 0)
  appendFileSync(reported, `${id.slice(0, 20)}`)
  await keepOne(directory, Date.now())
  t.equal((await digest()).code, 0)
  t.equal(next.got.length, 2)
  const lines = readFileSync(reported, 'latin1').trimEnd().split('\n')
  t.equal(lines.filter((line) => !/\.0{16} /.test(line)).length, 2)
})

t.test('of two digests at once one is sent', async (t) => {
  const { directory, next, digest } = await build(t)
  await keepOne(directory, Date.now())
  const asked = next.asked('MAIL')
  const first = digest()
  const socket = await asked
  const second = await digest()
  t.same([second.code, /is being carried out/.test(second.err)], [2, true])
  socket.write('250 ok\r\n')
  t.equal((await first).code, 0)
  t.equal(next.got.length, 1)
})

t.test(
  'a digest that is killed leaves nothing out, and repeats at most the same mail',
  async (t) => {
    const preload = resolve(import.meta.dirname, '../../../programs/host/kill-before.cjs')
    const run = async (t: Test, fatal?: number) => {
      const { directory, next, digest } = await build(t)
      const calls = join(openDirectory(t), 'calls')
      const id = await keepOne(directory, Date.now())
      const env = {
        NODE_OPTIONS: `--require ${preload}`,
        ...(fatal === undefined ? { CALLS: calls } : { KILL_BEFORE: String(fatal) }),
      }
      const { code } = await digest([], { env, runtime: process.execPath })
      return { code, id, next, digest, calls }
    }
    const whole = await run(t)
    t.equal(whole.code, 0)
    const number = Number(readFileSync(whole.calls, 'utf8'))
    t.ok(number > 3, `${number} calls, from the file of the last digest on`)
    for (let call = 1; call <= number; call++) {
      await t.test(`before call ${call}`, async (t) => {
        const { code, id, next, digest } = await run(t, call)
        t.equal(code, null, 'it was killed')
        const before = next.got.length
        const { code: then, err } = await digest()
        t.equal(then, 0, err)
        t.ok(next.got.length >= 1, 'it was sent')
        t.match(bodies(next).at(-1), shortNumber(id))
        if (next.got.length > 1) t.equal(idOf(next.got[0]), idOf(next.got[1]), `${before} before`)
        t.equal((await digest()).out, 'nothing is new in quarantine\n')
      })
    }
  },
)
