import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { followAliases } from '../../../src/quota/sources/aliases.ts'
import { parseUser } from '../../../src/quota/sources/mailbox-location.ts'
import { lacks } from '../../needs.mjs'
import { python, pythonMissing } from '../../programs/host/python.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { inUnitRoot } from '../../programs/host/unit-root.ts'
import { spool, startQuotad } from '../quotad.ts'

/** The mailboxes behind aliases. */

const isLocal = (domain: string) => domain === 'example.org'
const options = { uptime: () => 0, timeout: 10_000 }

/** Follows the aliases of a file; the names of the mailboxes, and `+` if mail also goes elsewhere. */
function followerOf(t: Test, aliases: string) {
  const path = join(t.testdir({ aliases }), 'aliases')
  const follow = followAliases([{ kind: 'file', path }], isLocal, options)
  return async (name: string) => {
    const { users, hasOthers } = await follow(parseUser(name)!)
    return [...users.map((user) => user.name), ...(hasOthers ? ['+'] : [])]
  }
}

t.test(
  'aliases(5) is read: chains, several targets, continued lines, quotes and comments',
  async (t) => {
    const behind = followerOf(
      t,
      [
        '# comment: x',
        'Postmaster: root',
        'root: ann@example.org,',
        '\tben, "|/usr/bin/vacation, ann"',
        '"info.desk": ben',
        'staff: :include:/etc/staff',
        'self: self, ann',
        'none:',
        '',
      ].join('\n'),
    )
    t.same(await behind('postmaster'), ['ann@example.org', 'ben', '+'])
    t.same(await behind('POSTMASTER@example.org'), ['ann@example.org', 'ben', '+'])
    t.same(await behind('postmaster@example.net'), ['postmaster@example.net'], 'not of this host')
    t.same(await behind('info.desk'), ['ben'])
    t.same(await behind('staff'), ['+'])
    t.same(await behind('self'), ['self', 'ann'])
    t.same(await behind('none'), [])
    t.same(await behind('zoe'), ['zoe'])
  },
)

t.test('a chain ends, whatever is in it', async (t) => {
  const long = Array.from({ length: 1000 }, (_, n) => `a${n}: a${n + 1}, b${n}\n`).join('')
  const behind = followerOf(t, `x: y\ny: x\n${long}`)
  t.same(await behind('x'), [])
  const found = await behind('a0')
  t.equal(found.at(-1), '+', 'the rest has room')
  t.ok(found.length <= 101)
  await t.rejects(
    followAliases([{ kind: 'file', path: '/nonexistent' }], isLocal, options)(parseUser('x')!),
    /nonexistent/,
  )
})

t.test(
  "Postfix's maps are looked up by address, local name and domain",
  { skip: lacks('postmap') },
  async (t) => {
    const virtual =
      'sales@example.org ann@example.org, ben@example.org\n@old.example @example.org\ninfo ann\n'
    const config = t.testdir({ 'main.cf': 'compatibility_level = 3.6\n', virtual })
    process.env.MAIL_CONFIG = config
    const map = `texthash:${join(config, 'virtual')}`
    const follow = followAliases([{ kind: 'postmap', map }], isLocal, options)
    const behind = async (name: string) =>
      (await follow(parseUser(name)!)).users.map((user) => user.name)
    t.same(await behind('sales@example.org'), ['ann@example.org', 'ben@example.org'])
    t.same(await behind('zoe@old.example'), ['zoe@example.org'])
    t.same(await behind('sales@old.example'), ['ann@example.org', 'ben@example.org'])
    t.same(await behind('info@example.org'), ['ann'])
    t.same(await behind('zoe@example.org'), ['zoe@example.org'])
    t.same(await behind('-@example.org'), ['-@example.org'], 'postmap reads no keys from its input')
    const broken = followAliases(
      [{ kind: 'postmap', map: 'texthash:/nonexistent' }],
      isLocal,
      options,
    )
    await t.rejects(broken(parseUser('x')!), /postmap -q x texthash:\/nonexistent: /)
  },
)

/** Runs the words after it without sockets of the Internet: RestrictAddressFamilies=AF_UNIX, by seccomp(2). */
const ONLY_UNIX = `
import ctypes, os, struct, sys
AF_UNIX, EAFNOSUPPORT, SOCKET = 1, 97, {'x86_64': 41, 'aarch64': 198}[os.uname().machine]
LOAD, IS, RETURN, ALLOW, ERRNO = 0x20, 0x15, 0x06, 0x7fff0000, 0x00050000
lines = [(LOAD, 0, 0, 0), (IS, 0, 3, SOCKET), (LOAD, 0, 0, 16), (IS, 1, 0, AF_UNIX), (RETURN, 0, 0, ERRNO | EAFNOSUPPORT), (RETURN, 0, 0, ALLOW)]
code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *line) for line in lines))
program = struct.pack('HxxxxxxP', len(lines), ctypes.addressof(code))
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0): sys.exit('prctl failed')
os.execvp(sys.argv[1], sys.argv[1:])
`

t.test(
  'postmap answers in the unit of onescan-quotad',
  { skip: lacks('postmap', 'root') || pythonMissing },
  async (t) => {
    const config = openDirectory(t)
    writeFileSync(join(config, 'main.cf'), 'compatibility_level = 3.6\n')
    writeFileSync(join(config, 'virtual'), 'sales@example.org ann@example.org\n')
    execFileSync('postmap', ['-c', config, `hash:${config}/virtual`])
    const sources = join(import.meta.dirname, '../../../src')
    const code = `
      const { followAliases } = await import('${sources}/quota/sources/aliases.ts')
      const { parseUser } = await import('${sources}/quota/sources/mailbox-location.ts')
      const source = { kind: 'postmap', map: 'hash:${config}/virtual' }
      const follow = followAliases([source], () => false, { uptime: () => 0, timeout: 10000 })
      for (const name of ['sales@example.org', 'zoe@example.org'])
        console.log((await follow(parseUser(name))).users.map((user) => user.name).join())`
    const node = [process.execPath, '--input-type=module', '-e', code]
    const inUnit = inUnitRoot(node, [dirname(process.execPath), sources, config], 'onescan-quotad')
    const out = execFileSync(python, ['-c', ONLY_UNIX, ...inUnit], {
      env: { ...process.env, MAIL_CONFIG: config },
      encoding: 'utf8',
    })
    t.equal(out, 'ann@example.org\nzoe@example.org\n')
  },
)

t.test(
  'the files of docker-mailserver are read as they are',
  { skip: lacks('postmap') },
  async (t) => {
    const directory = spool(t, {
      'mail/example.org/ann/cur/1.x,S=2000:2,': 'x'.repeat(2000),
      'mail/example.org/ben/cur/1.x,S=20:2,': 'x'.repeat(20),
      'postfix-virtual.cf':
        'sales@example.org ann@example.org\nall@example.org ann@example.org,ben@example.org\n@old.example ann@example.org\n',
      'dovecot-quotas.cf': 'ann@example.org:1K\nben@example.org:1G\n',
      'main.cf': 'compatibility_level = 3.6\n',
    })
    const { ask } = await startQuotad(t, {
      QUOTAMAILBOX: `maildir:${directory}/mail/%d/%n`,
      QUOTAALIASES: `texthash:${directory}/postfix-virtual.cf`,
      QUOTAMAP: `${directory}/dovecot-quotas.cf`,
      MAIL_CONFIG: directory,
    })
    for (const name of ['ann@example.org', 'sales@example.org', 'zoe@old.example'])
      t.match(await ask(`CHECK_QUOTA ${name} 0`), /^QUOTA_FULL/, name)
    for (const name of ['ben@example.org', 'all@example.org'])
      t.match(await ask(`CHECK_QUOTA ${name} 0`), /^QUOTA_OK/, name)
  },
)

t.test('an alias is full if all mailboxes behind it are', async (t) => {
  const aliases =
    'full: ann, ben\nroom: ann, carl\nnobody: zoe\ncommand: ann, |x\nloop: loop2\nloop2: loop\n'
  const directory = spool(t, {
    'mail/ann': 'x'.repeat(100),
    'mail/ben': 'x'.repeat(100),
    'mail/carl': '',
    aliases,
  })
  const { ask } = await startQuotad(t, {
    QUOTAMAILBOX: `mbox:${directory}/mail/%u`,
    QUOTADEFAULT: '100',
    QUOTAALIASES: `${directory}/aliases`,
  })
  t.match(await ask('CHECK_QUOTA full 0'), /^QUOTA_FULL full/)
  t.match(await ask('CHECK_QUOTA room 0'), /^QUOTA_OK room/)
  t.match(await ask('CHECK_QUOTA command 0'), /^QUOTA_OK command/)
  t.match(await ask('CHECK_QUOTA nobody 0'), /^QUOTA_UNKNOWN nobody/)
  t.match(await ask('CHECK_QUOTA loop 0'), /^QUOTA_UNKNOWN loop/)
  t.match(await ask('CHECK_QUOTA ann 0'), /^QUOTA_FULL ann/)
  const lost = await startQuotad(t, {
    QUOTAMAILBOX: `mbox:${directory}/mail/%u`,
    QUOTAALIASES: '/nonexistent',
  })
  t.match(await lost.ask('CHECK_QUOTA ann 0'), /^QUOTA_ERROR ann/, 'unknown, and never full')
})

/** A postmap that notes its processes and takes a while; it knows ann, and fails for `bad`. */
function slowPostmap(t: Test) {
  const place = t.testdir({})
  const [program, log] = [join(place, 'postmap'), join(place, 'log')]
  const script = `#!/bin/sh
echo + >>${log}; sleep 0.1
while read -r key; do
  case $key in
    ann@example.org) printf '%s\\tben@example.org\\n' $key;;
    bad*) echo "no $key" >&2; exit 1;;
  esac
done
echo - >>${log}
test $(grep -c . ${log}) -gt 0 || exit 1
`
  writeFileSync(program, script, { mode: 0o755 })
  writeFileSync(log, '')
  return { program, lines: () => readFileSync(log, 'utf8').trim().split('\n') }
}

t.test('unknown names do not start a postmap each, and delay no query long', async (t) => {
  const { program, lines } = slowPostmap(t)
  let now = 0
  const follow = followAliases([{ kind: 'postmap', map: 'x' }], isLocal, {
    ...{ uptime: () => now, timeout: 10_000, postmap: program },
  })
  const behind = async (name: string) => (await follow(parseUser(name)!)).users.map((user) => user.name) // biome-ignore format: a line
  const flood = Array.from({ length: 300 }, (_, n) => behind(`zoe${n}@example.org`))
  const started = () => lines().filter((line) => line === '+').length
  t.same(await behind('ann@example.org'), ['ben@example.org'])
  t.ok(started() <= 12, `${started()} processes before the answer`)
  t.same(
    await Promise.all(flood),
    Array.from({ length: 300 }, (_, n) => [`zoe${n}@example.org`]),
  )
  const starts = started()
  t.ok(starts <= 12, `${starts} processes`)
  let [running, most] = [0, 0]
  for (const line of lines()) {
    running += line === '+' ? 1 : -1
    most = Math.max(most, running)
  }
  t.ok(most <= 2, `${most} at once`)
  await behind('zoe7@example.org')
  t.equal(started(), starts, 'a miss is cached')
  now += 10_000
  await behind('zoe7@example.org')
  t.equal(started(), starts + 1, 'for ten seconds')
})

t.test('a name for which postmap fails is an error of no other name', async (t) => {
  const { program } = slowPostmap(t)
  const follow = followAliases([{ kind: 'postmap', map: 'x' }], isLocal, { ...options, postmap: program }) // biome-ignore format: a line
  const asked = (name: string) =>
    follow(parseUser(name)!).then(({ users }) => users[0]?.name, String)
  const names = ['zoe@example.net', 'bad@example.net', 'ann@example.org']
  const [zoe, bad, ann] = await Promise.all(names.map(asked))
  t.equal(zoe, 'zoe@example.net')
  t.match(bad, /postmap -q bad@example\.net x: no bad@example\.net/)
  t.equal(ann, 'ben@example.org')
})

t.test('names that postmap does not answer in time do not each wait for the limit', async (t) => {
  const place = t.testdir({})
  const [postmap, log] = [join(place, 'postmap'), join(place, 'log')]
  writeFileSync(postmap, `#!/bin/sh\necho + >>${log}\nexec sleep 60\n`, { mode: 0o755 })
  const follow = followAliases([{ kind: 'postmap', map: 'x' }], isLocal, { ...options, timeout: 500, postmap }) // biome-ignore format: a line
  const names = Array.from({ length: 50 }, (_, n) => `zoe${n}@example.org`)
  const answers = await Promise.all(names.map((name) => follow(parseUser(name)!).catch(String)))
  for (const answer of answers) t.match(answer, /postmap -q \S+ x: exceeds its limit of time/)
  const starts = readFileSync(log, 'utf8').trim().split('\n').length
  t.ok(starts <= 2, `${starts} processes`)
})
