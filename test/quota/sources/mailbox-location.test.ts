import fc from 'fast-check'
import t from 'tap'
import {
  needsHome,
  parseMailboxTemplate,
  parseUser,
} from '../../../src/quota/sources/mailbox-location.ts'

/** The path that a template makes for a user. */
const pathBy = (template: string) => {
  const locate = parseMailboxTemplate(template)
  return (...user: Parameters<typeof locate>) => locate(...user)?.path
}

t.test('the local part of an account is its name; an address also has a domain', async (t) => {
  t.same(parseUser('ann'), { name: 'ann', local: 'ann', domain: '' })
  t.same(parseUser('ann@example.org'), {
    name: 'ann@example.org',
    local: 'ann',
    domain: 'example.org',
  })
  t.same(parseUser('a@b@example.org')?.local, 'a@b')
})

t.test('names become lower case', async (t) => {
  t.equal(parseUser('Ann@Example.ORG')?.name, 'ann@example.org')
  t.equal(
    parseUser('\xc4nn')?.name,
    '\xc4nn',
    'of other letters than those of ASCII nothing is known',
  )
})

t.test('names that would leave a directory, a line or a word have no user', async (t) => {
  for (const name of [
    '',
    '.',
    '..',
    '../ann',
    'a..b',
    'a/b',
    '/etc/passwd',
    'ann\0',
    'ann\n',
    'ann b',
    'ann\x7f',
    '@example.org',
    'ann@',
    '.@example.org',
    'ann@.',
    'x'.repeat(256),
    'x'.repeat(10_240),
  ]) {
    t.equal(parseUser(name), undefined, JSON.stringify(name.slice(0, 20)))
  }
  t.ok(parseUser('x'.repeat(255)))
})

t.test('every name leads to a mailbox below the directory of the template', async () => {
  const byUser = pathBy('/var/vmail/%u/Maildir')
  const byDomain = pathBy('/var/vmail/%d/%n/Maildir')
  const name = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'ab./@\0 ~%\n'), maxLength: 12 }),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  )
  fc.assert(
    fc.property(name, (text) => {
      const user = parseUser(text)
      if (!user) return true
      const [path, deep] = [byUser(user, undefined)!, byDomain(user, undefined)]
      const inside = (part: string, depth: number) =>
        part.split('/').length === depth && !/\/\.{0,2}\/|\0/.test(part)
      return inside(path, 5) && (deep === undefined || inside(deep, 6))
    }),
    { numRuns: 2000 },
  )
})

t.test('the fixed part of a path ends with the component that names the user', async (t) => {
  const user = parseUser('ann@example.org')!
  for (const [template, fixed, below] of [
    ['~/Maildir', '/home/ann', '/Maildir'],
    ['%h/mail/Maildir', '/home/ann', '/mail/Maildir'],
    ['%h', '/home/ann', ''],
    ['/m/%d/%n/Maildir', '/m/example.org/ann', '/Maildir'],
    ['/m/%d/x-%n.d/%%n/Maildir', '/m/example.org/x-ann.d', '/%n/Maildir'],
    ['/m/%n', '/m/ann', ''],
    ['/m/everybody', '/m/everybody', ''],
    ['~', '/home/ann', ''],
    ['/m/~/%n', '/m/~/ann', ''],
  ] as const) {
    const { path, fixed: length } = parseMailboxTemplate(template)(user, '/home/ann')!
    t.same([path.slice(0, length), path.slice(length)], [fixed, below], template)
  }
})

t.test('the variables of a template have the meaning that they have in Dovecot', async (t) => {
  const user = parseUser('ann@example.org')!
  t.equal(pathBy('/m/%d/%n')(user, undefined), '/m/example.org/ann')
  t.equal(pathBy('/m/%u/100%%')(user, undefined), '/m/ann@example.org/100%')
  t.equal(pathBy('~/Maildir')(user, '/home/ann'), '/home/ann/Maildir')
  t.equal(pathBy('%h/Maildir')(user, undefined), undefined, 'whose home nobody knows')
  t.equal(pathBy('/m/%d/%n')(parseUser('ann')!, undefined), undefined, 'nor domain')
  t.throws(() => pathBy('/m/%x'), { message: /^%x is not one of/ })
  t.throws(() => pathBy('/m/%'), { message: /^% is not one of/ })
  t.ok(needsHome('~/Maildir'))
  t.notOk(needsHome('/m/%%h/%u'))
})
