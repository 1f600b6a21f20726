import fc from 'fast-check'
import t from 'tap'
import { readAddress, withPlainDomain } from '../../../../src/base/text/address.ts'
import { openBackends } from '../../../../src/scanner/scan/quota/backend-of.ts'
import { namedMailboxOf } from '../../../../src/scanner/scan/quota/mailbox.ts'
import {
  acceptsSize,
  backendFor,
  readBackend,
  readQuotaSettings,
} from '../../../../src/scanner/scan/quota/quota-settings.ts'
import { backendMap } from './services.ts'

/** The reading of settings, maps and names. */

t.test('a backend is a service over UDP or HTTP', async (t) => {
  t.match(readBackend('udp:10.0.0.1:5', ''), {
    kind: 'udp',
    host: '10.0.0.1',
    port: 5,
    isExtended: false,
  })
  t.match(readBackend('udp:a:65535', ''), { port: 65_535 })
  t.match(readBackend('quotad:[::1]:5', ''), { kind: 'udp', host: '::1', isExtended: true })
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
    t.throws(() => readBackend(text, 'QUOTAD'), { kind: 'config', message: /^QUOTAD=/ }, text)
  }
})

t.test('only onescan-quotad over UDP receives the size of the message', async (t) => {
  const sendsSize = (text: string) => acceptsSize(readBackend(text, ''))
  t.same(['quotad:a:1', 'udp:a:1', 'http://a/'].map(sendsSize), [true, false, false])
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
  const of = backendMap(
    t,
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
  t.equal(backendMap(t, 'a udp:a:1')(readAddress('b@c')), undefined)
})

t.test('an error in a map names the line', async (t) => {
  t.throws(() => backendMap(t, 'a udp:a:1\n b \n'), {
    kind: 'config',
    message: /\/map line 2: b: must be a key and a service$/,
  })
  t.throws(() => backendMap(t, 'a udp:a:1 more'), { message: /\/map line 1: a udp:a:1 more/ })
  t.throws(() => backendMap(t, 'a udp:a'), { message: /\/map line 1: udp:a: must be/ })
  t.throws(() => openBackends({ where: { map: '/nonexistent' }, timeout: 0 }, () => 0), {
    kind: 'config',
    message: /no such file or directory/,
  })
})

t.test('settings have their defaults and their limits', async (t) => {
  t.equal(readQuotaSettings({}), undefined)
  t.equal(readQuotaSettings({ QUOTAD: '', QUOTATIMEOUT: 'x' }), undefined)
  const QUOTAD = 'udp:a:1'
  t.match(readQuotaSettings({ QUOTAD }), {
    where: { backend: { host: 'a' } },
    nameStyle: 'address',
    delimiters: '',
    timeout: 500,
    soft: 0.5,
    asksForRelayClients: false,
  })
  t.match(readQuotaSettings({ QUOTAD: 'map:/x', QUOTARELAY: 'ask' }), {
    where: { map: '/x' },
    asksForRelayClients: true,
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
  t.throws(() => readQuotaSettings({ QUOTAD: 'nonsense' }), { message: /^QUOTAD="nonsense": must/ })
})

t.test('QUOTAD with ldap: needs a directory, and %h in its template', async (t) => {
  const errorOf = (template: string, env = {}) => {
    try {
      readQuotaSettings({ QUOTAD: `ldap:${template}`, ...env })
      return 'taken'
    } catch (error) {
      return (error as Error).message
    }
  }
  const there = { QUOTALDAPURL: 'ldap://127.0.0.1/dc=x' }
  t.equal(errorOf('quotad:%h:1'), 'QUOTAD ldap:quotad:%h:1: set QUOTALDAPURL, too')
  t.equal(errorOf('quotad:%h:1', there), 'taken')
  const without = 'QUOTAD ldap:quotad:mx:1: must have %h, as in ldap:quotad:%h:8625'
  t.equal(errorOf('quotad:mx:1', there), without)
  t.match(errorOf('odd:%h:1', there), /^QUOTAD ldap: odd:127\.0\.0\.1:1: must be/)
  t.match(errorOf('quotad:%h', there), /^QUOTAD ldap: quotad:127\.0\.0\.1: must be/)
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
