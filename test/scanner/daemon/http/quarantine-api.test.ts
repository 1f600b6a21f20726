import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { becomePlain } from '../../../programs/host/plain-account.ts'
import { until } from '../../../run/until.ts'
import { at } from '../../doors/smtp/next-server.ts'
import { fileOf, keepOne } from '../../scan/quarantine/quarantined.ts'
import { ask, serveApi, TOKEN } from './quarantine-rig.ts'
import { askRaw, serve } from './rig.ts'

/** The quarantine over HTTP. */

becomePlain()

const HOUR = 3_600_000
const evil = '<img src=x onerror=alert(1)>\u202e\x07'

t.test('without tokens of its own there is no API', async (t) => {
  const { port } = await serve(t)
  const { status } = await ask(port, 'GET', '/quarantine/v1/messages', undefined, {})
  t.equal(status, 404)
})

t.test('only a person with a token is let in, and guessing is limited', async (t) => {
  const api = await serveApi(t)
  const get = (authorization?: string) =>
    ask(api.port, 'GET', '/quarantine/v1/messages', undefined, {
      ...(authorization !== undefined && { Authorization: authorization }),
    })
  t.equal((await get(`Bearer ${TOKEN}`)).status, 200)
  t.equal((await get('Bearer the-token-of-ben-0123456789')).status, 200)
  const basic = Buffer.from(`ann:${TOKEN}`).toString('base64')
  const wrong = [undefined, `Basic ${basic}`, `Bearer ${TOKEN}x`, 'Bearer ann', `Bearer ${TOKEN} x`]
  for (const authorization of wrong) {
    const { status, headers, json } = await get(authorization)
    t.same([status, headers['www-authenticate']], [401, 'Bearer realm="onescan quarantine"'])
    t.match(json, { type: 'https://onescan.example.org/problems/no-token', status: 401 })
    t.equal(headers['content-type'], 'application/problem+json')
  }
  await api.logged(/http: a wrong token for the quarantine from 127\.0\.0\.1/)
  for (let n = 0; n < 10; n++) t.equal((await get()).status, 401, 'no guess')
  for (let n = wrong.length - 1; n < 10; n++) t.equal((await get('Bearer guess')).status, 401)
  const locked = await get('Bearer the-token-of-eve-0123456789')
  t.equal(locked.status, 429, 'the right token, too, since a guess may be right')
  t.match(locked.headers['retry-after'], /^[1-6]?\d$/)
  t.equal((await get('Bearer guess')).status, 429)
  for (const token of [TOKEN, 'the-token-of-ben-0123456789'])
    t.equal((await get(`Bearer ${token}`)).status, 200, 'a person who was there before may go on')
})

t.test('releases that hang are those of one person, and delay nothing else', async (t) => {
  const api = await serveApi(t)
  const as = (token: string, method: string, path: string, key = '') =>
    ask(api.port, method, `/quarantine/v1/${path}`, method === 'POST' ? {} : undefined, {
      Authorization: `Bearer ${token}`,
      'Idempotency-Key': key,
    })
  const ids: string[] = []
  for (let n = 0; n < 6; n++) ids.push(await keepOne(api.directory, Date.now()))
  const held: Socket[] = []
  api.next.script = at('MAIL', (socket) => held.push(socket))
  const hanging = ids.slice(0, 4).map((id, n) => as(TOKEN, 'POST', `messages/${id}/release`, `${n}`)) // biome-ignore format: a line
  await until(() => held.length === 4, 'four releases hang')
  for (const written of ['release', 'release?']) {
    const fifth = await as(TOKEN, 'POST', `messages/${ids[4]}/${written}`, '4')
    t.match(fifth.json, { status: 503, detail: /^4 of your releases wait/ }, written)
  }
  t.equal((await as(TOKEN, 'GET', 'messages')).status, 200, 'ann reads on')
  t.equal((await as(TOKEN, 'DELETE', `messages/${ids[4]}`)).status, 200)
  api.next.script = undefined
  const bens = await as('the-token-of-ben-0123456789', 'POST', `messages/${ids[5]}/release`, '5')
  t.equal(bens.status, 200, 'ben releases')
  for (const socket of held) socket.write('250 ok\r\n')
  for (const { status } of await Promise.all(hanging)) t.equal(status, 200)
})

t.test(
  'a person whose token is removed is let in until SIGHUP, and a bad file changes nothing',
  async (t) => {
    const api = await serveApi(t)
    const statusOf = async (token: string) => {
      const headers = { Authorization: `Bearer ${token}` }
      return (await ask(api.port, 'GET', '/quarantine/v1/messages', undefined, headers)).status
    }
    const [ben, fay] = ['the-token-of-ben-0123456789', 'the-token-of-fay-0123456789']
    writeFileSync(api.tokens, 'ann short\n')
    api.child.kill('SIGHUP')
    await api.logged(/^onescand: the old tokens remain in use: --http-quarantine /)
    t.equal(await statusOf(ben), 200)
    writeFileSync(api.tokens, `ann ${TOKEN}\nfay ${fay}\n`)
    api.child.kill('SIGHUP')
    await until(async () => (await statusOf(ben)) === 401, 'ben is not let in')
    t.same([await statusOf(TOKEN), await statusOf(fay)], [200, 200])
  },
)

t.test('requests of one person that do not arrive take 16 connections', async (t) => {
  const api = await serveApi(t)
  const slow = () =>
    askRaw(
      api.port,
      `POST /quarantine/v1/messages/x/release HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 9\r\n\r\n{`,
    )
  let ended = 0
  const replies = Array.from({ length: 20 }, async (_, n) => {
    const status = (await slow()).slice(9, 12)
    if (n < 16) ended++
    return status
  })
  t.same(await Promise.all(replies.slice(16)), Array(4).fill('503'))
  t.equal(ended, 0, 'they do not wait for those that have a connection')
  const ben = await ask(api.port, 'GET', '/quarantine/v1/messages', undefined, {
    Authorization: 'Bearer the-token-of-ben-0123456789',
  })
  t.equal(ben.status, 200)
  for (const status of await Promise.all(replies.slice(0, 16))) t.not(status, '503')
})

t.test('a list has filters and pages, the newest message first', async (t) => {
  const api = await serveApi(t)
  const now = Date.now()
  const ids = [
    await keepOne(api.directory, now - 50 * HOUR, { sender: 'old@example.net' }),
    await keepOne(api.directory, now - 2 * HOUR, {
      grounds: 'banned',
      found: Buffer.from(evil).toString('latin1'),
    }),
    await keepOne(api.directory, now - HOUR, {
      recipients: Array.from({ length: 12 }, (_, n) => `r${n}@example.org`),
      text: 'From: a@b.c\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n =?utf-8?Q?_x?=\n\nbody\n',
    }),
  ]
  const listed = async (query: string) => {
    const { status, json } = await api.call('GET', `messages${query}`)
    t.equal(status, 200, query)
    return json.messages.map(({ id }: { id: string }) => ids.indexOf(id))
  }
  t.same(await listed(''), [2, 1, 0])
  const time = (age: number) => new Date(now - age * HOUR).toISOString()
  t.same(await listed(`?since=${time(3)}`), [2, 1])
  t.same(await listed(`?until=${time(3)}`), [0])
  t.same(await listed('?grounds=banned'), [1])
  t.same(await listed('?search=OLD%40'), [0])
  t.same(await listed('?search=gr%C3%BC%C3%9Fe'), [2], 'by subject')
  t.same(await listed('?search=r11@'), [2], 'by a recipient that is not shown')
  t.same(await listed('?state=released'), [])
  const first = (await api.call('GET', 'messages?limit=2')).json
  t.equal(first.next, ids[1])
  t.same(await listed(`?limit=2&before=${first.next}`), [0])
  const [message] = first.messages
  t.match(message, { subject: 'Grüße x', recipientCount: 12, interface: 'qmail', state: 'kept' })
  t.equal(message.recipients.length, 10)
  t.equal((await api.call('GET', 'messages?grounds=banned')).json.messages[0].found, evil)
  for (const query of ['?limit=0', '?limit=10001', '?x=1', '?since=yesterday', '?state=new']) {
    const { status, json } = await api.call('GET', `messages${query}`)
    t.match([status, json.title], [400, 'The request is malformed'], query)
  }
  t.same(await listed(`?search=${encodeURIComponent('y r11@EXAMPLE grüße')}`), [], 'each word')
  t.same(await listed(`?search=${encodeURIComponent('x r11@EXAMPLE grüße')}`), [2])
  t.same(await listed('?recipient=R1@'), [2])
  t.equal((await api.call('GET', 'messages?limit=1&limit=2')).status, 400)
  t.equal((await api.call('GET', 'messages?before=../x')).status, 400)
})

t.test(
  'a message is shown by its data, its header and its parts, and never as content',
  async (t) => {
    const api = await serveApi(t)
    const text = [
      'From: a@b.c',
      `Subject: ${evil}`,
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=x',
      '',
      '--x',
      'Content-Type: text/html',
      '',
      '<script>alert(1)</script>',
      '--x',
      'Content-Type: application/octet-stream; name="<b>x.exe"',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from(EICAR).toString('base64'),
      '--x--',
      '',
    ].join('\n')
    const latin1 = Buffer.from(text).toString('latin1')
    const id = await keepOne(api.directory, Date.now(), {
      text: latin1,
      sender: '\xfc@example.net',
    })
    const { status, json, headers } = await api.call('GET', `messages/${id}`)
    t.equal(status, 200)
    t.match(json, { id, grounds: 'virus', sender: '\ufffd@example.net', isHeaderComplete: true })
    t.match(
      json.header,
      /^From: a@b\.c\nSubject: <img[^\n]*\nMIME-Version: 1\.0\nContent-Type: [^\n]*\n$/,
    )
    t.equal(headers['content-type'], 'application/json')
    t.equal(headers['x-content-type-options'], 'nosniff')
    t.match(headers['content-security-policy'], /default-src 'none'/)
    const { json: found } = await api.call('GET', `messages/${id}/parts`)
    t.equal(found.isComplete, true)
    const infected = found.parts.filter(({ answer }: { answer: string }) => answer === 'infected')
    t.equal(infected.length, 1)
    t.match(infected[0], {
      size: EICAR.length,
      finding: /eicar/i,
      types: ['application/octet-stream'],
    })
    t.match(infected[0].names.join(), 'b>x.exe')
    t.notMatch(JSON.stringify(found), 'alert(1)</script>')
    const large = await keepOne(api.directory, Date.now(), {
      text: `${latin1}${'x'.repeat(100 * 1024 * 1024)}`,
    })
    t.same((await api.call('GET', `messages/${large}/parts`)).json, {
      parts: [],
      isComplete: false,
    })
  },
)

t.test('what people know of a message is decoded, shown and found', async (t) => {
  const api = await serveApi(t)
  const text = [
    'From: =?koi8-r?B?58/G?= <b@example.net>',
    'Subject: \xd3\xde\xa3\xd4',
    `X-Long: ${'x'.repeat(8000)}`,
    'Content-Type: multipart/mixed; boundary=x',
    '',
    '--x',
    'Content-Type: text/plain; charset=koi8-r',
    '',
    `\xf0\xd2\xc9\xd7\xc5\xd4 \x1b[2J${'y\n'.repeat(400_000)}`,
    '--x',
    `Content-Disposition: attachment;\n filename*=utf-8''Rechnung%20%E2%80%AE.zip`,
    '',
    'x',
    '--x--',
    '',
  ].join('\n')
  const id = await keepOne(api.directory, Date.now(), { text })
  await keepOne(api.directory, Date.now())
  const known = {
    from: 'Гоф <b@example.net>',
    subject: 'счёт',
    attachments: ['Rechnung \\u202e.zip'],
  }
  for (const search of ['гоф счёт', 'rechnung ЗИП'.replace('ЗИП', '.zip'), 'B@example.NET'])
    t.match((await api.call('GET', `messages?search=${encodeURIComponent(search)}`)).json.messages, [{ id, ...known }], search) // biome-ignore format: a line
  t.match((await api.call('GET', `messages/${id}`)).json, known)
  const { json } = await api.call('GET', `messages/${id}/text`)
  t.match(json, { text: /^Привет \\u001b\[2Jy\ny/, isCut: true })
  const html = '<head><title>t</title></head><p>a &amp; &#x202e;b<br>c<script>x()</script><!-- d --><img src=x>\n e</p><a href="http://evil.example">f</a><' // biome-ignore format: a line
  const page = await keepOne(api.directory, Date.now(), {
    text: `Content-Type: text/html\n\n${html}\n`,
  })
  t.same((await api.call('GET', `messages/${page}/text`)).json, {
    text: 'a & \\u202eb\nc e\nf [leads to http://evil.example]',
    isCut: false,
    links: [],
  })
  const links = [
    [`<a href='http://evil.example/a b?x=1&amp;y'>https://www.bank.example</a>`, 'https://www.bank.example [leads to http://evil.example/a b?x=1&y]'], // biome-ignore format: a line
    ['<A class=x HREF=https://a.example/>a.example</A>', 'a.example'],
    ['<a href="#top">up</a> <a name=x>here</a> <abbr>b</abbr>', 'up here b'],
    ['<a href=http://b.example>one<a href=javascript:x()>two</a>', 'one [leads to http://b.example]two [leads to javascript:x()]'], // biome-ignore format: a line
  ]
  for (const [markup, words] of links) {
    const of = await keepOne(api.directory, Date.now(), { text: `Content-Type: text/html\n\n${markup}\n` }) // biome-ignore format: a line
    t.equal((await api.call('GET', `messages/${of}/text`)).json.text, words)
  }
  // Of two forms the plain one is the text, and the other may hide where its links lead.
  const part = (type: string, body: string) => `--b\nContent-Type: text/${type}\n\n${body}\n`
  const other = '<a href="http://evil.example/&amp;\u202e">www.bank.example</a> <a href="http://a.example">a.example</a>' // biome-ignore format: a line
  const both = await keepOne(api.directory, Date.now(), {
    text: `Content-Type: multipart/alternative; boundary=b\n\n${part('plain', 'Dear Ann')}${part('html; charset=utf-8', Buffer.from(other).toString('latin1'))}--b--\n`,
  })
  t.same((await api.call('GET', `messages/${both}/text`)).json, {
    text: 'Dear Ann',
    isCut: false,
    links: [{ text: 'www.bank.example', target: 'http://evil.example/&\\u202e' }],
  })
  // Scanners get such a text within the message alone.
  const asItIs = [
    ['Subject: x\n\nDear Ann\n', 'Dear Ann'],
    ['Content-Type: text/plain; charset=windows-1251\n\n\xcf\xf0\xe8\xe2\xe5\xf2\n', 'Привет'],
  ] as const
  for (const [letter, words] of asItIs) {
    const of = await keepOne(api.directory, Date.now(), { text: letter })
    t.equal((await api.call('GET', `messages/${of}/text`)).json.text, words)
    t.match((await api.call('GET', `messages/${of}/parts`)).json.parts, [{ types: ['text/plain'] }])
  }
})

t.test('a release to many recipients is one action of several mails', async (t) => {
  const api = await serveApi(t)
  const recipients = Array.from({ length: 70 }, (_, n) => `r${n}@example.org`)
  const id = await keepOne(api.directory, Date.now(), { recipients })
  const { status, json } = await api.release(id, {}, 'crowd')
  t.equal(status, 200)
  t.same(json.recipients, recipients)
  t.same(
    api.next.got.map(({ recipients: got }) => got.length),
    [32, 32, 6],
  )
  for (const { content } of api.next.got)
    t.match(content.toString('latin1'), /^X-SHA256-Cluster-1: .*!released/)
  t.same((await api.release(id, {}, 'crowd')).json, json)
  t.equal(api.next.got.length, 3)
  t.match((await api.call('GET', 'messages?state=released')).json.messages[0].history, [{ person: 'ann', act: 'released', recipientCount: 70 }]) // biome-ignore format: a line

  const other = await keepOne(api.directory, Date.now(), { recipients })
  api.next.script = (verb, line) =>
    verb === 'RCPT' && line.includes('r40@') ? '550 no' : undefined
  const some = await api.release(other, {}, 'some')
  t.match(
    [some.status, some.json],
    [502, { code: 'partly-released', answer: '550 no', detail: /32 of 70/ }],
  )
  t.same((await api.release(other, {}, 'some')).json, some.json, 'the same request sends nothing')
  t.match((await api.call('GET', 'messages')).json.messages, [{ state: 'kept', releasedCount: 32, recipientCount: 70 }]) // biome-ignore format: a line
  t.match(
    (await api.release(other, { again: true })).json,
    { code: 'partly-released', remaining: 38, detail: /32 of 70/ },
    'those who received it before count',
  )
  api.next.script = undefined
  t.same((await api.release(other)).json.recipients, recipients.slice(32))
  t.same(
    api.next.got.slice(3).flatMap(({ recipients: got }) => got),
    recipients,
    'each once',
  )
  const again = await api.release(other, { again: true })
  t.equal(again.json.recipients.length, 70, 'a finished release begins anew')
})

t.test('a message is released when all of its recipients have it', async (t) => {
  const api = await serveApi(t)
  const recipients = ['ann@example.org', 'Ben@example.org', 'cleo@example.org']
  const id = await keepOne(api.directory, Date.now(), { recipients })
  const known = async () => {
    const { state, releasedCount, releasedTo } = (await api.call('GET', `messages/${id}`)).json
    const listed = (await api.call('GET', 'messages')).json.messages.length
    return [state, releasedCount, listed, ...releasedTo.map(({ recipient, person }: { recipient: string; person: string }) => `${recipient} ${person}`)] // biome-ignore format: a line
  }
  const sent = () => api.next.got.map(({ recipients: to }) => to)
  t.equal((await api.release(id, { to: ['ben@example.org'] })).status, 200)
  t.same(await known(), ['kept', 1, 1, 'ben@example.org ann'])
  t.match((await api.release(id, { to: ['BEN@example.org'] })).json, { code: 'released' })
  t.equal((await api.release(id, { to: ['ann@example.org', 'Ben@example.org'] })).status, 200)
  t.equal((await api.release(id, { to: ['eve@example.net'] })).status, 200)
  t.same((await known()).slice(0, 3), ['kept', 2, 1])
  t.equal((await api.release(id)).status, 200)
  t.same((await known()).slice(0, 3), ['released', 3, 0])
  t.same(sent(), [['ben@example.org'], ['ann@example.org'], ['eve@example.net'], ['cleo@example.org']]) // biome-ignore format: a line
  t.match((await api.release(id)).json, { code: 'released' })
  t.equal((await api.release(id, { to: ['ben@example.org'], again: true })).status, 200)
  t.same(sent().at(-1), ['ben@example.org'], 'twice, as asked for')
  t.equal((await api.call('GET', 'messages?state=all')).json.messages.length, 1)
  await api.call('DELETE', `messages/${id}`)
  t.notMatch(readdirSync(join(api.directory, 'release.requests')).join(' '), id)
})

t.test(
  'a short number is sought as a word of its own, and words in quotation marks together',
  async (t) => {
    const api = await serveApi(t)
    const keep = (subject: string, age: number) =>
      keepOne(api.directory, Date.now() - age * 60_000, { text: `Subject: ${subject}\n\nx\n` })
    const ids = [
      await keep('You have won 7', 1),
      await keep('won: have you 77', 2),
      await keep('7. March', 3),
    ]
    const sought = async (search: string) => {
      const { json } = await api.call('GET', `messages?${new URLSearchParams({ search })}`)
      return json.messages.map(({ id }: { id: string }) => ids.indexOf(id)).sort()
    }
    t.same(await sought('You have won 7'), [0])
    t.same(await sought('7'), [0, 2])
    t.same(await sought('won 77'), [1])
    t.same(await sought('have won'), [0, 1])
    t.same(await sought('"have won"'), [0])
    t.same(await sought(ids[1]!), [1])
    t.same(await sought(ids[1]!.slice(0, 13)), [1])
    t.same(await sought(ids[1]!.slice(0, 9)), [], 'a number of a message has a dot')
  },
)

t.test('a list begins with the recipients who were searched for', async (t) => {
  const api = await serveApi(t)
  const recipients = Array.from({ length: 40 }, (_, n) => `user${n}@example.org`)
  const id = await keepOne(api.directory, Date.now(), { recipients })
  const first = async (search: string) =>
    (await api.call('GET', `messages?${new URLSearchParams({ search })}`)).json.messages[0]?.recipients.slice(0, 2) // biome-ignore format: a line
  t.same(await first('user17'), ['user17@example.org', 'user0@example.org'])
  t.same(await first('example.org <USER4@example[.]org>,'), ['user4@example.org', 'user0@example.org']) // biome-ignore format: a line
  t.same(await first(`Subject: Re: Please deliver: x (${id})`), recipients.slice(0, 2))
  t.same(await first('“x” “(x)”'), recipients.slice(0, 2))
})

t.test('many messages are released and deleted in one request, each once', async (t) => {
  const api = await serveApi(t)
  const ids: string[] = []
  for (let n = 0; n < 4; n++) ids.push(await keepOne(api.directory, Date.now()))
  const release = (key: string) =>
    api.call('POST', 'messages/release', { body: { ids }, headers: { 'Idempotency-Key': key } })
  t.equal((await api.release(ids[1]!)).status, 200)
  const first = await release('many')
  const codes = first.json.results.map(({ released, problem }: { released?: true; problem?: { code: string } }) => released ?? problem?.code) // biome-ignore format: a line
  t.same(codes, [true, 'released', true, true])
  t.same((await release('many')).json, first.json)
  t.equal(api.next.got.length, 4)
  const removed = await api.call('POST', 'messages/delete', { body: { ids: [...ids, ids[0]] } })
  t.equal(removed.json.results.filter(({ deleted }: { deleted?: true }) => deleted).length, 4)
  t.same((await api.call('GET', 'messages?state=released')).json.messages, [])
  for (const body of [{}, { ids: [1] }, { ids: 'x' }, { ids: [], x: 1 }, '[', { ids: Array(1001).fill('x') }]) // biome-ignore format: a line
    t.equal((await api.call('POST', 'messages/delete', { body })).status, 400)
  t.equal((await api.call('POST', 'messages/release', { body: { ids } })).status, 400, 'no key')
})

t.test('a message without a header is shown without its body', async (t) => {
  const api = await serveApi(t)
  for (const text of ['\nSubject: y\n\nbody\n', '\r\nSubject: y\r\n\r\nbody\r\n']) {
    const id = await keepOne(api.directory, Date.now(), { text })
    const { json } = await api.call('GET', `messages/${id}`)
    t.match(json, { header: '', isHeaderComplete: true, subject: null })
  }
  const id = await keepOne(api.directory, Date.now(), { text: 'Subject : x\r\n\r\nbody\r\n' })
  const { json } = await api.call('GET', `messages/${id}`)
  t.match(json, { header: 'Subject : x\r\n', isHeaderComplete: true, subject: 'x' })
})

t.test('a line of CR LF does not end the header of a message in LF', async (t) => {
  const api = await serveApi(t)
  const header = 'From: a@example.org\n\r\nSubject: x\n'
  const id = await keepOne(api.directory, Date.now(), { text: `${header}\nbody\n` })
  const { json } = await api.call('GET', `messages/${id}`)
  t.match(json, { header, isHeaderComplete: true, subject: 'x' })
})

t.test(
  'a release is one action however often it is sent, and has the answer of the next server',
  async (t) => {
    const api = await serveApi(t)
    const id = await keepOne(api.directory, Date.now(), {
      recipients: ['b@example.org', 'c@example.org'],
    })
    const first = await api.release(id, {}, 'key-1')
    t.match(
      [first.status, first.json],
      [200, { id, answer: /^250 2\.0\.0 next queued it as 1/, isSigned: true }],
    )
    t.same(first.json.recipients, ['b@example.org', 'c@example.org'])
    const again = await api.release(id, {}, 'key-1')
    t.same([again.status, again.text], [first.status, first.text])
    t.equal(api.next.got.length, 1)
    t.match(api.next.got[0]!.content.toString('latin1'), /^X-SHA256-Cluster-1: .*!released/)
    t.match((await api.release(id, { again: true }, 'key-1')).json, { status: 422 })
    t.match((await api.release(id, {}, 'key-2')).json, { status: 409, type: /released$/ })
    t.equal((await api.release(id, { again: true }, 'key-3')).status, 200)
    t.equal(api.next.got.length, 2)
    t.same((await api.call('GET', 'messages?state=released')).json.messages[0].id, id)
    const log = readFileSync(join(api.directory, 'quarantine.log'), 'latin1')
    t.match(
      log,
      new RegExp(
        `quarantine=release kept=${id} .*next="250 2.0.0 next queued it as 1 for 2" .*who=ann@127.0.0.1 `,
      ),
    )
    await api.logged(new RegExp(`^onescan: quarantine=release kept=${id} .* who=ann@127.0.0.1`))
  },
)

t.test('a release may be for some recipients, or for another address', async (t) => {
  const api = await serveApi(t)
  const id = await keepOne(api.directory, Date.now(), {
    recipients: ['b@example.org', 'c@example.org'],
  })
  t.equal((await api.release(id, { to: ['c@example.org'] })).status, 200)
  t.equal((await api.release(id, { to: ['jörg@example.org'], again: true })).status, 200)
  t.same(
    api.next.got.map(({ recipients }) => recipients),
    [['c@example.org'], [Buffer.from('jörg@example.org').toString('latin1')]],
  )
  const bad = [
    { to: 'x' },
    { to: ['a b'] },
    { to: ['<x>'] },
    { to: ['x\r\ny'] },
    { x: 1 },
    '[',
    '1',
    { again: 1 },
  ]
  for (const body of bad) t.equal((await api.release(id, body)).status, 400, JSON.stringify(body))
  t.equal((await api.call('POST', `messages/${id}/release`, { body: {} })).status, 400, 'no key')
  t.equal((await api.release(id, ' '.repeat(65_537))).status, 413)
})

t.test('an address that is not UTF-8 is released to itself, and to no other one', async (t) => {
  const api = await serveApi(t)
  const recipients = [
    '\xfc@example.org',
    'b@example.org',
    '\xe4\xff@example.org',
    '\xff\xe4@example.org',
  ]
  const id = await keepOne(api.directory, Date.now(), { recipients })
  const { json } = await api.call('GET', `messages/${id}`)
  const [one, plain, ...alike] = json.recipients
  for (const other of [...alike, '\ufffdx@example.org']) {
    const { status, json: problem } = await api.release(id, { to: [other] })
    t.equal(status, 409)
    const detail = alike.includes(other)
      ? /: may be more than one recipient/
      : /: is not a recipient of this message/
    t.match(problem, { type: /cannot-release$/, detail })
  }
  t.equal(api.next.calls, 0)
  t.equal((await api.release(id, { to: [one, plain] })).status, 200)
  t.equal((await api.release(id, { again: true })).status, 200)
  t.same(
    api.next.got.map(({ recipients: got }) => got),
    [recipients.slice(0, 2), recipients.slice(2)],
  )
})

t.test('nothing is lost or doubled, whatever the next server does', async (t) => {
  const api = await serveApi(t)
  const id = await keepOne(api.directory, Date.now())
  api.next.script = at('.', '451 4.7.1 Try again later')
  for (let n = 0; n < 2; n++) {
    const { status, json } = await api.release(id, {}, 'later')
    t.match([status, json], [502, { type: /refused$/, answer: '451 4.7.1 Try again later' }])
  }
  api.next.script = undefined
  t.equal((await api.release(id, {}, 'later')).status, 200, 'nothing was sent before')

  const lost = await keepOne(api.directory, Date.now())
  api.next.script = at('.', (socket) => socket.destroy())
  const first = await api.release(lost, {}, 'lost')
  t.match([first.status, first.json], [502, { type: /maybe-sent$/ }])
  api.next.script = undefined
  t.same((await api.release(lost, {}, 'lost')).json, first.json)
  t.match((await api.release(lost)).json, { status: 409, type: /interrupted$/ })
  t.equal((await api.release(lost, { again: true })).status, 200)

  const busy = await keepOne(api.directory, Date.now())
  const held = api.next.asked('MAIL')
  const one = api.release(busy, {}, 'one')
  const socket = await held
  t.match((await api.release(busy, {}, 'one')).json, { status: 409, type: /busy$/ })
  t.match((await api.release(busy, {}, 'two')).json, { status: 409, type: /busy$/ })
  t.match((await api.call('DELETE', `messages/${busy}`)).json, { status: 409 })
  const before = api.next.got.length
  socket.write('250 ok\r\n')
  t.equal((await one).status, 200)
  t.equal(api.next.got.length, before + 1)
})

t.test('a list of mail with the longest addresses in 8-bit ends a page early', async (t) => {
  const api = await serveApi(t)
  const recipients = Array.from({ length: 10 }, (_, n) => `${n}${'\xfc'.repeat(1000)}`)
  for (let n = 0; n < 1200; n++) await keepOne(api.directory, Date.now(), { recipients })
  const ids = new Set<string>()
  for (let before: string | undefined = ''; before !== undefined; ) {
    const { json } = await api.call('GET', `messages?limit=10000${before}`)
    for (const { id } of json.messages) ids.add(id)
    before = json.next === null ? undefined : `&before=${json.next}`
  }
  t.equal(ids.size, 1200)
})

t.test(
  'a release whose process was killed is not repeated, however often it is sent',
  async (t) => {
    const api = await serveApi(t)
    const id = await keepOne(api.directory, Date.now())
    t.equal((await api.release(id, { again: true }, 'killed')).status, 200)
    const folder = join(api.directory, 'release.requests')
    const name = readdirSync(folder).find((file) => /^[0-9a-f]+$/.test(file)) ?? ''
    const { wanted } = JSON.parse(readFileSync(join(folder, name), 'utf8'))
    const noted = { wanted, taker: { pid: 1, started: 0 } }
    writeFileSync(join(folder, name), JSON.stringify(noted), { mode: 0o600 })
    for (let n = 0; n < 3; n++)
      t.match((await api.release(id, { again: true }, 'killed')).json, { type: /released$/ })
    t.equal(api.next.got.length, 1)
    t.equal((await api.release(id, { again: true })).status, 200, 'with a new key')
  },
)

t.test(
  'a release without a server, a key or a clear header states that, and keeps the message',
  async (t) => {
    const api = await serveApi(t)
    const unclear = await keepOne(api.directory, Date.now(), { grounds: 'unclear-header' })
    t.match((await api.release(unclear)).json, {
      ...{ status: 409, type: /cannot-release$/, code: 'cannot-sign' },
      detail: /"stamp": false/,
    })
    t.equal((await api.release(unclear, { stamp: false })).status, 200)
    const spoilt = await keepOne(api.directory, Date.now())
    const file = fileOf(api.directory, spoilt)
    writeFileSync(file, `${readFileSync(file, 'latin1')}x`)
    t.match((await api.release(spoilt)).json, { status: 500, type: /damaged$/ })
    t.match((await api.call('GET', `messages/${spoilt}/parts`)).json, { type: /damaged$/ })
  },
)

t.test('a message that is not there, or no longer, is 404', async (t) => {
  const api = await serveApi(t)
  const id = await keepOne(api.directory, Date.now())
  t.match((await api.call('DELETE', `messages/${id}`)).json, { id, deleted: true })
  for (const odd of [
    id,
    '1.0000000000000000',
    '..%2f..%2fetc%2fpasswd',
    '%00',
    '%ff',
    'x'.repeat(100),
  ]) {
    t.match((await api.call('GET', `messages/${odd}`)).json, { status: 404 }, odd)
    t.equal((await api.call('DELETE', `messages/${odd}`)).status, 404, odd)
    t.equal((await api.release(odd)).status, 404, odd)
  }
  for (const path of ['', 'x', 'messages/', `messages/${id}/x`, 'messages/a/b/c', '../data.json'])
    t.equal((await api.call('GET', path)).status, 404, path)
  const { status, headers } = await api.call('PUT', 'messages')
  t.same([status, headers.allow], [405, 'GET'])
  const ids: string[] = []
  for (let n = 0; n < 3; n++) ids.push(await keepOne(api.directory, Date.now()))
  rmSync(fileOf(api.directory, ids[1]!))
  const folder = dirname(fileOf(api.directory, ids[0]!))
  renameSync(fileOf(api.directory, ids[0]!), join(folder, '../cur', `${ids[0]},S=17:2,PS`))
  const { json } = await api.call('GET', 'messages')
  t.same(
    json.messages.map((message: { id: string }) => message.id),
    [ids[2]],
  )
})

t.test('a process that dies is a failed request, and the next one is answered', async (t) => {
  const api = await serveApi(t)
  rmSync(api.directory, { recursive: true })
  t.match((await api.call('GET', 'messages')).json, { status: 500, type: /quarantine$/ })
  await until(() => api.log.length > 0, 'onescand logs')
  t.equal((await api.get('/readyz')).status, 200)
})
