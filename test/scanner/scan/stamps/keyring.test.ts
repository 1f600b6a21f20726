import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Fault } from '../../../../src/base/errors/fault.ts'
import {
  isCurrent,
  loadKeyring,
  parseKeyring,
  readClusterSettings,
} from '../../../../src/scanner/scan/stamps/keyring.ts'

const secret = Buffer.alloc(32, 7).toString('base64url')

function faultOf(text: string): string {
  try {
    parseKeyring(text, 'ring')
    return 'none'
  } catch (error) {
    t.equal(error instanceof Fault && error.kind, 'config')
    return (error as Error).message
  }
}

t.test('a keyring holds keys of both schemes, bare words and comments', async (t) => {
  const keys = parseKeyring(
    `# rotated yesterday\nhmac-sha256:alpha.1:${secret}\n\nmd5:old:sesame:until=2026-12-31\nbare-word\n`,
    'ring',
  )
  t.match(keys, [
    { scheme: 'hmac-sha256', id: 'alpha.1', secret: Buffer.alloc(32, 7), until: undefined },
    { scheme: 'md5', id: 'old', secret: Buffer.from('sesame'), until: '2026-12-31' },
    { scheme: 'md5', id: 'line-5', secret: Buffer.from('bare-word') },
  ])
})

t.test('the error about a malformed line has its number, and never its content', async (t) => {
  const noId = 'has no id of 1 to 32 letters, digits, ".", "_" or "-"'
  const other = 'has something other than until=YYYY-MM-DD and release after the secret'
  const more = 'has more than scheme:id:secret:until=YYYY-MM-DD:release'
  const blank = 'contains white space, which a key cannot'
  const noScheme = 'has a scheme that is neither md5 nor hmac-sha256'
  const noBase64url = 'has a secret that is not base64url'
  const short = Buffer.alloc(31, 7).toString('base64url')
  const days = ['2026-12-31', 'until=', 'xuntil=2026-12-31', 'until=2026-02-30', 'until=tomorrow']
  const noDays = ['x2026-12-31', '2026-12-311', '2026-1-1', '2026-13-45']
  for (const [line, reason] of [
    ...['two words', 'two\twords', ' # no comment'].map((line) => [line, blank] as const),
    ...['', 'al/pha', 'i'.repeat(33)].map((id) => [`md5:${id}:x`, noId] as const),
    [`hmac-sha256::${secret}`, noId],
    ...['md5:a:', 'md5:a'].map((line) => [line, 'has no secret'] as const),
    ...[...days, ...noDays.map((day) => `until=${day}`)].map(
      (option) => [`md5:a:sesame:${option}`, other] as const,
    ),
    ['md5:a:x:until=2026-12-31:y', more],
    ['md5:a:ses:ame:until=2026-12-31', more],
    ['sha1:a:x', noScheme],
    ...[`${secret}!`, `=${secret}`].map((text) => [`hmac-sha256:a:${text}`, noBase64url] as const),
    [`hmac-sha256:a:${short}`, 'has a secret of fewer than 32 bytes'],
  ] as const) {
    t.equal(faultOf(`# first\n${line}\n`), `CLUSTERKEYS ring: line 2 ${reason}`, line)
  }
})

t.test('blanks at the end of a line, padding and ids of 32 characters are accepted', async (t) => {
  const idsOf = (text: string) => parseKeyring(text, 'ring').map(({ id }) => id)
  t.same(idsOf(`hmac-sha256:a:${secret}=\r\nmd5:b:x \t\r\n \t\n#c\nlast`), ['a', 'b', 'line-5'])
  t.same(idsOf(`hmac-sha256:a:${secret}==`), ['a'])
  t.same(idsOf(`md5:${'i'.repeat(32)}:x`), ['i'.repeat(32)])
  t.same(parseKeyring('md5:b:x#y\n', 'ring')[0]?.secret, Buffer.from('x#y'))
  t.same(parseKeyring('p\xe4ss', 'ring')[0]?.secret, Buffer.from('p\xe4ss', 'latin1'))
})

t.test('a keyring with the same id twice is refused', async (t) => {
  t.match(faultOf('md5:a:one\nmd5:a:two\n'), /line 2 has the id of an earlier line/)
})

t.test('a key is current through its last day', async (t) => {
  const [key] = parseKeyring('md5:a:one:until=2026-11-20\n', 'ring')
  t.equal(isCurrent(key!, Date.UTC(2026, 10, 20, 23, 59) / 1000), true)
  t.equal(isCurrent(key!, Date.UTC(2026, 10, 21) / 1000), false)
})

/** Reads the keyring of CLUSTERKEYS. */
const load = (path: string) => loadKeyring({ CLUSTERKEYS: path }, '/nonexistent')

t.test('a keyring that its owner and group can read is accepted', async (t) => {
  for (const mode of [0o600, 0o640, 0o400]) {
    const path = ring(t, 'sesame\n', mode)
    t.match(load(path), { path, keys: [{ id: 'line-1' }], off: undefined })
  }
})

// promise: keys-unread
t.test('a keyring that others may read or change is refused, with the remedy', async (t) => {
  for (const mode of [0o644, 0o602, 0o660]) {
    const path = ring(t, 'sesame\n', mode)
    const refused = /^CLUSTERKEYS [^:]*: mode 0\d+ lets others .*; run chmod 640 on it/
    t.throws(() => load(path), refused)
    t.throws(() => loadKeyring({}, join(path, '..')), refused)
  }
})

t.test('a keyring that cannot be used is an error, and never counts as empty', async (t) => {
  const directory = t.testdir()
  mkdirSync(join(directory, 'directory'), { mode: 0o700 })
  t.throws(() => load(join(directory, 'missing')), /missing: no such file or directory/)
  t.throws(() => load(join(directory, 'directory')), /not a regular file/)
  const before = readdirSync('/proc/self/fd').length
  for (const empty of ['', '\n', '# only a comment\n']) {
    for (let n = 0; n < 10; n++) t.throws(() => load(ring(t, empty)), /contains no key/)
  }
  t.ok(readdirSync('/proc/self/fd').length < before + 20, 'the files are closed')
  const long = `#${'x'.repeat(60_000)}\nsesame\n`
  t.match(load(ring(t, long)), { keys: [{ id: 'line-2' }] })
  const large = `# ${'x'.repeat(70_000)}\nsesame\n`
  t.throws(
    () => load(ring(t, large)),
    /^CLUSTERKEYS .*larger than 65536 bytes; set the path of a keyring or unset CLUSTERKEYS/,
  )
})

t.test('clustering is off if there is no default keyring', async (t) => {
  const control = t.testdir()
  t.same(loadKeyring({}, control), { path: join(control, 'clusterkeys') })
  t.same(readClusterSettings({}, control), { cluster: undefined, off: undefined })
  t.throws(() => loadKeyring({}, ring(t, 'sesame\n')), /not a directory/, 'what is else amiss')
})

t.test('the settings of a cluster have its keys, and defaults', async (t) => {
  const control = join(ring(t, 'sesame\n'), '..')
  t.match(readClusterSettings({}, control), {
    cluster: { keys: [{ id: 'line-1' }], CLUSTERMAXAGE: 3600, CLUSTERPEERS: 'optional' },
    off: undefined,
  })
  const settings = { CLUSTERMAXAGE: '60', CLUSTERPEERS: 'required' }
  t.match(readClusterSettings(settings, control).cluster, {
    CLUSTERMAXAGE: 60,
    CLUSTERPEERS: 'required',
  })
})

function ring(t: Test, text: string, mode = 0o600): string {
  const path = join(t.testdir(), 'clusterkeys')
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

// promise: key-release
t.test('only a marked hmac-sha256 key may release mail from quarantine', async (t) => {
  const mayRelease = (options: string) =>
    parseKeyring(`hmac-sha256:a:${secret}${options}\n`, 'ring')[0]?.mayRelease
  t.equal(mayRelease(''), false)
  t.equal(mayRelease(':release'), true)
  t.equal(mayRelease(':until=2026-12-31'), false)
  t.equal(mayRelease(':until=2026-12-31:release'), true)
  for (const options of [':release:until=2026-12-31', ':release:release', ':Release']) {
    t.throws(() => mayRelease(options), options)
  }
  t.throws(() => parseKeyring('md5:old:sesame:release\n', 'ring'), /is an md5 key/)
})
