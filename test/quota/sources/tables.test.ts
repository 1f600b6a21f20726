import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseUser } from '../../../src/quota/sources/mailbox-location.ts'
import {
  homesFile,
  limitsFile,
  localDomains,
  passwdFile,
} from '../../../src/quota/sources/users.ts'

const user = (name: string) => parseUser(name)!

/** A clock that the test sets. */
function clock() {
  let time = 1000
  return {
    now: () => time,
    pass(milliseconds: number) {
      time += milliseconds
    },
  }
}

t.test('a user has the quota of the user, else of the domain, else of all', async (t) => {
  const file = join(
    t.testdir({ map: '# who: how much\nann@example.org: 2G\n\nann: 5\n@example.org: 1G\n*: 1M\n' }),
    'map',
  )
  const limitsOf = limitsFile(file, () => 0)
  t.same(limitsOf(user('Ann@example.org')), { bytes: 2 * 1024 ** 3 })
  t.same(limitsOf(user('bob@example.org')), { bytes: 1024 ** 3 })
  t.same(limitsOf(user('bob@example.net')), { bytes: 1024 ** 2 })
  t.same(limitsOf(user('ann')), { bytes: 5 })
})

t.test('names and domains of other bytes than ASCII are found as they are written', async (t) => {
  const map = 'J\u00fcrgen@M\u00fcnchen.example: 2\n@m\u00fcnchen.Example: 1\n'
  const limitsOf = limitsFile(join(t.testdir({ map }), 'map'), () => 0)
  const named = (name: string) => user(Buffer.from(name).toString('latin1'))
  t.same(limitsOf(named('j\u00fcrgen@m\u00fcnchen.example')), { bytes: 2 })
  t.same(limitsOf(named('ann@M\u00fcnchen.example')), { bytes: 1 })
})

t.test('a file is read again when it has changed', async (t) => {
  const file = join(t.testdir({ map: 'ann: 5\n' }), 'map')
  const { now, pass } = clock()
  const limitsOf = limitsFile(file, now)
  t.same(limitsOf(user('ann')), { bytes: 5 })
  writeFileSync(file, 'ann: 50\n')
  pass(1000)
  t.same(limitsOf(user('ann')), { bytes: 50 })
})

t.test('while a file cannot be used, every question fails', async (t) => {
  const file = join(t.testdir({ map: 'ann: 5\n' }), 'map')
  const { now, pass } = clock()
  const limitsOf = limitsFile(file, now)
  t.same(limitsOf(user('ann')), { bytes: 5 })
  for (const [text, reason] of [
    ['ann 5\n', /map: line 1: ann 5 is not understood/],
    ['ann: much\n', /line 1: ann: much is not understood/],
    ['ann: 1\nANN: 2\n', /line 2: ANN occurs twice/],
  ] as const) {
    writeFileSync(file, text)
    pass(1000)
    t.throws(() => limitsOf(user('ann')), { message: reason })
  }
  rmSync(file)
  pass(1000)
  t.throws(() => limitsOf(user('ann')), { message: /no such file or directory/ })
  writeFileSync(file, 'ann: 6\n')
  pass(1000)
  t.same(limitsOf(user('ann')), { bytes: 6 })
})

t.test('a home must be an absolute path', async (t) => {
  const directory = t.testdir({
    good: 'ann: /home/ann\n',
    bad: 'ann: /home/../etc\n',
    above: 'ann: /..\n',
    worse: 'ann: home\n',
  })
  const at = (name: string) => homesFile(join(directory, name), () => 0)
  t.same(await at('good')(user('ann')), { kind: 'account', home: '/home/ann' })
  t.same(await at('good')(user('bob')), { kind: 'nobody' })
  t.match(await at('bad')(user('ann')), { kind: 'trouble', reason: /bad: line 1/ })
  t.match(await at('above')(user('ann')), { kind: 'trouble', reason: /above: line 1/ })
  t.match(await at('worse')(user('ann')), { kind: 'trouble', reason: /worse: line 1/ })
})

t.test('passwd(5) has homes, and the account of an address is the part before the @', async (t) => {
  const file = join(
    t.testdir({ passwd: 'root:x:0:0::/root:/bin/sh\nann:x:1:1:A,B:/home/ann:\n' }),
    'passwd',
  )
  const isLocal = (domain: string) => domain === 'example.org'
  const lookUp = passwdFile(file, isLocal, () => 0)
  t.same(await lookUp(user('ann')), { kind: 'account', home: '/home/ann' })
  t.same(await lookUp(user('ann@customer.example')), { kind: 'nobody' }, 'in no other domain')
  t.same(await lookUp(user('ann@example.org')), { kind: 'account', home: '/home/ann' })
  t.same(await lookUp(user('bob')), { kind: 'nobody' })
  t.match(await passwdFile(`${file}-`, isLocal, () => 0)(user('ann')), {
    kind: 'trouble',
    reason: /no such file or directory/,
  })
  writeFileSync(file, '\n#\n+::::::\nx:x\nann:::::/a:\nann:::::/b:\ncy:::::/..:\n')
  const odd = passwdFile(file, isLocal, () => 0)
  t.same(await odd(user('ann')), { kind: 'account', home: '/a' })
  for (const name of ['x', 'cy', '+', '#']) t.same(await odd(user(name)), { kind: 'nobody' }, name)
})

t.test('local domains are named, or those of qmail, or that of the host', async (t) => {
  const directory = t.testdir({ locals: 'Example.org\n# no\n\n', me: 'mx.example.org\n' })
  const at = (name: string) => join(directory, name)
  const among = ['example.org', 'mx.example.org', 'example.net', '# no']
  const local = (...of: [Parameters<typeof localDomains>[0], ...string[]]) => {
    const [written, ...qmail] = of
    const isLocal = localDomains(written, 'MX.example.org', () => 0, qmail)
    return among.filter(isLocal)
  }
  t.same(local(['example.net']), ['example.net'])
  t.same(local({ file: at('locals') }, at('me')), ['example.org'])
  t.same(local(undefined, at('locals'), at('me')), ['example.org'])
  t.same(local(undefined, at('none'), at('me')), ['mx.example.org'])
  t.same(local(undefined, at('none')), ['mx.example.org'])
  t.throws(() => local({ file: at('none') }), /none: .*no such file or directory/)
})
