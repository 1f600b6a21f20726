import { accessSync, renameSync } from 'node:fs'
import { connect } from 'node:net'
import t from 'tap'
import { errorText } from '../../../src/base/errors/fault.ts'
import { withoutCode } from '../../../src/base/errors/system-error.ts'

/** Errors of the system, as people read them. */

t.test('an error of the system is in words, after what it is about', async (t) => {
  const cases: readonly (readonly [raw: string, words: string])[] = [
    ["ENOENT: no such file or directory, open '/etc/x'", '/etc/x: no such file or directory'],
    ["EACCES: permission denied, rename '/a, b' -> '/c'", '/a, b: permission denied'],
    ['EISDIR: illegal operation on a directory, read', 'is a directory'],
    ['EDQUOT: disk quota exceeded, write', 'disk quota exceeded'],
    ['connect ECONNREFUSED 192.0.2.1:25', '192.0.2.1:25: connection refused'],
    ['connect ENOENT /run/x.sock', '/run/x.sock: no such file or directory'],
    ['spawn /usr/bin/x ENOENT', '/usr/bin/x: no such file or directory'],
    ['listen EADDRINUSE: address already in use ::1:25', '::1:25: the address is in use'],
    ['getaddrinfo ENOTFOUND mail.example.org', 'mail.example.org: no such name'],
    ['queryA ETIMEOUT example.org', 'example.org: timed out'],
    ['write EPIPE', 'the other side has closed the connection'],
    ['read ECONNRESET', 'connection reset'],
  ]
  for (const [raw, words] of cases) {
    const [code = ''] = /\bE[A-Z]+\b/.exec(raw)!
    t.equal(withoutCode(raw, code), words, raw)
  }
})

t.test('any other text stays as it is', async (t) => {
  for (const text of [
    'ERROR: it failed',
    'answered 220 mail.example.org ESMTP',
    'EICAR: was found',
  ])
    for (const code of ['', 'ENOENT']) t.equal(withoutCode(text, code), text)
})

t.test('what this runtime throws has no code', async (t) => {
  const file = `${t.testdir()}/missing`
  for (const call of [() => accessSync(file), () => renameSync(file, `${file}2`)]) {
    try {
      call()
      t.fail('nothing was thrown')
    } catch (error) {
      t.equal(errorText(error), `${file}: no such file or directory`)
    }
  }
  const error = await new Promise((resolve) => connect('/nonexistent').once('error', resolve))
  t.equal(errorText(error), '/nonexistent: no such file or directory')
  const code = Object.assign(new Error(''), { code: 'ECONNREFUSED' })
  t.equal(errorText(code), 'connection refused', 'an error that has only a code')
})
