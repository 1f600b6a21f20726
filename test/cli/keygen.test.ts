import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { defaultId } from '../../src/cli/keygen.ts'
import { parseKeyring } from '../../src/scan/cluster/keyring.ts'
import { lacks } from '../needs.mjs'
import { openDirectory } from '../programs/reachable.ts'
import { asPlain, bundle, jsonIn, onescan } from './onescan.ts'

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
  t.match(err, /after the last colon/)
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
  t.match(out, /^key one is the first in .*: it signs from now on\n$/)
  t.match(err, 'give it the group of the account that scans')
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

t.test('--append adds a key below the others, and --prepend on top', async (t) => {
  const ring = join(t.testdir({ ring: '# our cluster\noldword' }), 'ring')
  chmodSync(ring, 0o600)
  const below = await onescan(['keygen', '--append', ring, '--id', 'below', '--json'])
  t.match(jsonIn(below.out).results[0], { id: 'below', file: ring, made: false, signs: false })
  const above = await onescan(['keygen', '--prepend', ring, '--id', 'above'])
  t.match(above.out, 'signs from now on')
  t.notMatch(above.out, 'release')
  const release = await onescan(['keygen', '--append', ring, '--id', 'last', '--release'])
  t.match(release.out, 'it verifies, and an earlier line signs; it may release mail')
  const ids = parseKeyring(readFileSync(ring, 'latin1'), ring).map(({ id }) => id)
  t.same(ids, ['above', 'line-3', 'below', 'last'])
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
  const refuse = async (name: string, permissions: number, why: RegExp) => {
    const file = join(directory, name)
    chmodSync(file, permissions)
    const before = readFileSync(file, 'latin1')
    const { code, err } = await onescan(['keygen', '--append', file, '--id', 'one'])
    t.equal(code, 2)
    t.match(err, why)
    t.equal(readFileSync(file, 'latin1'), before)
    t.notOk(existsSync(`${file}.new`))
  }
  await refuse('open', 0o644, /mode 0644 .*chmod 640/)
  await refuse('broken', 0o640, /line 1 .*neither md5 nor hmac-sha256/)
  await refuse('same', 0o640, /line 2 has the id of an earlier line/)
})

t.test('an invalid id or day is named, ends with exit code 2, and makes no key', async (t) => {
  for (const [option, value, why] of [
    ['--id', 'two words', 'must be 1 to 32'],
    ['--id', 'a'.repeat(33), 'must be 1 to 32'],
    ['--until', 'tomorrow', 'must be a day, as in 2027-01-31'],
    ['--until', '2030-02-31', 'must be a day, as in 2027-01-31'],
    ['--until', '30-01-01', 'must be a day, as in 2027-01-31'],
    ['--until', '2020-01-01', ''],
  ] as const) {
    const { code, out, err } = await onescan(['keygen', option, value])
    t.same([code, out], [2, ''], value)
    t.match(err, new RegExp(`^onescan keygen: ${option} ${value}.*${why}.*\n$`))
  }
})

t.test('a place where it may not write is named, with what to do', { skip: notRoot }, async (t) => {
  const ring = join(openDirectory(t), 'ring')
  const { code, out, err } = await onescan(['keygen', '--append', ring], { around: asPlain() })
  t.same([code, out], [2, ''])
  const missing = await onescan(['keygen', '--append', '/nonexistent/ring'])
  const told = '/nonexistent/ring: there is no directory /nonexistent; make it, or name another'
  t.match(missing, { code: 2, out: '', err: told })
  t.match(err, `${ring}.new: EACCES: permission denied; name a file in a directory`)
})

t.test('a FIFO is no ring, and is not waited for', async (t) => {
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

t.test('a key goes to the top, and another one out of the ring', async (t) => {
  const ring = join(t.testdir({}), 'ring')
  for (const id of ['old', 'other', 'new']) await onescan(['keygen', '--append', ring, '--id', id])
  const promoted = await onescan(['keygen', '--promote', ring, '--id', 'new'])
  t.match(promoted, { code: 0, out: /^key new is on top of .*: new signs\n$/ })
  t.same(idsOf(ring), ['new', 'old', 'other'])
  t.match(await onescan(['keygen', '--retire', ring, '--id', 'old']), { code: 0 })
  t.same(idsOf(ring), ['new', 'other'])
  await onescan(['keygen', '--retire', ring, '--id', 'other'])
  const last = await onescan(['keygen', '--retire', ring, '--id', 'new'])
  t.match(last, { code: 2, err: 'without new no key would sign' })
  t.match(await onescan(['keygen', '--promote', ring, '--id', 'gone']), { code: 2, err: 'gone' })
  t.same(idsOf(ring), ['new'], 'nothing was changed')
})

t.test('the steps that --rotate prints change the key of a cluster', async (t) => {
  // Programs of this test in the place of ssh and scp, which would reach another host.
  const directory = t.testdir({
    here: {},
    mx2: {},
    bin: {
      onescan: `#!/bin/sh\nexec '${process.execPath}' '${bundle}' "$@"\n`,
      scp: `#!/bin/sh\nfor to; do :; done\ncp -p "$2" "$(echo "\${to#mx2:}" | sed 's|/here/|/mx2/|')"\n`,
      ssh: `#!/bin/sh\neval "$(echo "$2" | sed 's|/here/|/mx2/|g')"\n`,
      svc: '#!/bin/sh\necho reloaded\n',
      systemctl: '#!/bin/sh\necho reloaded\n',
    },
  })
  const programs = join(directory, 'bin')
  const ring = join(directory, 'here/ring')
  const there = join(directory, 'mx2/ring')
  await onescan(['keygen', '--append', ring, '--id', 'old'])
  writeFileSync(there, readFileSync(ring), { mode: 0o640 })
  const { code, out } = await onescan(['keygen', '--rotate', ring, '--host', 'mx2'])
  t.equal(code, 0)
  t.same(idsOf(ring), ['old'], 'nothing is changed')
  for (const name of ['onescan', 'scp', 'ssh', 'svc', 'systemctl']) {
    chmodSync(join(programs, name), 0o755)
  }
  const steps = out.split(/\n\n# \d\. .*\n/).slice(1)
  t.equal(steps.length, 3)
  const rings: string[][] = []
  for (const step of steps) {
    const said = execFileSync('/bin/sh', ['-ec', step], {
      encoding: 'utf8',
      env: { PATH: `${programs}:${process.env.PATH}` },
    })
    t.equal(said.match(/reloaded/g)?.length, 2, 'on both hosts')
    t.equal(readFileSync(there, 'latin1'), readFileSync(ring, 'latin1'))
    t.equal(mode(there), 0o640)
    rings.push(idsOf(ring))
  }
  const [, fresh = ''] = rings[0]!
  t.same(rings, [['old', fresh], [fresh, 'old'], [fresh]])
})
