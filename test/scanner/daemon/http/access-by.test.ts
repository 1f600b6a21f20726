import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkAccessBy } from '../../../../src/scanner/daemon/http/access.ts'

/** Who may look at what onescand --http shows: by the address, by Host, and by the token. */

const token = 'a-token-of-some!'
const directory = t.testdir({
  token: `${token}\n`,
  short: token.slice(1),
  two: `${token}\n${token}`,
})
const file = join(directory, 'token')
for (const name of ['token', 'short', 'two']) chmodSync(join(directory, name), 0o640)

t.test('without a token a request must name this host', async (t) => {
  const check = checkAccessBy('127.0.0.1', undefined)
  for (const host of ['localhost', 'LOCALHOST:9', '127.8.9.1:9101', '[::1]:1', '[::1]']) {
    t.equal(check({ host }), undefined, host)
  }
  for (const host of [
    'evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    'localhost:',
    '',
    '::2',
  ]) {
    t.match(check({ host }), { status: 421 }, host)
  }
  t.match(check({}), { status: 421 })
  t.equal(checkAccessBy('::1', undefined)({ host: 'localhost' }), undefined)
  t.equal(checkAccessBy(undefined, undefined)({ host: 'x' }), undefined, 'a socket with a path')
})

t.test('a token must be given, by any name', async (t) => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  for (const address of ['0.0.0.0', undefined]) {
    const check = checkAccessBy(address, file)
    for (const authorization of [`Bearer ${token}`, `bearer  ${token}`, basic(`any:${token}`)]) {
      t.equal(check({ authorization, host: 'mx.example.org' }), undefined, authorization)
    }
    const others = [`Bearer ${token}x`, 'Bearer', token, `Digest ${token}`, basic(`any:x:${token}`)]
    for (const authorization of [...others, `x Bearer ${token}`, `Bearer ${token} x`]) {
      t.match(check({ authorization }), { status: 401 }, authorization)
    }
    t.match(check({}), { status: 401 })
  }
})

t.test('an address that other hosts reach without a token, and an invalid token', async (t) => {
  const refused = (address: string, tokenFile: string | undefined, message: RegExp) =>
    t.throws(() => checkAccessBy(address, tokenFile), { kind: 'config', message })
  refused('0.0.0.0', undefined, /--http 0\.0\.0\.0: .*; add --http-token/)
  refused('192.0.2.1', undefined, /add --http-token/)
  refused('::', undefined, /add --http-token/)
  for (const name of ['short', 'two']) {
    refused(
      '127.0.0.1',
      join(directory, name),
      /must contain one line of at least 16 printable characters/,
    )
  }
  const fifo = join(directory, 'fifo')
  execFileSync('mkfifo', ['-m', '640', fifo])
  refused('127.0.0.1', fifo, /--http-token .*fifo: is not a regular file/)
  const missing = join(directory, 'missing')
  refused('127.0.0.1', missing, /^--http-token \S+missing: no such file or directory$/)
  const large = join(directory, 'large')
  writeFileSync(large, token.repeat(1000), { mode: 0o640 })
  refused('127.0.0.1', large, /--http-token .*large: is larger than 4096 bytes/)
  chmodSync(file, 0o644)
  refused('127.0.0.1', file, /--http-token .*mode 0644 lets everyone read it; run chmod 640 on it/)
})
