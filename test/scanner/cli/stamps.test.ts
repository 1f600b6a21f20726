import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { stampedBy } from '../scan/stamps/stamped.ts'
import { jsonIn, ofPlain, oldestNode, onescan } from './onescan.ts'

const hmac = (id: string, byte: number) =>
  `hmac-sha256:${id}:${Buffer.alloc(32, byte).toString('base64url')}\n`
const mail = 'From: a@example.org\nSubject: one\n\nBody without a last line end'

function rings(t: Test, rings: Record<string, string>): Record<string, string> {
  const directory = t.testdir({})
  const paths = Object.entries(rings).map(([name, text]) => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return [name, join(directory, name)]
  })
  ofPlain(directory)
  return Object.fromEntries(paths)
}

/** The message with a stamp by the first key of the ring in a file. */
const stamped = (ring: string, message: string | Buffer): Buffer =>
  stampedBy(readFileSync(ring, 'latin1'), Buffer.from(message))

// The directory is empty, so that no signatures are newer than a stamp.
const verify = (ring: string, input: string | Buffer, ...more: string[]) =>
  onescan(['verify', '-', '--keyring', ring, '--env', 'CLAMDBDIR=/nonexistent', ...more], { input })

t.test('verify trusts what a key of the ring stamped, on the oldest Node, too', async (t) => {
  const { ring, md5 } = rings(t, { ring: hmac('one', 1), md5: 'word\n' })
  const messages = ['plain', 'multipart', 'base64', 'eight-bit', 'crlf'].map((name) =>
    readFileSync(resolve(import.meta.dirname, `../../messages/${name}.eml`)),
  )
  for (const message of [Buffer.from(mail), ...messages]) {
    const verified = await verify(ring!, stamped(ring!, message))
    t.equal(verified.code, 0, verified.out)
    t.match(verified.out, /key one: valid, scanned by clamd [\d.]+ m?s ago\ntrusted: key one\n$/)
  }
  t.equal((await verify(md5!, stamped(md5!, mail))).code, 0)
  const large = Buffer.concat([Buffer.from('Subject: large\n\n'), Buffer.alloc(20e6, 'line\n')])
  const words = ['verify', '-', '--keyring', ring!, '--env', 'CLAMDBDIR=/nonexistent']
  const onOldest = await onescan(words, { input: stamped(ring!, large), runtime: oldestNode })
  t.equal(onOldest.code, 0, `${onOldest.out}${onOldest.err}`)
})

t.test('verify prints for each stamp why it is invalid', async (t) => {
  const { ring, other } = rings(t, { ring: hmac('one', 1), other: hmac('two', 2) })
  const signed = stamped(ring!, mail).toString('latin1')
  const reason = async (keyring: string, message: string) => {
    const { code, out } = await verify(keyring, message)
    t.equal(code, 1)
    return out
  }
  t.match(
    await reason(other!, signed),
    'X-SHA256-Cluster-1: no key one in the keyring\nnot trusted: ',
  )
  const added = `Content-Type: a/b\n${signed}`
  t.match(await reason(ring!, added), 'Content-Type was added above the stamp')
  t.match(await reason(ring!, mail), /^not trusted: no stamp\n$/)
  const odd = signed.replace('Subject', 'No field at all\nSubject')
  const notFormed = /^not trusted: not well formed: line 3 of the header is not a field\n$/
  t.match(await reason(ring!, odd), notFormed)
})

t.test('with --json every stamp is printed', async (t) => {
  const { ring } = rings(t, { ring: hmac('one', 1) })
  const foreign = `X-SHA256-Cluster-2: v=1; k=far; t=1; s=; h=${'A'.repeat(43)}\n`
  const { out } = await verify(ring!, foreign + stamped(ring!, mail), '--json')
  t.match(jsonIn(out).results[0], {
    trusted: true,
    key: 'one',
    stamps: [
      { field: 'X-SHA256-Cluster-2', valid: false, reason: 'no key far in the keyring', time: 1 },
      { field: 'X-SHA256-Cluster-1', valid: true, key: 'one', scanners: ['clamd'] },
    ],
  })
})

t.test('the age of the stamp and that of the signatures count as in the slot', async (t) => {
  const { ring } = rings(t, { ring: hmac('one', 1), 'x.ndb': '' })
  const bytes = stamped(ring!, mail)
  const later = Date.now() / 1000 + 100
  const directory = dirname(ring!)
  utimesSync(join(directory, 'x.ndb'), later, later)
  const { code, out } = await verify(ring!, bytes, '--env', `CLAMDBDIR=${directory}`)
  t.equal(code, 1)
  t.match(out, 'this host has had new signatures since; stamps made from 2')
})

t.test('without a usable keyring or message the exit code is 2', async (t) => {
  const { ring, empty } = rings(t, { ring: hmac('one', 1), empty: '' })
  const nowhere = { env: { QMAILHOME: '/nonexistent' } }
  t.match(await onescan(['verify', '-'], nowhere), {
    code: 2,
    err: /no keyring at \S+, and no CLUSTERKEYS in \/etc\/default\/onescand; specify one with --keyring/,
  })
  t.match(await verify(empty!, mail), { code: 2, err: /contains no key/ })
  t.match(await verify('/nonexistent/ring', mail), {
    code: 2,
    err: '--keyring /nonexistent/ring: no such file or directory; specify another, or omit it',
  })
  const missing = await onescan(['verify', '/nonexistent/mail', '--keyring', ring!])
  t.match(missing, { code: 2, err: /no such file or directory/ })
})

t.test('verify takes no mbox', async (t) => {
  const box = 'From a@example.org Thu Jan  1 00:00:00 2026\nSubject: x\n\nbody\n\n'
  const { ring, file } = rings(t, { ring: hmac('one', 1), file: box })
  const refused = { code: 2, err: /: is an mbox; split it/ }
  t.match(await onescan(['verify', file!, '--keyring', ring!]), refused)
  t.match(await verify(ring!, box), refused)
})

t.test('verify reads no more than the message, whatever file it is given', async (t) => {
  const directory = t.testdir({})
  const at = (name: string) => join(directory, name)
  await onescan(['keygen', '--append', at('ring')])
  ofPlain(directory)
  writeFileSync(at('holes'), '')
  truncateSync(at('holes'), 10e9)
  symlinkSync('/dev/zero', at('zero'))
  execFileSync('mkfifo', [at('pipe')])
  const run = (file: string, ...more: string[]) =>
    onescan(['verify', at(file), '--keyring', at('ring'), ...more])
  const holes = await run('holes')
  t.match(holes, { code: 2, out: '', err: /larger than 104857600 bytes \(--max-size\)/ })
  t.match(await run('zero'), { code: 2, out: '', err: /zero is not a regular file/ })
  t.match(await run('.'), { code: 2, out: '', err: /is not a regular file/ })
  const endless = spawn('sh', ['-c', 'yes > "$0"', at('pipe')], { stdio: 'ignore' })
  const piped = await run('pipe', '--max-size', '1M')
  t.match(piped, { code: 2, out: '', err: /pipe: is larger than 1048576 bytes/ })
  endless.kill()
  const input = Buffer.alloc(2 * 1024 * 1024, 'Subject: x\n\n')
  const standardInput = await verify(at('ring'), input, '--max-size', '1M')
  t.match(standardInput, { code: 2, out: '', err: /larger than 1048576 bytes/ })
})

t.test('a message in a pipe is read as one in a file', async (t) => {
  const { ring, file } = rings(t, { ring: hmac('one', 1), file: '' })
  writeFileSync(file!, stamped(ring!, mail))
  const pipe = join(dirname(ring!), 'pipe')
  execFileSync('mkfifo', [pipe])
  const words = ['verify', pipe, '--keyring', ring!, '--env', 'CLAMDBDIR=/nonexistent']
  const verifying = onescan(words)
  spawn('sh', ['-c', 'cat "$0" > "$1"', file!, pipe], { stdio: 'ignore' })
  t.match(await verifying, { code: 0, out: /trusted: key one\n$/ })
})
