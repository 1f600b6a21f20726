import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { readAddress, withPlainDomain } from '../../../src/mail/message/envelope/address.ts'
import { namedMailboxOf, parseBackendMap, readBackendMap } from '../../../src/scan/quota/mailbox.ts'
import {
  NOT_KNOWN,
  QUOTA_REPLY_MAX,
  readBody,
  readReplyDatagram,
} from '../../../src/scan/quota/quota-answer.ts'
import {
  acceptsSize,
  backendFor,
  readBackend,
  readQuotaSettings,
} from '../../../src/scan/quota/quota-settings.ts'

/** The reading of settings, maps, names and replies. */

t.test('a backend is a service over UDP or HTTP', async (t) => {
  t.match(readBackend('udp:10.0.0.1:5', ''), {
    kind: 'udp',
    host: '10.0.0.1',
    port: 5,
    extended: false,
  })
  t.match(readBackend('udp:a:65535', ''), { port: 65_535 })
  t.match(readBackend('quotad:[::1]:5', ''), { kind: 'udp', host: '::1', extended: true })
  t.match(readBackend('http://mx:81/q.cgi', ''), { kind: 'http', text: 'http://mx:81/q.cgi' })
  for (const text of [
    '',
    'udp:x',
    'udp:x:0',
    'udp:x:65536',
    'tcp:x:1',
    'https://x/',
    'http://',
    'udp:a b:1',
    'xudp:a:1',
    'udp:a:1x',
    'xhttp://mx/',
    'http://mx/a b',
  ]) {
    t.throws(() => readBackend(text, 'QUOTAD'), { kind: 'config', message: /^QUOTAD / }, text)
  }
})

t.test('only onescan-quotad over UDP receives the size of the message', async (t) => {
  const isTold = (text: string) => acceptsSize(readBackend(text, ''))
  t.same(['quotad:a:1', 'udp:a:1', 'http://a/'].map(isTold), [true, false, false])
})

t.test('the host that a directory names replaces %h, in brackets if it has colons', async (t) => {
  t.match(backendFor('quotad:%h:5', 'mx1'), { kind: 'udp', host: 'mx1', port: 5 })
  t.match(backendFor('quotad:%h:5', '2001:db8::1'), { host: '2001:db8::1' })
  t.match(backendFor('http://%h/q?h=%h', 'mx1'), { text: 'http://mx1/q?h=mx1' })
  t.throws(() => backendFor('quotad:%h:5', 'a b'), { message: /^QUOTAD ldap: quotad:a b:5: must/ })
})

/** A text in UTF-8, with one character for each byte. */
const latin1 = (text: string) => Buffer.from(text).toString('latin1')

t.test('the most particular line of a map counts', async (t) => {
  const of = parseBackendMap(
    [
      '# who has which mailbox',
      '#no blank behind it',
      '  dan#  udp:f:1 \r',
      'ann@example.org  udp:a:1',
      '@Example.org\tudp:b:1',
      'ben udp:c:1',
      latin1('@M\u00fcnchen.example udp:e:1'),
      '',
      '* udp:d:1',
    ].join('\n'),
    'map',
  )
  const host = (address: string) =>
    (of(withPlainDomain(readAddress(address))) as { host: string }).host
  t.equal(host('ann@EXAMPLE.org'), 'a')
  t.equal(host('ben@example.org'), 'b')
  t.equal(host('ben@example.net'), 'c')
  t.equal(host('ben'), 'c')
  t.equal(host('dan#@x'), 'f')
  t.equal(host('cy@example.net'), 'd')
  t.equal(host(latin1('cy@m\u00fcnchen.Example')), 'e')
  t.equal(parseBackendMap('a udp:a:1', 'map')(readAddress('b@c')), undefined)
})

t.test('an error in a map names the line', async (t) => {
  t.throws(() => parseBackendMap('a udp:a:1\n b \n', 'map'), {
    kind: 'config',
    message: 'map line 2: b: must be a key and a service',
  })
  t.throws(() => parseBackendMap('a udp:a:1 more', 'map'), {
    message: /^map line 1: a udp:a:1 more/,
  })
  t.throws(() => parseBackendMap('a udp:a', 'map'), { message: /^map line 1: udp:a: must be/ })
  t.throws(() => readBackendMap('/nonexistent'), { kind: 'config', message: /ENOENT/ })
  const file = join(t.testdir(), 'map')
  writeFileSync(file, '* udp:a:1\n')
  t.ok(readBackendMap(file)(readAddress('x')))
})

t.test('settings have their defaults and their limits', async (t) => {
  t.equal(readQuotaSettings({}), undefined)
  t.equal(readQuotaSettings({ QUOTAD: '', QUOTATIMEOUT: 'x' }), undefined)
  const QUOTAD = 'udp:a:1'
  t.match(readQuotaSettings({ QUOTAD }), {
    where: { backend: { host: 'a' } },
    nameForm: 'address',
    delimiters: '',
    timeout: 500,
    soft: 0.5,
    askForRelayClients: false,
  })
  t.match(readQuotaSettings({ QUOTAD: 'map:/x', QUOTARELAY: 'ask' }), {
    where: { map: '/x' },
    askForRelayClients: true,
  })
  for (const wrong of [
    { QUOTAD: 'map:x' },
    { QUOTAD, QUOTATIMEOUT: '0' },
    { QUOTAD, QUOTASOFT: '101' },
    { QUOTAD, QUOTARELAY: 'yes' },
    { QUOTAD, QUOTANAME: 'both' },
    { QUOTAD, QUOTADELIMITER: '@' },
    { QUOTAD, QUOTADELIMITER: 'x' },
    { QUOTAD, QUOTADELIMITER: '---------' },
    { QUOTAD: 'xmap:/x' },
    { QUOTAD: 'xldap:quotad:%h:1', QUOTALDAPURL: 'ldap://x/dc=x' },
  ]) {
    t.throws(
      () => readQuotaSettings(wrong),
      { kind: 'config', message: /^QUOTA/ },
      JSON.stringify(wrong),
    )
  }
  t.match(readQuotaSettings({ QUOTAD: 'map:/x\ny' }), { where: { map: '/x\ny' } })
  t.throws(() => readQuotaSettings({ QUOTAD: 'nonsense' }), { message: /^QUOTAD nonsense: must/ })
})

t.test('QUOTAD with ldap: needs a directory, and %h in its template', async (t) => {
  const said = (template: string, env = {}) => {
    try {
      readQuotaSettings({ QUOTAD: `ldap:${template}`, ...env })
      return 'taken'
    } catch (error) {
      return (error as Error).message
    }
  }
  const there = { QUOTALDAPURL: 'ldap://127.0.0.1/dc=x' }
  t.equal(said('quotad:%h:1'), 'QUOTAD ldap:quotad:%h:1: set QUOTALDAPURL, too')
  t.equal(said('quotad:%h:1', there), 'taken')
  const without = 'QUOTAD ldap:quotad:mx:1: must have %h, as in ldap:quotad:%h:8625'
  t.equal(said('quotad:mx:1', there), without)
  t.match(said('odd:%h:1', there), /^QUOTAD ldap: odd:127\.0\.0\.1:1: must be/)
  t.match(said('quotad:%h', there), /^QUOTAD ldap: quotad:127\.0\.0\.1: must be/)
  t.match(readQuotaSettings({ QUOTAD: 'ldap:quotad:%h:1', ...there }), {
    where: { template: 'quotad:%h:1', ldap: {} },
  })
})

t.test('a name may have 255 bytes, and an address 1,024', async (t) => {
  const name = (address: string, form: 'address' | 'local' = 'address') =>
    namedMailboxOf(readAddress(address), form)?.name
  t.equal(name(`${'l'.repeat(253)}@d`), `${'l'.repeat(253)}@d`)
  t.equal(name(`${'l'.repeat(254)}@d`), undefined)
  t.equal(name(`l@${'d'.repeat(1022)}`, 'local'), 'l')
  t.equal(name(`l@${'d'.repeat(1023)}`, 'local'), undefined)
  t.equal(name('@example.org'), undefined, 'nobody')
  t.equal(name(''), undefined)
})

t.test('every word of a datagram counts', async (t) => {
  const datagram = (text: string, nonce?: string) =>
    readReplyDatagram(Buffer.from(text), 'ann', nonce)
  t.same(datagram('QUOTA_OK'), { status: 'room' })
  t.same(datagram('QUOTA_OK ann'), { status: 'room' })
  t.same(datagram('QUOTA_FULL ann 9\r\n'), { status: 'full', usage: { size: 9 } })
  t.same(datagram('QUOTA_OK ann 0 0'), { status: 'room' }, 'neither is known')
  t.same(datagram('QUOTA_OK ann 5 0'), { status: 'room', usage: { size: 5 } })
  t.same(datagram('QUOTA_OK ann 0 5'), { status: 'room', usage: { size: 0, quota: 5 } })
  t.same(datagram('QUOTA_UNKNOWN ann 1 2'), { status: 'no-such-user' })
  t.same(datagram('QUOTA_ERROR ann'), { status: 'unknown', why: NOT_KNOWN })
  t.same(datagram('QUOTA_OK n1\n', 'n1'), { status: 'room' })
  t.same(datagram('QUOTA_OK ann n1', 'n1'), { status: 'room' })
  const digits = '9'.repeat(15)
  t.match(datagram(`QUOTA_OK ann ${digits}`), { usage: { size: Number(digits) } })
  for (const text of [
    '',
    'QUOTA_ok',
    'toString',
    'QUOTA_OK ben',
    'QUOTA_OK ann x',
    'QUOTA_OK ann 1 2 3',
    'QUOTA_OK ann 1 2x',
    'QUOTA_OK ann 1 x2',
    'QUOTA_OK ann x 2',
    `QUOTA_OK ann ${digits}9`,
    'QUOTA_OK\nann',
    'QUOTA_OK\n\n',
  ]) {
    t.equal(datagram(text), undefined, JSON.stringify(text))
  }
  for (const text of ['QUOTA_OK', 'n1', 'QUOTA_OK ann', 'QUOTA_OK n1 ann', 'QUOTA_OK n1 n2']) {
    t.equal(datagram(text, 'n1'), undefined, text)
  }
  const long = (length: number) => {
    const name = 'n'.repeat(length - 'QUOTA_OK '.length)
    return readReplyDatagram(Buffer.from(`QUOTA_OK ${name}`), name, undefined)
  }
  t.same(long(QUOTA_REPLY_MAX), { status: 'room' })
  t.equal(long(QUOTA_REPLY_MAX + 1), undefined)
})

t.test('an answer over HTTP must have four words', async (t) => {
  const used = { size: 5, quota: 9 }
  t.same(readBody('OK ann 5 9', 'ann'), { status: 'room', usage: used })
  t.same(readBody('OVERQUOTA ann 5 9\r\n', 'ann'), { status: 'full', usage: used })
  for (const text of ['OK', 'OK ann 5', 'OK ann 5 9 1', 'OK ben 5 9', 'QUOTA_OK ann 5 9']) {
    t.equal(readBody(text, 'ann'), undefined, text)
  }
  t.equal(readBody('OK ann 5 9\n\n', 'ann'), undefined)
})

t.test('no name of random bytes becomes two words or leads to another path', async (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('address', 'local'),
      (b, form) => {
        const name = namedMailboxOf(withPlainDomain(readAddress(Buffer.from(b))), form)?.name
        if (name === undefined) return
        t.notMatch(name, /[\0-\x20/\x7f]|\.\./)
        t.ok(name.length > 0 && name.length <= 255)
      },
    ),
  )
})

t.test('only the ASCII letters of a domain become lower case', async (t) => {
  const written = readAddress(Buffer.from('Ann@M\u00fcnchen.EXAMPLE'))
  const name = namedMailboxOf(withPlainDomain(written), 'address')?.name
  t.equal(Buffer.from(name!, 'latin1').toString(), 'Ann@m\u00fcnchen.example')
})

t.test("the dot of the root is not part of a domain's name", async (t) => {
  const name = (address: string) =>
    namedMailboxOf(withPlainDomain(readAddress(address)), 'address')?.name
  t.equal(name('ann@Example.org.'), 'ann@example.org')
  t.equal(name('ann.'), 'ann.')
  t.equal(name('ann@.'), 'ann@.')
  t.equal(name('ann@example..'), undefined)
})

t.test('a random reply is only understood if it is well formed', async (t) => {
  const piece = fc.constantFrom(
    'QUOTA_OK',
    'QUOTA_FULL',
    'OK',
    'ann',
    '9',
    '-9',
    ' ',
    'n0',
    '\n',
    '\0',
  )
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('')
      const answer = readReplyDatagram(Buffer.from(text), 'ann', 'n0')
      if (answer) t.match(text, /^QUOTA_(OK|FULL)( ann( \d+( \d+)?)?)? n0\n?$/)
      const body = readBody(text, 'ann')
      if (body) t.match(text, /^(OK|OVERQUOTA) ann \d+ \d+\n?$/)
    }),
    { numRuns: 2000 },
  )
})
