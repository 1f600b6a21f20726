import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { readAddress, withPlainDomain } from '../../../src/message/envelope/address.ts'
import { readBackend } from '../../../src/quota/ask/backend.ts'
import { parseBackendMap, readBackendMap } from '../../../src/quota/ask/backend-map.ts'
import { mailboxOf } from '../../../src/quota/ask/mailbox-name.ts'
import { readQuotaSettings } from '../../../src/quota/ask/quota-settings.ts'
import { readBody, readDatagram } from '../../../src/quota/ask/service-reply.ts'

/** What is read: settings, maps, names and replies. */

t.test('a backend is a service by UDP or HTTP', async (t) => {
  t.match(readBackend('udp:10.0.0.1:5', ''), { kind: 'udp', host: '10.0.0.1', port: 5, extended: false }) // biome-ignore format: a line each
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
  ]) {
    t.throws(() => readBackend(text, 'QUOTAD'), { kind: 'config', message: /^QUOTAD / }, text)
  }
})

/** As texts of any bytes are held. */
const latin1 = (text: string) => Buffer.from(text).toString('latin1')

t.test('of a map the most particular line counts', async (t) => {
  const of = parseBackendMap(
    [
      '# who has which mailbox',
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
  t.equal(host('cy@example.net'), 'd')
  t.equal(host(latin1('cy@m\u00fcnchen.Example')), 'e')
  t.equal(parseBackendMap('a udp:a:1', 'map')(readAddress('b@c')), undefined)
})

t.test('a map that cannot be used says which line', async (t) => {
  t.throws(() => parseBackendMap('a udp:a:1\nb', 'map'), { message: /^map line 2: b: must be/ })
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
    retries: 2,
    soft: 0.5,
    cacheSize: 20_000,
    askForRelayClients: false,
  })
  t.match(readQuotaSettings({ QUOTAD: 'map:/x', QUOTARELAY: 'ask' }), {
    where: { map: '/x' },
    askForRelayClients: true,
  })
  for (const wrong of [
    { QUOTAD: 'map:x' },
    { QUOTAD, QUOTATIMEOUT: '0' },
    { QUOTAD, QUOTARETRIES: '11' },
    { QUOTAD, QUOTASOFT: '101' },
    { QUOTAD, QUOTACACHE: 'many' },
    { QUOTAD, QUOTARELAY: 'yes' },
    { QUOTAD, QUOTANAME: 'both' },
    { QUOTAD, QUOTADELIMITER: '@' },
    { QUOTAD, QUOTADELIMITER: 'x' },
    { QUOTAD, QUOTADELIMITER: '---------' },
  ]) {
    t.throws(() => readQuotaSettings(wrong), { message: /^QUOTA/ }, JSON.stringify(wrong))
  }
})

t.test('no name of any bytes can be more than one word, or a path', async (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('address', 'local'),
      (b, form) => {
        const name = mailboxOf(withPlainDomain(readAddress(Buffer.from(b))), form)?.name
        if (name === undefined) return
        t.notMatch(name, /[\0-\x20/\x7f]|\.\./)
        t.ok(name.length > 0 && name.length <= 255)
      },
    ),
  )
})

t.test('of a domain the ASCII letters alone become small', async (t) => {
  const written = readAddress(Buffer.from('Ann@M\u00fcnchen.EXAMPLE'))
  const name = mailboxOf(withPlainDomain(written), 'address')?.name
  t.equal(Buffer.from(name!, 'latin1').toString(), 'Ann@m\u00fcnchen.example')
})

t.test("the dot of the root is no part of a domain's name", async (t) => {
  const name = (address: string) =>
    mailboxOf(withPlainDomain(readAddress(address)), 'address')?.name
  t.equal(name('ann@Example.org.'), 'ann@example.org')
  t.equal(name('ann.'), 'ann.')
  t.equal(name('ann@.'), 'ann@.')
  t.equal(name('ann@example..'), undefined)
})

t.test('no reply of any bytes is more than what it says', async (t) => {
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
      const answer = readDatagram(Buffer.from(text), 'ann', 'n0')
      if (answer) t.match(text, /^QUOTA_(OK|FULL)( ann( \d+( \d+)?)?)? n0\n?$/)
      const body = readBody(text, 'ann')
      if (body) t.match(text, /^(OK|OVERQUOTA) ann \d+ \d+\n?$/)
    }),
    { numRuns: 2000 },
  )
})
