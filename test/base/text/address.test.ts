import fc from 'fast-check'
import t from 'tap'
import {
  addressBytes,
  addressOf,
  isPlainPath,
  lowerCase,
  mailboxOf,
  readAddress,
  withPlainDomain,
} from '../../../src/base/text/address.ts'

t.test('an address is split at its last @, and none of it is lost', async (t) => {
  t.same(readAddress('ann@example.org'), {
    text: 'ann@example.org',
    local: 'ann',
    domain: 'example.org',
  })
  t.same(readAddress('"a@b"@example.org'), {
    text: '"a@b"@example.org',
    local: '"a@b"',
    domain: 'example.org',
  })
  t.same(readAddress('ann'), { text: 'ann', local: 'ann', domain: undefined })
  t.same(readAddress('ann@'), { text: 'ann@', local: 'ann', domain: '' })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const written = Buffer.from(bytes)
      t.ok(addressBytes(readAddress(written)).equals(written))
    }),
  )
})

t.test('a plain domain is in lower case and has no dot of the root', async (t) => {
  const plain = (text: string) => withPlainDomain(readAddress(text)).text
  t.equal(plain('Ann@EXAMPLE.org.'), 'Ann@example.org')
  t.equal(plain('Ann.'), 'Ann.')
  t.equal(plain('ann@.'), 'ann@.')
  t.equal(plain('ann@example..'), 'ann@example..')
  t.equal(plain('ann@M\xdcNCHEN'), 'ann@m\xdcnchen')
})

t.test('an address is the same from bytes, from text and from its parts', async (t) => {
  for (const text of ['ann@example.org', '@example.org', 'ann@', 'ann', '', 'a@b@c', '\xe9@x']) {
    const address = readAddress(text)
    t.same(readAddress(Buffer.from(text, 'latin1')), address)
    t.same(addressOf(address.local, address.domain), address)
  }
  t.same(readAddress('@example.org'), { text: '@example.org', local: '', domain: 'example.org' })
})

t.test('only ASCII letters have a lower case', async (t) => {
  t.equal(lowerCase('ABZ@[`az{\xc9'), 'abz@[`az{\xc9')
  const plain = readAddress('Ann@example.org')
  t.equal(withPlainDomain(plain), plain, 'what is plain stays the very same')
})

t.test('a mailbox is the same with quotes, escapes or a source route', async (t) => {
  const mailbox = (text: string) => mailboxOf(readAddress(text)).text
  t.equal(mailbox('ann@example.org'), 'ann@example.org')
  t.equal(mailbox('"ann"@example.org'), 'ann@example.org')
  t.equal(mailbox('a\\nn@example.org'), 'ann@example.org')
  t.equal(mailbox('"a\\"\\\\b"@example.org'), 'a"\\b@example.org')
  t.equal(mailbox('"a\\\nb"@example.org'), 'a\nb@example.org')
  t.equal(mailbox('@one,@two:ann@example.org'), 'ann@example.org')
  t.equal(mailbox('@:ann@example.org'), 'ann@example.org')
  t.equal(mailbox('x@one:ann@example.org'), 'x@one:ann@example.org', 'a route begins with @')
  t.equal(mailbox('@"x:y@example.org'), '@x:y@example.org', 'nor has it quotes')
  t.equal(mailbox('ann'), 'ann')
})

t.test('a path is plain if all servers take it for one mailbox', async (t) => {
  const isPlain = (path: string) => isPlainPath(Buffer.from(path, 'utf8'))
  for (const path of [
    '<ann@example.org>',
    '<Ann.Lee+news/x=y_{1}-2@mail-1.example_2.org>',
    '<"ann lee"@example.org>',
    '<ann..lee.@example.org>',
    '<ännä@müller.example>',
    '<ann@M\u00dcLLER.example>',
    '<ann@\u4f8b.\u4f8b>',
    '<ann@[192.0.2.7]>',
    '<ann@[IPv6:2001:db8::7]>',
    '<Postmaster>',
  ]) {
    t.ok(isPlain(path), path)
  }
  for (const path of [
    'ann@example.org',
    '<>',
    '<ann>',
    '<@example.org>',
    '<ann@>',
    ...['\u00ad', '\u200b', '\u200d', '\ufe0f'].map((ignored) => `<ann@exam${ignored}ple.org>`),
    '<an\u00adn@example.org>',
    '<ann@example\u3002org>',
    '<ann@\uff45xample.org>',
    '<ann@bu\u0308cher.example>',
    '<ann@example.org.>',
    '<ann@example..org>',
    '<ann@.example.org>',
    '<ann@example.org(x)>',
    '<ann @example.org>',
    '<an\\n@example.org>',
    '<"an\\n"@example.org>',
    '<"ann@b"@example.org>',
    '<"ann"x@example.org>',
    '<""@example.org>',
    '<ann%b@example.org>',
    '<b!ann@example.org>',
    '<@a:ann@example.org>',
    '<ann@b@example.org>',
    '<ann@[example.org]>',
    '<ann@example.org>x',
    '<ann@example.org\n>',
    '<an\u212a@example.org>', // the sign of Kelvin, a small k to some servers
    '<an\u017f@example.org>',
    '<wei\u00df@example.org>', // weiss, where case is folded
    '<wei\u1e9e@example.org>',
    '<ann@stra\u00dfe.example>',
    '<ann@example.org',
  ]) {
    t.notOk(isPlain(path), path)
  }
})
