import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { attempt } from '../../../src/lib/errors/fault.ts'
import { ProcEntry } from '../../../src/lib/process/proc-entry.ts'
import { mountHanging } from '../../lib/path/hanging.ts'
import { lacks } from '../../needs.mjs'
import { openDirectory, reachable } from '../../programs/host/reachable.ts'
import { atTerminal, terminalsObey, typist } from '../../programs/host/terminal.ts'
import { ucspiMissing } from '../../programs/servers/ucspi.ts'
import { outputOf, until } from '../../run/until.ts'
import { keepOne, makeQuarantine } from '../../scan/quarantine/quarantined.ts'
import { startService, tcpserver } from '../check/service.ts'
import { bundle, jsonIn, onescan, type Run, type RunOptions } from '../onescan.ts'

/** Root types a command, and an account does its work. */

const skip = lacks('root')
const native = join(import.meta.dirname, '../../../build/native/onescan')
/** An account that exists everywhere. */
const NOBODY = 65_534
const asNobody = ['--user', 'nobody']

const asRoot = (words: readonly string[], options: RunOptions = {}): Promise<Run> =>
  onescan(words, { ...options, root: true })

/** A quarantine of nobody's, with a message. */
async function nobodysQuarantine(t: Test) {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, Date.now(), { text: 'Subject: x\n\nVIRUS\n' })
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, directory])
  const run = (...words: readonly string[]) =>
    asRoot(['quarantine', ...words, '--directory', directory, ...asNobody])
  return { directory, id, run }
}

/** A directory into which every account may write. */
function placeForAll(t: Test): string {
  const place = openDirectory(t)
  chmodSync(place, 0o1777)
  return place
}

/** A scanner that is this script of sh(1), for `--env QHPSI=...`. */
function scanner(place: string, text: string): string {
  const file = join(place, 'scanner')
  writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return `QHPSI=${file} %s`
}

/** A program that is onescan to root; anyone who holds the account may have its process do this instead. */
function held(place: string, script: string): string {
  const file = join(place, 'held.cjs')
  writeFileSync(file, `if (process.getuid() === 0) require('${bundle}')\nelse { ${script} }\n`)
  return file
}

/** The command that runs onescan, for sh(1). */
const command = [process.execPath, bundle].map(reachable).join(' ')
const mail = 'Subject: x\n\nbody\n'

// promise: root-quarantine-session
t.test('an account does the work, and root prints its output', { skip }, async (t) => {
  const { directory, id, run } = await nobodysQuarantine(t)
  const listed = await run('list')
  t.equal(listed.code, 0, listed.err)
  t.match(listed.out, id)
  t.match((await run('show', id)).out, 'VIRUS')
  t.equal((await run('show', id, '--raw')).out, 'Subject: x\n\nVIRUS\n')
  t.match((await run('delete', '1.0000000000000000')).err, /is not in quarantine/)
  t.equal((await run('delete', id)).code, 0)
  t.equal(statSync(join(directory, 'quarantine.log')).uid, NOBODY)
  t.match(readFileSync(join(directory, 'quarantine.log'), 'latin1'), /who=root /)
})

// promise: root-runs-nothing
t.test('without an account nothing is done', { skip }, async (t) => {
  const commands = [['scan', '-'], ['verify', '-'], ['quota', 'ann'], ['policy', 'test', 'a@x', 'b@x']] // biome-ignore format: a line
  for (const words of commands) {
    for (const [user, why] of [
      ['no:such', /user no:such: no such account/],
      ['root', /user root: root runs no check as root or as a service; specify another user/],
    ] as const) {
      t.match(await asRoot([...words, '--user', user]), { code: 2, err: why }, words.join(' '))
    }
  }
  const { out } = await asRoot(['quota', 'ann', '--json', '--user', 'root'])
  t.match(jsonIn(out), { command: 'quota', errors: [/root runs no check as root/], exit: 2 })
})

// promise: root-runs-nothing
t.test('no word before a command has root do it itself', { skip }, async (t) => {
  for (const first of [['--no-json'], ['--user=nobody']]) {
    const { code, err } = await asRoot([...first, 'scan', '--env', 'QHPSI=plugin: eicar', '-'])
    t.equal(code, 2)
    t.match(err, /scan: must precede its options/)
  }
  t.match((await asRoot(['toString'])).err, /toString: is not a command/)
})

/** The processes of nobody's whose command line names a place, as this host numbers them. */
const processesIn = (place: string) =>
  ProcEntry.all().filter(
    (found) =>
      found.status()?.uid === NOBODY &&
      attempt(() => readFileSync(found.at('cmdline'), 'latin1'))?.includes(place),
  )

// promise: root-secrets, root-envdir-secret
t.test(
  'the account inherits settings and PATH from root, and no further right',
  { skip },
  async (t) => {
    const place = placeForAll(t)
    const tell = `id -u >${place}/uid; id -G >${place}/groups; pwd >${place}/pwd
grep -E '^Cap(Prm|Eff|Inh|Amb|Bnd)' /proc/self/status >${place}/of-scanner
until test -e ${place}/seen; do sleep 0.1; done
exit 0`
    const secrets = { RESTIC_PASSWORD: 'secret', API_KEY: 'secret', HOME: '/root/secret' }
    const loaders = { LD_PRELOAD: '/secret', BASH_ENV: '/secret', NODE_OPTIONS: '' }
    const temporary = { TMPDIR: '/tmp/user/0', TMP: '/tmp/user/0' } // libpam-tmpdir
    const env = { ...secrets, ...loaders, ...temporary, SCANTIMEOUT: '77' }
    const words = ['scan', '--env', scanner(place, tell), ...asNobody, '-']
    const run = asRoot(words, { env, input: mail })
    const own = () => processesIn(place).find(({ pid }) => /onescan/.test(commandOf(pid)))
    await until(
      () => existsSync(join(place, 'of-scanner')) && own() !== undefined,
      'the scanner runs',
    )
    const found = own()!
    const environ = readFileSync(found.at('environ'), 'latin1') // a scanner may not look there
    const status = readFileSync(found.at('status'), 'latin1')
    const session = (pid: string) => readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ')[5]
    t.not(session(found.pid), session('self'))
    writeFileSync(join(place, 'seen'), '')
    const { code, err } = await run
    t.equal(code, 0, err)
    const told = (name: string) => readFileSync(join(place, name), 'latin1').trim()
    t.equal(told('uid'), String(NOBODY))
    t.notMatch(` ${told('groups')} `, ' 0 ')
    t.notMatch(environ, /secret|user\/0/)
    t.ok(environ.split('\0').includes('SCANTIMEOUT=77'))
    t.match(status, /^NoNewPrivs:\t1$/m)
    t.match(status, /^CapInh:\t0+\nCapPrm:\t0+\nCapEff:\t0+\nCapBnd:\t0+\nCapAmb:\t0+$/m)
    t.match(told('of-scanner'), /^(Cap\w+:\t0+\n?){5}$/)
  },
)

const commandOf = (pid: string) => readFileSync(`/proc/${pid}/cmdline`, 'latin1')

// promise: root-quarantine-session
t.test('the command sees no other process, and its children end with it', { skip }, async (t) => {
  const place = placeForAll(t)
  const names = `ls /proc | grep '^[0-9]' >${place}/seen
setsid sh -c 'echo >${place}/left; exec sleep 1000 ${place}' </dev/null >/dev/null 2>&1 &
until test -e ${place}/left; do sleep 0.1; done`
  const words = ['scan', '--env', scanner(place, names), ...asNobody, '-']
  const { code, err } = await asRoot(words, { input: mail })
  t.equal(code, 0, err)
  const seen = readFileSync(join(place, 'seen'), 'latin1').trim().split('\n')
  t.ok(seen.includes('1') && seen.length < 10, seen.join(' '))
  await until(() => processesIn(place).length === 0, 'none is left')
})

t.test('a release and a slot may start programs with set-ID bits', { skip }, async (t) => {
  const place = placeForAll(t)
  const chain = join(place, 'chain')
  writeFileSync(
    chain,
    `#!/bin/sh\ngrep NoNewPrivs /proc/self/status >${place}/told; cat >/dev/null\n`,
    { mode: 0o755 },
  )
  const { id, run } = await nobodysQuarantine(t)
  const { code, err } = await run('release', '--no-stamp', '--env', `QUEUECHAIN=${chain}`, id)
  t.equal(code, 0, err)
  t.match(readFileSync(join(place, 'told'), 'latin1'), /:\t0$/m)
  const from = ['--from', 'a@x', '--to', 'b@x', ...asNobody]
  const injected = await asRoot(['inject', '-', '--program', chain, ...from], { input: mail })
  t.match(injected, { code: 0 }, injected.err)
})

t.test('a temporary directory for root alone keeps no mail from the slot', { skip }, async (t) => {
  const place = placeForAll(t)
  const chain = join(place, 'chain')
  writeFileSync(chain, '#!/bin/sh\ncat >/dev/null\n', { mode: 0o755 })
  const TMPDIR = join(place, 'root')
  mkdirSync(TMPDIR, { mode: 0o700 }) // as libpam-tmpdir makes it
  const scanner = ['--env', 'QHPSI=plugin: eicar', ...asNobody]
  const slot = reachable(join(native, '../onescan-queue'))
  const from = ['--from', 'a@x', '--to', 'b@x', '--program', slot, '--env', `QUEUECHAIN=${chain}`]
  const injected = await asRoot(['inject', '-', ...from, ...scanner], {
    input: mail,
    env: { TMPDIR },
  })
  t.match(injected, { code: 0 }, injected.err)
  const checkLines = async (env: Record<string, string>) =>
    (await asRoot(['check', ...scanner], { env })).out
      .replaceAll(/[\d.]+ m?s\b/g, 'N ms')
      .replaceAll(/\d+ MiB/g, 'N MiB')
  const closed = await checkLines({ TMPDIR })
  t.match(closed, /^ok +qmail, clean message: scanned and passed on in N ms$/m)
  t.equal(closed, await checkLines({}))
})

// promise: root-quarantine-session
t.test('it gets no file that root has open, and no key', { skip }, async (t) => {
  const place = placeForAll(t)
  const secret = join(place, 'secret')
  writeFileSync(secret, 'of root', { mode: 0o600 })
  const calls = `import ctypes, os, sys
libc = ctypes.CDLL(None)
keyctl, add_key = (250, 248) if os.uname().machine == 'x86_64' else (219, 217)
session = ctypes.c_int(-3)\n`
  // Of what it works for, a scanner may not see the files.
  const look = `${calls}
import time
open('${place}/found', 'w').write(str(libc.syscall(keyctl, 10, session, b'user', b'onescan', 0)))
print(os.getppid(), file=open('${place}/pid', 'w'))
while os.path.exists('${place}/pid'): time.sleep(0.1)\n`
  writeFileSync(join(place, 'look'), `#!/usr/bin/python3\n${look}`, { mode: 0o755 })
  const start = `${calls}
libc.syscall(keyctl, 1, None)
libc.syscall(add_key, b'user', b'onescan', b'of root', 7, session)
assert libc.syscall(keyctl, 10, session, b'user', b'onescan', 0) > 0
os.dup2(os.open('${secret}', os.O_RDONLY), 99)
os.execv(sys.argv[1], sys.argv[1:])`
  const words = ['scan', '--env', `QHPSI=${place}/look %s`, ...asNobody, '-']
  const programs = [
    [process.execPath, bundle].map(reachable),
    ...(existsSync(native) ? [[reachable(native)]] : []),
  ]
  for (const program of programs) {
    const run = spawn('/usr/bin/python3', ['-c', start, ...program, ...words])
    run.stdin.end(mail)
    run.stdout.resume()
    await until(() => existsSync(join(place, 'pid')), 'the scanner runs')
    const files = processesIn(place).flatMap(({ pid }) =>
      readdirSync(`/proc/${pid}/fd`).map((fd) =>
        attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`)),
      ),
    )
    rmSync(join(place, 'pid'))
    t.same(await once(run, 'exit'), [0, null])
    t.equal(readFileSync(join(place, 'found'), 'latin1'), '-1', 'no key')
    t.ok(files.some((file) => /^(pipe|socket):/.test(file ?? '')))
    t.notOk(files.includes(secret))
    rmSync(join(place, 'found'))
  }
})

// promise: root-terminal
t.test('its output is harmless at a terminal', { skip }, async (t) => {
  const place = placeForAll(t)
  const odd = `\x1b]0;x\x07 \u202e \u200b \u2066 \u00ad \u{e0041} \x9b2J`
  const file = join(place, `mail${odd}`)
  writeFileSync(file, mail)
  const print = `process.stdout.write(${JSON.stringify(`${odd}\n`)}); process.stderr.write(${JSON.stringify(odd)})`
  const program = held(place, print)
  const env = ['--env', 'QHPSI=plugin: eicar', ...asNobody]
  const plain = await asRoot(['scan', '--all', ...env, file])
  const { stdout, stderr } = spawnSync(process.execPath, [program, 'scan', ...env, file], {
    encoding: 'utf8',
  })
  t.match(stderr, '\\u202e')
  for (const printed of [`${plain.bytes}${plain.err}`, stdout, stderr]) {
    t.notMatch(printed, /(?!\n)[\p{Cc}\p{Cf}\p{DI}]/u)
    t.match(printed, '\\udb40\\udc41')
  }
})

// promise: root-terminal
t.test('findings of an account are printed below its name', { skip }, async (t) => {
  const place = placeForAll(t)
  const said = (value: unknown) => `console.log(${JSON.stringify(JSON.stringify(value))});`
  const odd = {
    level: 'error',
    what: 'x\nas root finds:',
    value: 'y\n\x1b[31m',
    remedy: 'curl x | sh',
  }
  const words = ['check', '--env', 'QHPSI=x', ...asNobody]
  const check = (script: string, ...more: readonly string[]) =>
    spawnSync(process.execPath, [held(place, script), ...words, ...more], { encoding: 'utf8' })
  t.same(check(said(odd)).stdout.split('\n').slice(0, -2), [
    'as the account nobody reports:',
    'error          x as root finds:: y \\u001b[31m; curl x | sh',
  ])
  const { results } = jsonIn(check(said(odd), '--json').stdout)
  t.same(results, [{ ...odd, account: 'nobody' }])
  for (const script of [
    said({ ...odd, level: 'fine' }),
    'console.log("{")',
    '',
    'process.exit(7)',
  ]) {
    t.match(
      check(script).stdout,
      /^error +checks: the check as nobody failed: .*; this part was not checked/m,
    )
  }
  const endless = `for (let n = 0; n < 2000; n++) ${said(odd)}`
  t.match(check(endless).stdout, 'its answer is malformed')
})

// promise: root-runs-nothing
t.test(
  'a terminal of root is neither typed at nor written to',
  { skip: skip || lacks('script') },
  async (t) => {
    // biome-ignore format: a line
    const place = placeForAll(t)
    const log = join(place, 'log')
    writeFileSync(log, '')
    chmodSync(log, 0o666)
    writeFileSync(join(place, 'typist'), typist, { mode: 0o755 })
    const before = atTerminal(
      `/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups ${place}/typist ${log}`,
    )
    t.match(readFileSync(log, 'latin1'), /^uid=65534 reached=\/dev\/tty/, 'as it was')
    if (terminalsObey()) t.match(before.typed, /^(pwned\n)+$/)
    writeFileSync(log, '')
    const look = `ls -l /proc/$PPID/fd >>${log}; exec ${place}/typist ${log}`
    const { typed } = atTerminal(
      `${command} scan --user nobody --env '${scanner(place, look)}' ${reachable(bundle)}`,
    )
    const noted = readFileSync(log, 'latin1')
    t.match(noted, /^uid=65534 reached=\n/m)
    t.notMatch(noted, /\/dev\/(tty|pts)/)
    t.equal(typed, '')
  },
)

t.test('standard input is for an account that is to read it', { skip }, async (t) => {
  const print = "console.log(require('fs').readlinkSync('/proc/self/fd/0'))"
  const program = held(placeForAll(t), print)
  const input = (...words: readonly string[]) =>
    execFileSync(
      '/bin/sh',
      ['-c', '"$@" <"$0"', program, process.execPath, program, ...words, ...asNobody],
      { encoding: 'utf8' },
    )
  t.equal(input('scan', '/x'), '/dev/null\n')
  for (const words of [['scan', '-'], ['verify', '/dev/stdin'], ['verify', '/dev/fd/0'], ['log']]) {
    t.match(input(...words), /^(socket|pipe):/)
  }
})

t.test('the list of a loop stays for its next command', { skip }, async (t) => {
  const directory = openDirectory(t)
  writeFileSync(join(directory, 'a'), mail)
  const loop = `while read name; do ${command} scan --user nobody --env 'QHPSI=plugin: eicar' ${directory}/a; done`
  const script = `import socket, subprocess
a, b = socket.socketpair()
b.sendall(b'1\\n2\\n3\\n'); b.shutdown(1)
subprocess.run(['/bin/sh', '-c', '''${loop}'''], stdin=a)`
  const { stdout } = spawnSync('/usr/bin/python3', ['-c', script], { encoding: 'utf8' })
  t.equal(stdout.match(/1 message: 1 clean/g)?.length, 3, stdout)
})

t.test('it ends with root, however root ends', { skip }, async (t) => {
  const log = join(placeForAll(t), 'log')
  writeFileSync(log, '')
  truncateSync(log, 1024 ** 4)
  const [program, ...words] = [process.execPath, bundle].map(reachable)
  const child = spawn(program!, [...words, 'report', log, ...asNobody], { stdio: 'ignore' })
  const files = (pid: string) => attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? []
  const reads = (pid: string) =>
    files(pid).some((fd) => attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) === log)
  let reader: string | undefined
  await until(() => {
    reader = processesIn(log).find(({ pid }) => reads(pid))?.pid
    return reader !== undefined
  }, 'a reader of the log')
  child.kill('SIGKILL')
  await once(child, 'exit')
  await until(() => !reads(reader!), 'the reader ends')
  t.pass('it has ended')
})

// promise: root-quarantine-session, root-endless-files
t.test("a file system of its owner's keeps root no longer than its time", { skip }, async (t) => {
  // biome-ignore format: a line
  const { directory } = await nobodysQuarantine(t)
  const place = join(directory, 'virus')
  const { inside } = await mountHanging(t, place, { operations: ['ALL'], user: NOBODY })
  const [program, ...words] = [...inside, ...[process.execPath, bundle].map(reachable)]
  const list = [...words, 'quarantine', 'list', '--directory', directory, ...asNobody]
  const child = spawn(program!, list, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (piece) => {
    said += piece
  })
  // The runner would end a file in which nothing happens for a minute.
  const shown = setInterval(() => process.stdout.write('# root waits for its time\n'), 15_000)
  const [code] = await once(child, 'exit')
  clearInterval(shown)
  t.equal(code, 2)
  t.match(said, /as nobody: it took too long, and was stopped/)
})

// promise: root-tcpserver-name
t.test("root reports only the number of another user's process", { skip }, async (t) => {
  const place = placeForAll(t)
  const program = join(place, 'tcpserver')
  execFileSync('cp', ['/bin/bash', program])
  const account = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--', program]
  const words = ['-c', 'echo begun; sleep 100; :', '/var/qmail/bin/qmail-smtpd', '\x1b[31m; curl x']
  const child = spawn('setpriv', [...account, ...words], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  t.teardown(() => process.kill(-child.pid!))
  await outputOf(child)
  const { out } = await asRoot(['check', '--json'])
  const checkLine = jsonIn(out).results.find(({ value }) => /look like services/.test(value))
  t.match(checkLine, { level: 'warning', what: new RegExp(`^processes .*\\b${child.pid}\\b`) })
  t.notMatch(out, /curl|\x1b|sleep/)
})

t.test('a slot that would run as root is not tried', { skip: skip || ucspiMissing }, async (t) => {
  const pid = await startService(t, tcpserver(), { isCallers: true })
  const { code, out } = await asRoot(['check', '--pid', pid])
  t.equal(code, 2)
  t.match(
    out,
    /^error +process \d+: runs qmail-smtpd as root: nothing was tested; run tcpserver with -u /,
  )
  t.notMatch(out, 'says:')
  const named = await asRoot(['check', '--pid', pid, '--env', 'QHPSI=plugin: eicar', ...asNobody])
  t.match(named.out, /^as the account nobody reports:\n[\s\S]*^ok +scanner eicar: finds EICAR/m)
})

t.test('a failure of one account does not stop the others', { skip }, async (t) => {
  // In some containers root lacks the capabilities to change its user.
  const around = ['setpriv', '--bounding-set=-setuid,-setgid', '--']
  const words = ['check', '--env', 'QHPSI=plugin: eicar', ...asNobody]
  const { code, out, err } = await asRoot(words, { around })
  t.equal(code, 2)
  t.match(`${out}${err}`, /setpriv: .*(setresuid|setgroups|setresgid)/)
  const { results, exit } = jsonIn((await asRoot([...words, '--json'], { around })).out)
  t.match(results, [{ level: 'error', what: 'checks', value: /this part was not checked/ }])
  t.equal(exit, 2)
})

/** The groups of the account that reads logs, on a host with these accounts. */
function groupsOfLogs(place: string, names: readonly string[]): number[] {
  const program = held(place, 'process.stdout.write(JSON.stringify(process.getgroups()))')
  const passwd = names.map((name, at) => `${name}:x:${54_330 + at}:${54_330 + at}:::`)
  writeFileSync(join(place, 'passwd'), ['root:x:0:0:::', ...passwd, ''].join('\n'))
  writeFileSync(join(place, 'group'), 'root:x:0:\nadm:x:54340:\nsystemd-journal:x:54341:\n')
  const bind =
    'mount --bind "$1/passwd" /etc/passwd; mount --bind "$1/group" /etc/group; shift; exec "$@"'
  const words = ['--mount', 'sh', '-c', bind, 'sh', place, process.execPath, program, 'log', '-']
  return JSON.parse(execFileSync('unshare', words, { encoding: 'utf8', input: '' }))
}

t.test('only an account that runs nothing else reads logs of others', { skip }, async (t) => {
  const place = placeForAll(t)
  t.same(groupsOfLogs(place, ['onescan', 'onescan-check']), [54_331, 54_340, 54_341])
  t.same(groupsOfLogs(place, ['onescan', 'nobody']), [54_331])
})

/** The groups of qmaild where root injects a message; with this service. */
function groupsOfSlot(place: string, service: string): string[] {
  const program = held(place, 'process.stdout.write(JSON.stringify(process.getgroups()))')
  writeFileSync(join(place, 'passwd'), 'root:x:0:0:::\nqmaild:x:54330:54331:::\n')
  writeFileSync(join(place, 'group'), 'root:x:0:\nnofiles:x:54331:\nothers:x:54332:qmaild\n')
  const script = `place=$1
mount --bind $place/passwd /etc/passwd; mount --bind $place/group /etc/group
cp /bin/sh $place/supervise; : >$place/port
if test -n "$2"; then
  $place/supervise -c "$2 & echo \\$! >$place/pid; wait" >$place/port &
  until test -s $place/port; do sleep 0.1; done
fi
$3 $4 inject - --from a@x --to b@x; echo
test -z "$2" || kill "$(cat $place/pid)"`
  const words = ['--mount', 'sh', '-c', script, 'sh', place, service, process.execPath, program]
  const { stdout } = spawnSync('unshare', words, { encoding: 'utf8', input: '' })
  return [...stdout.matchAll(/\[([\d,]+)\]/g)].map(([, groups]) => groups!)
}

t.test(
  'a slot is tried with the groups of its service, or the primary group',
  { skip: skip || ucspiMissing },
  async (t) => {
    t.same(groupsOfSlot(placeForAll(t), ''), ['54331'])
    const service = tcpserver('-u', '54330', '-g', '54333').join(' ')
    t.same(groupsOfSlot(placeForAll(t), service), ['54333'])
  },
)

// promise: root-paths
t.test('a log leads root to no file that its owner may not read', { skip }, async (t) => {
  const place = openDirectory(t)
  const secret = join(place, 'secret')
  writeFileSync(secret, 'onescan: decision=accept from=<secret@example.org>\n', { mode: 0o600 })
  for (const [name, target] of Object.entries({ link: secret, device: '/dev/zero' })) {
    mkdirSync(join(place, name))
    symlinkSync(target, join(place, name, 'current'))
    execFileSync('chown', ['-Rh', `${NOBODY}:${NOBODY}`, join(place, name)])
    const { code, out, err } = await asRoot(['log', join(place, name), ...asNobody])
    t.equal(code, 2, err)
    t.match(err, /current: is a link, and links are not followed there/)
    t.equal(out, '')
  }
  const other = join(place, 'other')
  mkdirSync(other)
  writeFileSync(join(place, 'readable'), readFileSync(secret), { mode: 0o644 })
  symlinkSync(join(place, 'readable'), join(other, 'current'))
  const { code, out } = await asRoot(['log', other, ...asNobody])
  t.equal(code, 2, 'the account of logs may read more than the owner of one')
  t.equal(out, '')
})

t.test('the remedy is printed for a file that the account may not read', { skip }, async (t) => {
  const place = openDirectory(t)
  const file = join(place, 'mail.eml')
  writeFileSync(file, mail, { mode: 0o600 })
  const home = join(place, 'home')
  mkdirSync(home, { mode: 0o700 })
  const closed = join(home, 'mail.eml')
  writeFileSync(closed, mail)
  const words = ['--env', 'QHPSI=plugin: eicar', ...asNobody]
  for (const path of [file, closed]) {
    const { code, out } = await asRoot(['scan', ...words, path])
    t.equal(code, 2)
    t.match(out, /EACCES.*: nobody may not read it; use - <FILE instead/, path)
  }
  const handed = spawnSync(
    '/bin/sh',
    ['-c', `${command} scan ${asNobody.join(' ')} --env 'QHPSI=plugin: eicar' - <${file}`],
    { encoding: 'utf8' },
  )
  t.match(handed.stdout, '1 message: 1 clean')
  writeFileSync(join(home, 'own.mjs'), 'export const virusscan = () => ({ clean: true })\n')
  const plugin = ['--env', 'QHPSI=plugin: own.mjs', '--env', `PLUGINDIR=${home}`, ...asNobody]
  chmodSync(file, 0o644)
  const { out } = await asRoot(['scan', ...plugin, file])
  t.match(out, /own\.mjs: EACCES; let nobody read it or correct PLUGINDIR/)
})

// promise: root-secrets
t.test("programs of the account do not see root's own directory", { skip }, async (t) => {
  const place = placeForAll(t)
  const cwd = join(place, 'closed/open')
  mkdirSync(cwd, { recursive: true })
  writeFileSync(join(cwd, 'secret'), mail)
  chmodSync(join(place, 'closed'), 0o700)
  const look = scanner(
    place,
    `cat secret >${place}/seen; cat /proc/self/cwd/secret >>${place}/seen; exit 0`,
  )
  const scan = (...words: readonly string[]) =>
    spawnSync(process.execPath, [bundle, 'scan', ...asNobody, '--env', look, ...words], {
      cwd,
      encoding: 'utf8',
      input: mail,
    })
  t.match(scan('-').stdout, '1 message: 1 clean')
  t.equal(readFileSync(join(place, 'seen'), 'latin1'), '')
  const told = 'secret: unknown: nobody may not enter this directory; use - <FILE instead'
  t.match(scan('secret').stdout, told)
  chmodSync(join(place, 'closed'), 0o755)
  t.match(scan('secret').stdout, '1 message: 1 clean', 'a name is looked for where root is')
})

t.test('a slow pipe of root is read to its end, on Node and compiled', { skip }, async (t) => {
  const programs = [
    [process.execPath, bundle].map(reachable),
    ...(existsSync(native) ? [[reachable(native)]] : []),
  ]
  for (const program of programs) {
    const script = `(printf 'Subject: x\\n\\n'; sleep 1; head -c 300000 /dev/zero | tr '\\0' 'x') | "$@"`
    const words = [...program, 'scan', ...asNobody, '--env', 'QHPSI=plugin: eicar', '--all', '-']
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', script, 'sh', ...words], { encoding: 'utf8' }) // biome-ignore format: a line
    t.match(stdout, '/dev/stdin: clean', stderr)
  }
})
