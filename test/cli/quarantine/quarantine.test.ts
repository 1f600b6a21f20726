import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { workAsOwner } from '../../../src/cli/quarantine/as-owner.ts'
import { isAlive } from '../../../src/cli/quarantine/is-alive.ts'
import { PROCESSES, ticksAtStart } from '../../../src/ground/process/process-stat.ts'
import { bytes } from '../../cases/case.ts'
import { readQuarantine } from '../../cases/kept.ts'
import { buildStage } from '../../cases/stage.ts'
import { runSlot } from '../../doors/slot/slot.ts'
import { startNext } from '../../doors/smtp/next-server.ts'
import { mountHanging } from '../../ground/path/hanging.ts'
import { startReceiver } from '../../programs/smtp-receiver.ts'
import { digestOf, keepOne, makeQuarantine } from '../../quarantine/kept.ts'
import { deliveries, makeMaildir, standInQueue } from '../../stand-in/stand-in.ts'
import { bundle, jsonIn, onescan } from '../onescan.ts'

/** `onescan quarantine`. */

const HOUR = 3_600_000
const compiledProgram = join(import.meta.dirname, '../../../build/native/onescan')
t.setTimeout(120_000)
const virus = 'Subject: x\nFrom: a@example.net\n\nVIRUS\n'

const run = (directory: string, ...words: readonly string[]) =>
  onescan(['quarantine', ...words, '--directory', directory])

/** A message as `release` is told of it: its id, and the digest of its file. */
const seen = (directory: string, id: string) => [id, digestOf(directory, id)]

const ringOf = (stage: ReturnType<typeof buildStage>, byte = 1) =>
  stage.file(
    'ring',
    `hmac-sha256:mx1:${Buffer.alloc(32, byte).toString('base64url')}:release\n`,
    0o600,
  )

function build(t: Test) {
  const stage = buildStage()
  t.teardown(stage.remove)
  const maildir = makeMaildir()
  t.teardown(maildir.remove)
  return {
    stage,
    directory: makeQuarantine(t),
    /** The options of a release into the Maildir with the keyring. */
    release: [
      'release',
      '--env',
      `QUEUECHAIN=/usr/bin/env PATH=${process.env.PATH} MAILDIR=${maildir.path} ${standInQueue()}`,
      '--env',
      `CLUSTERKEYS=${ringOf(stage)}`,
    ],
    delivered: () => deliveries(maildir.path),
  }
}

t.test('list shows what is asked for, with the oldest first', async (t) => {
  const directory = makeQuarantine(t)
  const now = Date.now()
  const ids = [
    await keepOne(directory, now - 50 * HOUR, { sender: 'old@example.net' }),
    await keepOne(directory, now - 2 * HOUR, { grounds: 'banned', found: 'attachment x.exe' }),
    await keepOne(directory, now - HOUR / 2, { recipients: ['c@x', 'd@x', 'e@x', 'f@x'] }),
  ]
  const listed = async (...words: string[]) => {
    const { out } = await run(directory, 'list', ...words, '--json')
    const { results, sum } = jsonIn<{ id: string }>(out)
    t.equal(sum.messages, results.length)
    return results.map(({ id }) => ids.indexOf(id))
  }
  t.same(await listed(), [0, 1, 2])
  t.same(await listed('--since', '1h'), [2])
  t.same(await listed('--until', '1h'), [0, 1])
  const lines = (await run(directory, 'list', '--json')).out.split('\n')
  for (const [part, index] of [
    ['old@', 0],
    ['"banned"', 1],
    ['f@x', 2],
  ] as const) {
    const fit = lines.filter((line) => line.includes(part))
    t.same([fit.length, fit[0]?.includes(ids[index]!)], [1, true], `${part}, as grep finds it`)
  }
  const { out, code } = await run(directory, 'list', '--since', '1h')
  t.equal(code, 0)
  t.match(out, new RegExp(`^${ids[2]} ${digestOf(directory, ids[2]!)}  20.*Z  virus: Test-Virus  17 bytes  from <a@example.net> to <c@x>, <d@x>, <e@x> \\+1\n$`)) // biome-ignore format: a line
  t.equal((await run(directory, 'list', '--until', '72h')).code, 1)
})

t.test('list opens only the days that are asked for, and no other file', async (t) => {
  const directory = makeQuarantine(t)
  const now = Date.now()
  const old = await keepOne(directory, now - 72 * HOUR)
  await keepOne(directory, now)
  // A file that could not be read would be reported.
  const day = new Date(now - 72 * HOUR).toISOString().slice(0, 10)
  writeFileSync(join(directory, `virus/.${day}/new/${old},S=17`), 'spoilt')
  const { code, err } = await run(directory, 'list', '--since', '1h')
  t.same([code, err], [0, ''])
  t.match((await run(directory, 'list')).err, /is not a message in quarantine: it has no record/)
})

t.test('list and show are harmless on a terminal', async (t) => {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, Date.now(), {
    text: 'Subject: \x1b]0;x\x07\n\n\x1b[2J\x9b\n',
    sender: '\x1b[31m\nforged@example.net',
    found: 'Test\x1b-Virus',
  })
  for (const words of [['list'], ['show', id]]) {
    const { bytes: shown } = await run(directory, ...words)
    t.notMatch(shown.toString('utf8'), /[\0-\x08\x0b-\x1f\x7f-\x9f]/)
    t.match(shown.toString(), 'forged@example.net')
  }
  const { results } = jsonIn<{ sender: string }>((await run(directory, 'show', id, '--json')).out)
  t.equal(results[0]?.sender, '\x1b[31m\nforged@example.net')
})

t.test('show --raw prints the message byte for byte', async (t) => {
  const directory = makeQuarantine(t)
  const text = `Subject: x\n\n${'\0\xff\r\n'.repeat(100_000)}`
  const id = await keepOne(directory, Date.now(), { text })
  t.ok((await run(directory, 'show', id, '--raw')).bytes.equals(bytes(text)))
  t.match((await run(directory, 'show', '1.0000000000000000')).err, /is not in quarantine/)
  t.match((await run(directory, 'show', '../../etc/passwd')).err, /is not an id/)
})

t.test('release hands a message to the chain, and hosts with the key do not scan it', async (t) => {
  const { stage, directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now(), {
    text: virus,
    sender: '',
    recipients: ['b@example.org', 'c@example.org'],
  })
  const { code, out, err } = await run(directory, ...release, ...seen(directory, id))
  t.equal(code, 0, err)
  t.match(out, `${id}: released by /usr/bin/env`)
  const [mail, ...more] = delivered()
  t.same(more, [])
  t.same([mail?.sender, mail?.recipients], ['', ['b@example.org', 'c@example.org']])
  const text = mail!.message.toString('latin1')
  t.match(
    text,
    /^X-SHA256-Cluster-1: v=1; k=mx1; t=\d+; s=!released,!to-[\w-]{16},!to-[\w-]{16}; h=/,
  )
  t.ok(text.endsWith(virus), 'below it, as it came')

  const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1', CLAMDBDIR: '/nonexistent' }
  const hop = (CLUSTERKEYS: string) =>
    runSlot({ message: mail!.message, settings: { ...settings, CLUSTERKEYS } })
  const honoured = await hop(join(stage.directory, 'ring'))
  t.equal(honoured.code, 0, honoured.logged)
  t.match(honoured.logged, /scan=skipped .*reason="released from quarantine"/)
  t.notMatch(honoured.text, 'X-QHPSI', 'nobody says that it is clean')
  t.match(honoured.text, '!released', 'nor to those behind')
  t.equal(stage.scans(), 0)
  t.equal((await hop(ringOf(stage, 2))).code, 31, 'a host with another key scans it')
  const changed = bytes(text.replace('VIRUS', 'VIRUS too'))
  const forged = { ...settings, CLUSTERKEYS: ringOf(stage) }
  t.equal((await runSlot({ message: changed, settings: forged })).code, 31)

  t.match((await run(directory, 'list')).out, 'no such message is in quarantine')
  t.match((await run(directory, 'list', '--released')).out, ', released\n')
  const log = readFileSync(join(directory, 'quarantine.log'), 'latin1')
  t.match(log, new RegExp(`^onescan: quarantine=release kept=${id} .* rcpts=2 .*key=mx1 who=\\S+ time=`)) // biome-ignore format: a line
  t.equal(statSync(join(directory, 'quarantine.log')).mode & 0o777, 0o600)
  t.match(
    (await run(directory, ...release, ...seen(directory, id))).err,
    /has been released; --again releases it once/,
  )
  t.equal(
    (
      await run(
        directory,
        ...release,
        '--again',
        '--to',
        'admin@example.org',
        '--stamp',
        ...seen(directory, id),
      )
    ).code,
    0,
  )
  t.same(
    delivered()
      .map(({ recipients }) => recipients)
      .at(-1)?.length,
    1,
  )
})

t.test('of several releases at once one hands the message on', async (t) => {
  const { directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now(), { text: virus })
  const runs = await Promise.all(
    Array.from({ length: 4 }, () => run(directory, ...release, ...seen(directory, id))),
  )
  t.same(runs.map(({ code }) => code).sort(), [0, 2, 2, 2])
  for (const { code, err } of runs) {
    if (code === 2) t.match(err, /: (is being released by process \d+|has been released; --again)/)
  }
  t.equal(delivered().length, 1)
})

t.test('if the chain does not take it, it stays in quarantine', async (t) => {
  const { stage, directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now(), { text: virus })
  const ring = ['--env', `CLUSTERKEYS=${ringOf(stage)}`]
  const refusing = stage.file('refusing', '#!/bin/sh\ncat >/dev/null\nexit 53\n', 0o700)
  for (const [QUEUECHAIN, why] of [
    [refusing, /refusing: ends with 53/],
    ['/nonexistent', /ENOENT.*nonexistent/],
  ] as const) {
    const words = ['release', ...ring, '--env', `QUEUECHAIN=${QUEUECHAIN}`, ...seen(directory, id)]
    const { code, err } = await run(directory, ...words)
    t.equal(code, 2)
    t.match(err, why)
  }
  const { code, err } = await run(
    directory,
    'release',
    ...ring,
    '--by',
    '127.0.0.1:1',
    ...seen(directory, id),
  )
  t.equal(code, 2)
  t.match(err, /127\.0\.0\.1:1.*ECONNREFUSED/)
  t.equal((await readQuarantine(directory))[0]?.state, 'kept')
  t.equal((await run(directory, ...release, ...seen(directory, id))).code, 0, 'later it goes')
  t.equal(delivered().length, 1)
})

t.test('a release that was killed is reported, and goes on only if asked to', async (t) => {
  const { stage, directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now(), { text: virus })
  const killing = stage.file('killing', '#!/bin/sh\nkill -9 $PPID\n', 0o700)
  const ring = ['--env', `CLUSTERKEYS=${ringOf(stage)}`]
  t.equal((await run(directory, 'release', ...ring, '--env', `QUEUECHAIN=${killing}`, ...seen(directory, id))).code, null) // biome-ignore format: a line
  t.match((await run(directory, 'list')).out, ', releasing\n')
  t.match((await run(directory, ...release, ...seen(directory, id))).err, /was interrupted, and it may have been delivered; --again/) // biome-ignore format: a line
  t.equal((await run(directory, ...release, '--again', ...seen(directory, id))).code, 0)
  t.equal(delivered().length, 1)
})

t.test(
  'a killed release keeps no message from being released or deleted, whoever has its number',
  async (t) => {
    const { directory, release, delivered } = build(t)
    const ids = [await keepOne(directory, Date.now()), await keepOne(directory, Date.now())]
    const day = new Date().toISOString().slice(0, 10)
    for (const id of ids) {
      const file = join(directory, `virus/.${day}`)
      renameSync(join(file, `new/${id},S=17`), join(file, `tmp/${id},S=17:2,.releasing-${process.pid}`)) // biome-ignore format: a line
    }
    t.match((await run(directory, 'delete', ids[0]!)).err, `is being released by process ${process.pid}`) // biome-ignore format: a line
    t.match(
      (await run(directory, ...release, '--again', ...seen(directory, ids[1]!))).err,
      'is being released by process',
    )
    const later = spawn('sleep', ['100'])
    t.teardown(() => later.kill())
    const started = ticksAtStart(PROCESSES, String(later.pid))
    t.equal(isAlive(later.pid!, started), true)
    t.equal(isAlive(later.pid!, started - 1), false, 'another one took the message')
    for (const id of ids) {
      const file = join(directory, `virus/.${day}/tmp/${id},S=17:2,.releasing-`)
      renameSync(`${file}${process.pid}`, `${file}4194305`)
    }
    t.equal((await run(directory, 'delete', ids[0]!)).code, 0)
    t.equal((await run(directory, ...release, '--again', ...seen(directory, ids[1]!))).code, 0)
    t.equal(delivered().length, 1)
  },
)

t.test('release by SMTP, in lines of CRLF', async (t) => {
  const { directory, release } = build(t)
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  const id = await keepOne(directory, Date.now(), { text: `${virus}.dot\n` })
  const { code, err } = await run(
    directory,
    ...release,
    '--by',
    `127.0.0.1:${receiver.port}`,
    ...seen(directory, id),
  )
  t.equal(code, 0, err)
  const { sender, recipients, message } = await receiver.next()
  t.same([sender, recipients], ['a@example.net', ['b@example.org']])
  t.match(message.toString('latin1').replaceAll('\r\n', '\n'), `${virus}.dot\n`)
})

t.test('of the replies to a message by SMTP only 4xx and 5xx refuse it', async (t) => {
  const { directory, release } = build(t)
  const next = await startNext(t)
  const replies = { '354 go on': false, '300 what': false, 'no reply': false, '421 busy': true, '550 no': true } // biome-ignore format: a line
  for (const [reply, isRefusal] of Object.entries(replies)) {
    next.script = (verb) => (verb === '.' ? reply : undefined)
    const id = await keepOne(directory, Date.now())
    const by = ['--by', `127.0.0.1:${next.port}`, ...seen(directory, id)]
    const { code, err } = await run(directory, ...release, ...by)
    t.equal(code, 2)
    t.equal(/it may have been delivered/.test(err), !isRefusal, `${reply}: ${err}`)
    const again = await run(directory, ...release, ...by)
    t.equal(/was interrupted, and it may have been/.test(again.err), !isRefusal, again.err)
  }
})

t.test('without a key a message is not released by mistake', async (t) => {
  const { directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now())
  const queue = release.slice(0, 3)
  const { code, err } = await run(directory, ...queue, ...seen(directory, id))
  t.equal(code, 2)
  t.match(err, /keyring: .*onescan keygen --release, or release with --no-stamp/)
  t.equal((await run(directory, ...queue, '--no-stamp', ...seen(directory, id))).code, 0)
  t.equal(delivered()[0]?.message.toString(), 'Subject: x\n\nbody\n')
})

t.test('delete removes messages for good, and reports which were missing', async (t) => {
  const directory = makeQuarantine(t)
  const ids = [await keepOne(directory, Date.now()), await keepOne(directory, Date.now())]
  const { code, err, out } = await run(directory, 'delete', ...ids, ids[0]!)
  t.equal(code, 2)
  t.equal(out, `${ids[0]}: deleted\n${ids[1]}: deleted\n`)
  t.match(err, `${ids[0]}: is not in quarantine`)
  t.same(await readQuarantine(directory), [])
  t.match(readFileSync(join(directory, 'quarantine.log'), 'latin1'), /quarantine=delete .*who=/)
})

const notRoot = process.getuid!() !== 0 && 'run as root'
/** An account that exists everywhere. */
const NOBODY = 65_534

/** A quarantine of nobody's, with a message. */
async function nobodysQuarantine(t: Test) {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, Date.now(), { text: virus })
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, directory])
  return { directory, id }
}

// promise: root-quarantine-session
t.test('root reads a quarantine by its account, and stays root', { skip: notRoot }, async (t) => {
  const { directory, id } = await nobodysQuarantine(t)
  const { out, code, err } = await run(directory, 'list')
  t.equal(code, 0, err)
  t.match(out, seen(directory, id).join(' '))
  t.match((await run(directory, 'show', id)).out, 'VIRUS')
  t.ok((await run(directory, 'show', id, '--raw')).bytes.equals(bytes(virus)))
  t.match((await run(directory, 'delete', '1.0000000000000000')).err, /is not in quarantine/)
  t.equal((await run(directory, 'delete', id)).code, 0)
  const { uid } = statSync(join(directory, 'quarantine.log'))
  t.equal(uid, NOBODY)
})

// promise: root-quarantine-session
t.test(
  "no process of the quarantine's account is in the session of root, or has its variables",
  { skip: notRoot },
  async (t) => {
    const { directory, id } = await nobodysQuarantine(t)
    const told = placeForAll(t, 0o777)
    const chain = join(told, 'chain')
    const tell = `#!/bin/sh
id -u >${told}/uid; cut -d' ' -f6 /proc/$PPID/stat >${told}/session
tr '\\0' '\\n' </proc/$PPID/environ >${told}/environ; exec cat >/dev/null
`
    writeFileSync(chain, tell, { mode: 0o755 })
    const words = ['release', '--no-stamp', '--env', `QUEUECHAIN=${chain}`]
    const { code, err } = await onescan(
      ['quarantine', ...words, '--directory', directory, ...seen(directory, id)],
      { env: { RESTIC_PASSWORD: 'secret', API_KEY: 'secret' } },
    )
    t.equal(code, 0, err)
    const tells = (name: string) => readFileSync(join(told, name), 'latin1').trim()
    t.equal(tells('uid'), String(NOBODY))
    const [, , , , , own] = readFileSync('/proc/self/stat', 'latin1').split(' ')
    t.not(tells('session'), own)
    t.notMatch(tells('environ'), 'secret')
  },
)

// promise: root-quarantine-session
t.test(
  'a process of the quarantine that is stopped keeps root no longer than its deadline',
  { skip: notRoot },
  async (t) => {
    const { directory } = await nobodysQuarantine(t)
    // An account of its own, since all of its processes stop, those of other tests, too.
    // Whoever has the account stops each process of it as soon as he sees it. After the first he
    // looks ten times in a second: nothing that is stopped goes on by itself.
    const stop = `import os, signal, time
print('begun', flush=True)
pause = 0
while True:
  time.sleep(pause)
  for name in filter(str.isdigit, os.listdir('/proc')):
    try:
      if int(name) != os.getpid() and os.stat('/proc/' + name).st_uid == os.getuid():
        os.kill(int(name), signal.SIGSTOP)
        pause = 0.1
    except OSError: pass`
    const account = ['--reuid=54987', '--regid=54987', '--clear-groups', '--']
    execFileSync('chown', ['-R', '54987:54987', directory])
    const words = [...account, '/usr/bin/python3', '-c', stop]
    // Before all others on a busy machine: the process that is to be stopped lives briefly.
    const mallory = spawn('nice', ['-n', '-19', 'setpriv', ...words])
    t.teardown(() => mallory.kill('SIGKILL'))
    await once(mallory.stdout, 'data')
    const { code, err } = await run(directory, 'list')
    t.equal(code, 2)
    t.match(err, 'broke off: no answer in time')
  },
)

t.test('nor one that waits for a file system of its owner', { skip: notRoot }, async (t) => {
  const { directory } = await nobodysQuarantine(t)
  const place = join(directory, 'virus')
  const { inside } = await mountHanging(t, place, { operations: ['ALL'], user: NOBODY })
  const [program, ...words] = [...inside, ...onNodeForAll(t)]
  const list = [...words, 'quarantine', 'list', '--directory', directory]
  const child = spawn(program!, list, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (piece) => {
    said += piece
  })
  const [code] = await once(child, 'exit')
  t.equal(code, 2)
  t.match(said, 'broke off: no answer in time')
})

t.test('an answer that complains without end is not taken', { skip: notRoot }, async (t) => {
  const { directory, id } = await nobodysQuarantine(t)
  const [file] = readdirSync(directory, { recursive: true, encoding: 'latin1' }).filter((name) =>
    name.includes(id),
  )
  const kept = join(directory, file!)
  for (let index = 1; index < 1100; index++) {
    mkdirSync(kept.replace(id, `${id.slice(0, -4)}${String(index).padStart(4, '0')}`))
  }
  const { code, err } = await run(directory, 'list')
  t.equal(code, 2)
  t.match(err, 'broke off: it has more than 1000 complaints')
})

t.test(
  "no process of the quarantine's account gets files or keys that root has open",
  { skip: notRoot },
  async (t) => {
    const { directory, id } = await nobodysQuarantine(t)
    const told = placeForAll(t, 0o777)
    const secret = join(told, 'secret')
    writeFileSync(secret, 'of root', { mode: 0o600 })
    const python = (text: string) => `import ctypes, os
libc = ctypes.CDLL(None)
keyctl, add_key = (250, 248) if os.uname().machine == 'x86_64' else (219, 217)
session = ctypes.c_int(-3)
${text}`
    writeFileSync(
      join(told, 'chain'),
      `#!/usr/bin/python3
${python(`open('${told}/found', 'w').write(str(libc.syscall(keyctl, 10, session, b'user', b'onescan', 0)) +
  str([os.readlink('/proc/%d/fd/%s' % (os.getppid(), fd)) for fd in os.listdir('/proc/%d/fd' % os.getppid())]))`)}
os.read(0, 99999)
`,
      { mode: 0o755 },
    )
    const start = python(`libc.syscall(keyctl, 1, None)
libc.syscall(add_key, b'user', b'onescan', b'of root', 7, session)
assert libc.syscall(keyctl, 10, session, b'user', b'onescan', 0) > 0
os.dup2(os.open('${secret}', os.O_RDONLY), 99)
import sys; os.execv(sys.argv[1], sys.argv[1:])`)
    const words = ['release', '--no-stamp', '--env', `QUEUECHAIN=${join(told, 'chain')}`]
    for (const program of [[compiledProgram], onNodeForAll(t)]) {
      const names = [...seen(directory, id), '--again', '--directory', directory]
      const all = ['-c', start, ...program, 'quarantine', ...words, ...names]
      const { status, stderr } = spawnSync('/usr/bin/python3', all, { encoding: 'utf8' })
      t.equal(status, 0, stderr)
      const found = readFileSync(join(told, 'found'), 'latin1')
      t.match(found, /^-1\[/, 'no key')
      t.notMatch(found, secret)
      rmSync(join(told, 'found'))
    }
  },
)

/** Makes a directory of this mode, which every account reaches. */
function placeForAll(t: Test, mode: number): string {
  const place = mkdtempSync(join(tmpdir(), 'onescan-place-'))
  t.teardown(() => rmSync(place, { recursive: true }))
  chmodSync(place, mode)
  return place
}

/** Node and the program, where every account may read them: this checkout may lie in root's home. */
function onNodeForAll(t: Test): readonly string[] {
  const place = placeForAll(t, 0o755)
  const node = join(place, 'node')
  copyFileSync(process.execPath, node)
  const root = join(import.meta.dirname, '../../..')
  for (const name of ['dist', 'bin']) {
    cpSync(join(root, name), join(place, name), { recursive: true })
  }
  return [node, join(place, 'dist', basename(bundle))]
}

t.test('list reads no message, only what is above it', async (t) => {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, Date.now())
  const [name] = readdirSync(directory, { recursive: true, encoding: 'latin1' }).filter((path) =>
    path.includes(id),
  )
  const names = seen(directory, id)
  truncateSync(join(directory, name!), 1024 ** 4)
  const { code, out, err } = await run(directory, 'list')
  t.equal(code, 0, err)
  t.match(out, names.join(' '))
})

// promise: root-quarantine-exchange
t.test('what was exchanged since it was seen is not released', async (t) => {
  const { directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now(), { text: 'Subject: x\n\nharmless\n' })
  const names = seen(directory, id)
  t.match((await run(directory, ...release, id)).err, /name the digest.* may have been exchanged/)
  const day = new Date().toISOString().slice(0, 10)
  const file = join(directory, `virus/.${day}/new/${id},S=21`)
  const text = readFileSync(file, 'latin1')
  writeFileSync(file, text.replace('harmless', 'a VIRUS!'))
  const { code, err } = await run(directory, ...release, ...names)
  t.equal(code, 2)
  t.match(err, `${id}: is not the message that was kept`)
  writeFileSync(file, text.replace('b@example.org', 'c@example.org'))
  t.equal((await run(directory, ...release, ...names)).code, 2, 'nor with other recipients')
  const sha256 = createHash('sha256').update('Subject: x\n\na VIRUS!\n').digest('hex')
  writeFileSync(file, text.replace('harmless', 'a VIRUS!').replace(/(?<=sha256=)\w+/, sha256))
  t.match(
    (await run(directory, ...release, ...names)).err,
    `${id}: is not the message that was seen`,
  )
  t.same(delivered(), [])
  writeFileSync(file, text)
  t.equal((await run(directory, ...release, ...names)).code, 0)
})

// promise: root-quarantine-exchange
t.test('what is approved is what goes, though the file is rewritten meanwhile', async (t) => {
  const directory = makeQuarantine(t)
  const maildir = makeMaildir()
  t.teardown(maildir.remove)
  const text = `Subject: x\n\n${'harmless\n'.repeat(100_000)}`
  const id = await keepOne(directory, Date.now(), { text })
  const words = ['/usr/bin/env', `PATH=${process.env.PATH}`, `MAILDIR=${maildir.path}`]
  const route = { kind: 'chain', words: [...words, standInQueue()] } as const
  const routes = { slot: route, other: route }
  const job = { act: 'release', directory, who: 'x', id, again: false, to: [], routes } as const
  const add = [{ name: 'X-Stamp', value: 'of what was seen' }]
  await workAsOwner(job, async ({ answers, approve }) => {
    for await (const answer of answers()) {
      t.not(answer.kind, 'failed')
      if (answer.kind !== 'file') continue
      for await (const _ of answer.bytes);
      const names = readdirSync(directory, { recursive: true, encoding: 'latin1' })
      const file = join(directory, names.find((name) => name.includes(id))!)
      const now = readFileSync(file, 'latin1')
      const changed = now.replaceAll('harmless', 'a VIRUS!').replaceAll('b@example', 'c@example')
      writeFileSync(file, changed)
      approve({ add })
    }
  })
  const [sent] = deliveries(maildir.path)
  t.equal(sent!.message.toString('latin1'), `X-Stamp: of what was seen\n${text}`)
  t.same(sent!.recipients, ['b@example.org'])
})

// promise: root-quarantine-exchange
t.test(
  'root signs nothing from a quarantine whose account may not read the keyring',
  { skip: notRoot },
  async (t) => {
    const { stage } = build(t)
    const { directory, id } = await nobodysQuarantine(t)
    const ring = ['--env', `CLUSTERKEYS=${ringOf(stage)}`]
    const { code, err } = await run(directory, 'release', ...ring, ...seen(directory, id))
    t.equal(code, 2)
    t.match(err, /belongs to nobody, who may not read the keyring .*; release with --no-stamp/)
    const closed = placeForAll(t, 0o700)
    copyFileSync(ringOf(stage), join(closed, 'ring'))
    chmodSync(join(closed, 'ring'), 0o640)
    chownSync(join(closed, 'ring'), 0, NOBODY)
    const link = join(placeForAll(t, 0o755), 'ring')
    symlinkSync(join(closed, 'ring'), link)
    const byLink = ['--env', `CLUSTERKEYS=${link}`, ...seen(directory, id)]
    t.match((await run(directory, 'release', ...byLink)).err, 'who may not read the keyring')
    t.match((await run(directory, 'list')).out, id)
  },
)

t.test('a release on a full disk, whose mail was handed on, is no failure', async (t) => {
  const { directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now())
  symlinkSync('/dev/full', join(directory, 'quarantine.log'))
  const { code, err } = await run(directory, ...release, ...seen(directory, id))
  t.equal(code, 0, err)
  t.match(err, 'quarantine.log: ')
  t.equal(delivered().length, 1)
})
