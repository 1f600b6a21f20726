import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { defaultId } from '../../../src/scanner/cli/keygen.ts'
import { isCurrent, parseKeyring } from '../../../src/scanner/scan/stamps/keyring.ts'
import { lacks } from '../../needs.mjs'
import { openDirectory } from '../../programs/host/reachable.ts'
import { asPlain, jsonIn, onescan } from './onescan.ts'

const mode = (path: string) => statSync(path).mode & 0o777

const notRoot = lacks('root')

t.test('keygen prints a line with 32 fresh bytes, which the keyring takes', async (t) => {
  const [first, second] = [await onescan(['keygen']), await onescan(['keygen'])]
  t.equal(first.code, 0)
  t.equal(first.err, '')
  t.match(first.out, /^hmac-sha256:[A-Za-z0-9._-]{1,32}:[A-Za-z0-9_-]{43}\n$/)
  t.not(first.out.split(':')[2], second.out.split(':')[2])
  const [key] = parseKeyring(first.out, 'ring')
  t.equal(key?.secret.length, 32)
})

t.test('id, last day and the old scheme can be asked for', async (t) => {
  const dated = await onescan(['keygen', '--id', 'mx1.2030', '--until', '2030-12-31'])
  t.match(dated.out, /^hmac-sha256:mx1\.2030:[\w-]{43}:until=2030-12-31\n$/)
  const { out, err } = await onescan(['keygen', '--md5', '--id', 'old'])
  t.match(out, /^md5:old:[\w-]{43}\n$/)
  t.match(err, /only the secret, the third part/)
})

t.test('the default id has the characters of an id, whatever the host is called', async (t) => {
  const day = new Date('2026-01-31T12:00:00Z')
  t.equal(defaultId('mx1.example.org', day), 'mx1-20260131')
  t.equal(defaultId('', day), 'key-20260131')
  for (const host of ['a'.repeat(63), 'caf\u00e9', 'a:b c']) {
    t.match(defaultId(host, day), /^[A-Za-z0-9._-]{1,32}$/, host)
  }
})

t.test('a new ring has mode 0640 under any umask, and its first key signs', async (t) => {
  const ring = join(t.testdir({}), 'ring')
  const { code, out, err } = await onescan(['keygen', '--append', ring, '--id', 'one'])
  t.equal(code, 0)
  t.equal(mode(ring), 0o640)
  t.match(out, /^key one is the first in .*: it makes stamps from now on\n$/)
  t.match(err, 'let the account that scans read it')
  const text = readFileSync(ring, 'latin1')
  t.equal(parseKeyring(text, ring)[0]?.id, 'one')
  t.notMatch(out + err, text.split(':')[2]!.trim(), 'the secret is not shown')
})

t.test(
  'a directory that gives its group to files needs no other',
  { skip: lacks('root') },
  async (t) => {
    const directory = t.testdir({})
    chownSync(directory, 0, 65534)
    chmodSync(directory, 0o2750)
    const ring = join(directory, 'ring')
    const { code, err } = await onescan(['keygen', '--append', ring])
    t.match({ code, err }, { code: 0, err: '' })
    t.equal(statSync(ring).gid, 65534)
  },
)

t.test('--append adds a key below the others', async (t) => {
  const ring = join(t.testdir({ ring: '# our cluster\noldword' }), 'ring')
  chmodSync(ring, 0o600)
  const below = await onescan(['keygen', '--append', ring, '--id', 'below', '--json'])
  t.match(jsonIn(below.out).results[0], { id: 'below', file: ring, made: false, signs: false })
  const release = await onescan(['keygen', '--append', ring, '--id', 'last', '--release'])
  t.match(release.out, 'it only verifies stamps; it may release mail')
  const ids = parseKeyring(readFileSync(ring, 'latin1'), ring).map(({ id }) => id)
  t.same(ids, ['line-2', 'below', 'last'])
  t.match(readFileSync(ring, 'latin1'), '# our cluster\noldword\n')
})

t.test('a ring keeps its owner, group and mode, and a link stays a link', async (t) => {
  const directory = t.testdir({ ring: 'oldword\n' })
  const [ring, link] = [join(directory, 'ring'), join(directory, 'link')]
  chmodSync(ring, 0o400)
  if (process.getuid!() === 0) chownSync(ring, 12345, 12346)
  const { uid, gid } = statSync(ring)
  symlinkSync(ring, link)
  t.equal((await onescan(['keygen', '--append', link])).code, 0)
  const now = statSync(ring)
  t.same([now.uid, now.gid, mode(ring)], [uid, gid, 0o400])
  t.equal(parseKeyring(readFileSync(link, 'latin1'), link).length, 2)
})

t.test('a ring that others can read, or that is malformed, gets no key', async (t) => {
  const directory = t.testdir({ open: 'oldword\n', broken: 'rot13:a:b\n', same: 'md5:one:word\n' })
  const refuse = async (name: string, permissions: number, reason: RegExp) => {
    const file = join(directory, name)
    chmodSync(file, permissions)
    const before = readFileSync(file, 'latin1')
    const { code, err } = await onescan(['keygen', '--append', file, '--id', 'one'])
    t.equal(code, 2)
    t.match(err, reason)
    t.equal(readFileSync(file, 'latin1'), before)
    t.notOk(existsSync(`${file}.new`))
  }
  await refuse('open', 0o644, /mode 0644 .*chmod 640/)
  await refuse('broken', 0o640, /line 1 .*neither md5 nor hmac-sha256/)
  await refuse('same', 0o640, /line 2 has the id of an earlier line/)
})

t.test('an invalid id or day is named, ends with exit code 2, and makes no key', async (t) => {
  for (const [option, value, reason] of [
    ['--id', 'two words', 'must be 1 to 32'],
    ['--id', 'a'.repeat(33), 'must be 1 to 32'],
    ['--until', 'tomorrow', 'must be a day such as 2027-01-31'],
    ['--until', '2030-02-31', 'must be a day such as 2027-01-31'],
    ['--until', '30-01-01', 'must be a day such as 2027-01-31'],
    ['--until', '2020-01-01', ''],
  ] as const) {
    const { code, out, err } = await onescan(['keygen', option, value])
    t.same([code, out], [2, ''], value)
    t.match(err, new RegExp(`^onescan keygen: ${option} ${value}.*${reason}.*\n$`))
  }
})

t.test('a place where it may not write is named, with the remedy', { skip: notRoot }, async (t) => {
  const ring = join(openDirectory(t), 'ring')
  const { code, out, err } = await onescan(['keygen', '--append', ring], { around: asPlain() })
  t.same([code, out], [2, ''])
  const missing = await onescan(['keygen', '--append', '/nonexistent/ring'])
  const refusal =
    '/nonexistent/ring: directory /nonexistent does not exist; create it, or specify another'
  t.match(missing, { code: 2, out: '', err: refusal })
  t.match(err, `${ring}.new: permission denied; specify a file in a directory`)
})

t.test('a FIFO is not a ring, and is not waited for', async (t) => {
  const ring = join(t.testdir(), 'ring')
  execFileSync('mkfifo', ['-m', '640', ring])
  t.match(await onescan(['keygen', '--append', ring]), { code: 2, err: /is not a regular file/ })
  const verified = await onescan(['verify', '--keyring', ring, '-'], { input: 'A: b\n\n' })
  t.match(verified, { code: 2, err: /is not a regular file/ })
})

t.test('a ring is read only when no other process can change it', async (t) => {
  const directory = t.testdir({ ring: 'rot13:a:b\n', 'ring.new': '' })
  chmodSync(join(directory, 'ring'), 0o640)
  const ring = join(directory, 'ring')
  t.match(await onescan(['keygen', '--append', ring]), { code: 2, err: /ring\.new: exists/ })
  t.ok(existsSync(`${ring}.new`), "the other's file stays")
  unlinkSync(`${ring}.new`)
  t.match(await onescan(['keygen', '--append', ring]), { code: 2, err: /ring: line 1/ })
  t.notOk(existsSync(`${ring}.new`), 'it leaves none of its own')
})

/** The ids of a ring, from the top. */
const idsOf = (ring: string) => parseKeyring(readFileSync(ring, 'latin1'), ring).map(({ id }) => id)

t.test('a second key of a day has an id of its own', async (t) => {
  const ring = join(t.testdir({}), 'ring')
  for (const _ of [1, 2, 3]) t.equal((await onescan(['keygen', '--append', ring])).code, 0)
  const [first = '', ...more] = idsOf(ring)
  t.same(more, [`${first}-2`, `${first}-3`])
})

const DAY = 86_400_000
const day = (time: number) => new Date(time).toISOString().slice(0, 10)

t.test('--rotate adds a key, has it sign, and ends the old one', async (t) => {
  const ring = join(t.testdir({ ring: '# ours\n' }), 'ring')
  chmodSync(ring, 0o640)
  for (const id of ['old', 'partner']) await onescan(['keygen', '--append', ring, '--id', id])
  const added = await onescan(['keygen', '--rotate', ring])
  const [, fresh = ''] = /^key (\S+) is added: it verifies stamps, and old still makes them\n/.exec(
    added.out,
  )!
  t.match(
    added.out,
    /^next: copy .*ring to every other host .*; then run onescan keygen --rotate \S+ring again$/m,
  )
  t.same(idsOf(ring), ['old', 'partner', fresh])

  const began = Date.now()
  const signs = await onescan(['keygen', '--rotate', ring])
  const [, until = ''] =
    /^key \S+ makes stamps from now on, and old verifies them until (\S+)$/m.exec(signs.out)!
  const last = [began, Date.now()].map((time) => day(time + 3_600_000 + DAY)) // CLUSTERMAXAGE
  t.ok(last.includes(until), until)
  t.same(idsOf(ring), [fresh, 'old', 'partner'], 'and a key of others never signs')
  const text = readFileSync(ring, 'latin1')
  t.match(
    text,
    new RegExp(`^# ours\nhmac-sha256:${fresh}:[\\w-]+\nhmac-sha256:old:[\\w-]+:until=${until}\n`),
  )
  t.equal(text.match(/^#/gm)?.length, 1, 'its own remark is gone')
  t.notMatch(added.out + signs.out, text.split(':')[2]!.split('\n')[0]!, 'no secret is shown')

  const again = jsonIn((await onescan(['keygen', '--rotate', ring, '--json'])).out).results[0]
  t.match(again, { did: 'added', id: `${fresh}-2`, old: fresh, removed: [] })
})

t.test(
  '--rotate removes keys whose last day is past, and changes no ring without a key',
  async (t) => {
    const { out } = await onescan(['keygen', '--id', 'gone'])
    const current = (await onescan(['keygen', '--id', 'now', '--release'])).out
    const lines = `${out.trim()}:until=2020-01-01\n${current}`
    const ring = join(t.testdir({ ring: lines, empty: `${out.trim()}:until=2020-01-01\n` }), 'ring')
    for (const name of ['ring', 'empty']) chmodSync(join(ring, '..', name), 0o640)
    const rotated = await onescan(['keygen', '--rotate', ring])
    t.match(rotated.out, /^key gone is removed: it has expired\n/)
    t.match(rotated.out, /^key \S+ is added: it verifies stamps, and now still makes them$/m)
    t.match(readFileSync(ring, 'latin1').split('\n').at(-2), /:release$/, 'what the old one may do')
    const empty = join(ring, '../empty')
    t.match(await onescan(['keygen', '--rotate', empty]), {
      code: 2,
      err: /has no valid key; run onescan keygen --append /,
    })
    t.same(idsOf(empty), ['gone'])
    const none = join(ring, '../none')
    t.equal((await onescan(['keygen', '--rotate', none])).code, 2)
    t.notOk(existsSync(none))
  },
)

t.test('--rotate turns a bare word into a line with a last day', async (t) => {
  const ring = join(t.testdir({ ring: 'oldword' }), 'ring')
  chmodSync(ring, 0o640)
  for (const _ of [1, 2]) t.equal((await onescan(['keygen', '--rotate', ring])).code, 0)
  t.match(
    readFileSync(ring, 'latin1'),
    /^hmac-sha256:\S+\nmd5:line-1:oldword:until=\d{4}-\d\d-\d\d\n$/,
  )
})

t.test('each step is trusted by a host that still has the ring of the step before', async (t) => {
  const ring = join(t.testdir({}), 'ring')
  await onescan(['keygen', '--append', ring, '--id', 'old'])
  const rings = [parseKeyring(readFileSync(ring, 'latin1'), ring)]
  for (const _ of [1, 2]) {
    await onescan(['keygen', '--rotate', ring])
    rings.push(parseKeyring(readFileSync(ring, 'latin1'), ring))
  }
  const now = Date.now() / 1000
  for (const [at, keys] of rings.slice(1).entries()) {
    const before = rings[at]!
    const signer = (some: typeof keys) => some.find((key) => isCurrent(key, now))!
    const knows = (some: typeof keys, { secret }: (typeof keys)[0]) =>
      some.some((key) => isCurrent(key, now) && key.secret.equals(secret))
    t.ok(knows(before, signer(keys)), `step ${at + 1}: a host that has it signs`)
    t.ok(knows(keys, signer(before)), `step ${at + 1}: a host that lacks it signs`)
  }
})
