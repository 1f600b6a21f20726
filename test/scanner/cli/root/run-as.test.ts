import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attempt } from '../../../../src/base/errors/fault.ts'
import { mountHanging } from '../../../base/path/hanging.ts'
import { lacks } from '../../../needs.mjs'
import { openDirectory, reachable } from '../../../programs/host/reachable.ts'
import { exitOf, until } from '../../../run/until.ts'
import { bundle, jsonIn } from '../onescan.ts'
import {
  asNobody,
  asRoot,
  command,
  held,
  mail,
  NOBODY,
  native,
  nobodysQuarantine,
  placeForAll,
  processesIn,
  skip,
} from './typed-by-root.ts'

/** Root types a command, and an account does its work. */

t.test(
  'a wrong command line of root is reported before any account is asked',
  { skip },
  async (t) => {
    for (const [words, error] of [
      [['quarantine', 'lst'], 'quarantine lst: is not a command; did you mean list?'],
      [['quarantine', 'list', '--sinc', '1h'], '--sinc: is not an option; did you mean --since?'],
      [['log', '--foo'], '--foo: is not an option; see --help'],
      [['inject', '-'], '--from and --to: both are needed'],
    ] as const) {
      const { code, err } = await asRoot(words)
      t.same([code, err.split('\n')[0]], [2, `onescan: ${error}`], words.join(' '))
    }
  },
)

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
    for (const [user, reason] of [
      ['no:such', /user no:such: no such account/],
      ['root', /user root: root runs no check as root or as a service; specify another user/],
    ] as const) {
      t.match(await asRoot([...words, '--user', user]), { code: 2, err: reason }, words.join(' '))
    }
  }
  const { out } = await asRoot(['quota', 'ann', '--json', '--user', 'root'])
  t.match(jsonIn(out), { command: 'quota', errors: [/root runs no check as root/], exit: 2 })
})

// promise: root-runs-nothing
t.test('no word before a command has root do it itself', { skip }, async (t) => {
  for (const first of [['--no-json'], ['--user=nobody'], ['--foo']]) {
    const words = [...first, 'scan', '--user=root', '--env', 'QHPSI=plugin: eicar', '-']
    const { code, err } = await asRoot(words)
    t.equal(code, 2)
    t.match(err, first[0] === '--foo' ? /--foo: is not an option/ : /root runs no check as root/)
  }
  t.match((await asRoot(['toString'])).err, /toString: is not a command/)
})

t.test('a release and a slot may start programs with set-ID bits', { skip }, async (t) => {
  const place = placeForAll(t)
  const chain = join(place, 'chain')
  writeFileSync(
    chain,
    `#!/bin/sh\ngrep NoNewPrivs /proc/self/status >${place}/rights; cat >/dev/null\n`,
    { mode: 0o755 },
  )
  const { id, run } = await nobodysQuarantine(t)
  const { code, err } = await run('release', '--no-stamp', '--env', `QUEUECHAIN=${chain}`, id)
  t.equal(code, 0, err)
  t.match(readFileSync(join(place, 'rights'), 'latin1'), /:\t0$/m)
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

t.test('standard input is for an account that is to read it', { skip }, async (t) => {
  const print = "console.log(require('fs').readlinkSync('/proc/self/fd/0'))"
  const program = held(placeForAll(t), print)
  const input = (...words: readonly string[]) =>
    execFileSync(
      '/bin/sh',
      ['-c', '"$@" <"$0"', program, process.execPath, program, ...words, ...asNobody],
      { encoding: 'utf8' },
    )
  for (const words of [['scan', '/x'], ['log']]) t.equal(input(...words), '/dev/null\n')
  for (const words of [
    ['scan', '-'],
    ['verify', '/dev/stdin'],
    ['verify', '/dev/fd/0'],
    ['log', '-'],
  ]) {
    t.match(input(...words), /^(socket|pipe):/)
  }
})

t.test(
  'the list of a loop stays for its next command',
  { skip: skip || lacks('python3') },
  async (t) => {
    const directory = openDirectory(t)
    writeFileSync(join(directory, 'a'), mail)
    const loop = `while read name; do ${command} scan --user nobody --env 'QHPSI=plugin: eicar' ${directory}/a; done`
    const script = `import socket, subprocess
a, b = socket.socketpair()
b.sendall(b'1\\n2\\n3\\n'); b.shutdown(1)
subprocess.run(['/bin/sh', '-c', '''${loop}'''], stdin=a)`
    const { stdout } = spawnSync('/usr/bin/python3', ['-c', script], { encoding: 'utf8' })
    t.equal(stdout.match(/1 message: 1 clean/g)?.length, 3, stdout)
  },
)

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
  let output = ''
  child.stderr.on('data', (piece) => {
    output += piece
  })
  // The runner would end a file in which nothing happens for a minute.
  const shown = setInterval(() => process.stdout.write('# root waits for its time\n'), 15_000)
  const code = await exitOf(child)
  clearInterval(shown)
  t.equal(code, 2)
  t.match(output, /as nobody: it took too long, and was stopped/)
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
