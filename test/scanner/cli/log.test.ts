import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { example, readPage } from '../../documents/man-page.ts'
import { reachable, reachablePath } from '../../programs/host/reachable.ts'
import { outputOf } from '../../run/until.ts'
import { decisionLine, tai64n } from '../log/lines.ts'
import { asPlain, bundle, jsonIn, launcher, oldestNode, onescan, searchPath } from './onescan.ts'

/** `onescan log` shows what happened to a message. */

const line = (id: string) =>
  `${tai64n(1_795_100_000)} ${decisionLine({ id, from: '<a@b>', to: '<c@d>' })}`

const compiledProgram = resolve(import.meta.dirname, '../../../build/native/onescan')
t.test('log prints one readable line for each message', async (t) => {
  const found = {
    scan: 'infected',
    scanner: 'clamd',
    virus: 'Eicar-Test',
    size: '4100',
    rcpts: '3',
    total_ms: '12.5',
  }
  const [id, from, to] = ['<m@x>', '<a@b>', '<c@d>']
  const line = decisionLine({ decision: 'reject', more: Object.entries(found), id, from, to })
  const input = `${tai64n(1_795_100_000)} ${line}`
  const out =
    '2026-11-19 14:53:20 reject     infected Eicar-Test by clamd, 4.1 KB from <a@b> to <c@d> +2, id <m@x>, 12.5 ms\n'
  const printed = await onescan(['log', '-'], { input, env: { TZ: 'UTC' } })
  t.same([printed.code, printed.out, printed.err], [0, out, ''])
  const json = await onescan(['log', '--json', '-'], { input })
  const time = '2026-11-19T14:53:20.000Z'
  const all = { time, decision: 'reject', ...found, msgid: id, from, to }
  t.same(jsonIn(json.out).results[0], all)
})

t.test('mail that the next server deferred is found as deferred, with its reply', async (t) => {
  const [from, to] = ['<a@b>', '<c@d>']
  const by = (id: string, reply: string, next = '') =>
    decisionLine({
      decision: 'accept',
      id,
      from,
      to,
      more: [['reply', reply], ...(next ? [['next', next] as const] : [])],
    })
  const input = [by('<1>', '451', '451 4.3.0 no'), by('<2>', '250'), by('<3>', '550', '550 no')]
  const printed = await onescan(['log', '--decision', 'defer', '-'], { input: input.join('') })
  t.match(printed.out, /^ *accept +the next server replied 451 4\.3\.0 no, .*id <1>.*\n$/)
  t.equal(printed.code, 0)
  const report = await onescan(['report', '-'], { input: input.join('') })
  t.match(report.out, /^ +1 +next server: 451 4\.3\.0 no$/m)
})

t.test('a line about a client of clamd has no sender', async (t) => {
  const more = [['scan', 'clean'], ['scanner', 'clamd'], ['interface', 'clamd'], ['peer_uid', '112'], ['size', '709'], ['total_ms', '2']] as const // biome-ignore format: a line
  const input = `${tai64n(1_795_100_000)} ${decisionLine({ decision: 'accept', more, from: '<>', to: '' })}`
  const { out } = await onescan(['log', '-'], { input, env: { TZ: 'UTC' } })
  t.match(out, / accept +clean by clamd, 709 B, (?:id \S+, )?asked as clamd, uid 112, 2 ms\n$/)
})

// promise: page-text
t.test('text of strangers is harmless in a terminal', async (t) => {
  const evil = Buffer.from('\x1b[2J\n\t\u202e<x>').toString('latin1')
  const { out } = await onescan(['log', '-'], { input: decisionLine({ id: evil }) })
  t.match(out, 'id \\u001b[2J\\n\\t')
  t.notMatch(out, '\x1b')
  t.equal(out.split('\n').length, 2)
})

t.test('if nothing is found the exit code is 1, and if something fails it is 2', async (t) => {
  t.match(await onescan(['log', '--id', 'nobody', '-'], { input: line('<m@x>') }), {
    code: 1,
    out: '',
  })
  t.match(await onescan(['log', '/nonexistent/log']), { code: 2, err: /\/nonexistent\/log/ })
  t.match(await onescan(['log', '--since', 'never']), {
    code: 2,
    err: /--since never: is not a time/,
  })
})

t.test('a file, a pipe and standard input are read on every runtime', async (t) => {
  const file = join(t.testdir({ log: line('<1>') }), 'log')
  const runtimes = [[process.execPath, bundle], [oldestNode, bundle], [compiledProgram]]
  for (const runtime of runtimes.filter((words) => words.every((word) => existsSync(word)))) {
    const log = `'${[...asPlain(), ...runtime.map(reachable)].join("' '")}' log --json`
    for (const script of [
      `${log} '${file}'`,
      `${log} - <'${file}'`,
      `cat '${file}' | ${log} -`,
      `${log} <(cat '${file}')`,
      `${log} - '${file}' </dev/null`,
    ]) {
      const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'latin1' })
      t.equal(stderr, '', script)
      t.match(jsonIn(stdout).results, [{ msgid: '<1>' }], script)
    }
  }
})

t.test('a compressed log is an error with the remedy', async (t) => {
  const file = join(t.testdir({ log: gzipSync(line('<1>')) }), 'log')
  const reason = 'is compressed; onescan(1), EXAMPLES, shows how to decompress it'
  const { code, out, err } = await onescan(['log', file, '--json'])
  t.equal(err, `onescan log: ${file}: ${reason}\n`)
  t.match(jsonIn(out), { exit: 2, ok: false, errors: [`${file}: ${reason}`] })
  t.equal(code, 2)
  const input = gzipSync(line('<1>'))
  t.match(await onescan(['log', '-'], { input }), { code: 2, err: `/dev/stdin: ${reason}` })
  t.match(await onescan(['report', '-'], { input }), { code: 2, err: `/dev/stdin: ${reason}` })
})

t.test('a log of 40 MB is read in little memory', async (t) => {
  const log = join(t.testdir({}), 'log')
  writeFileSync(log, Array.from({ length: 400_000 }, (_, n) => line(`<${n}>`)).join(''))
  const [program, ...words] = [...asPlain(), ...[process.execPath, bundle].map(reachable)]
  const child = spawn(program!, [...words, 'log', log, '-', '--id', '<399999>'], {
    env: { PATH: searchPath },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const shown = await outputOf(child)
  t.match(shown, 'id <399999>')
  // It waits for its standard input now.
  const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
  const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1024
  t.ok(peak < 200, `${peak} MB`)
  child.stdin.end()
  const [code] = await once(child, 'exit')
  t.equal(code, 0)
})

/** An example of onescan(1) as a shell's script, with these words instead of its own. */
function manExample(name: string, words: Readonly<Record<string, string>>): string {
  let text = example(readPage('onescan.1'), name)
  for (const [from, to] of Object.entries(words)) {
    if (!text.includes(from)) throw new Error(`${name} does not hold ${from}`)
    text = text.replaceAll(from, to)
  }
  return text
}

/** Runs the onescan that was built. */
const env = { PATH: `${dirname(reachable(launcher))}:${reachablePath()}`, TZ: 'UTC' }

/** The words that run a script as an account that owns nothing. */
const shell = (script: string) => [...asPlain(), '/bin/sh', '-c', script]

/** What an example prints if its directories are in `cwd`. */
function shownBy(name: string, cwd: string, words: Readonly<Record<string, string>> = {}): string {
  const script = manExample(name, words)
  const [program, ...rest] = shell(script)
  return execFileSync(program!, rest, { cwd, encoding: 'latin1', env })
}

t.test('tail follows a rotated and truncated log as documented in the manual', async (t) => {
  const directory = t.testdir({ current: line('<1>') })
  const current = join(directory, 'current')
  const script = manExample('follow a log', { '/var/log/onescand/current': current })
  const [program, ...rest] = shell(script)
  const child = spawn(program!, rest, {
    detached: true, // a group of its own, since each part of the pipe has to end
    env,
    stdio: ['ignore', 'pipe', 'ignore'], // tail(1) shows what it follows
  })
  t.teardown(() => process.kill(-child.pid!, 'SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => /id ([^ ,]+)/.exec((await lines.next()).value!)?.[1]
  t.equal(await next(), '<1>', 'what was there')
  appendFileSync(current, line('<2>').slice(0, 40))
  appendFileSync(current, line('<2>').slice(40))
  t.equal(await next(), '<2>', 'a line that came in two pieces')
  appendFileSync(current, line('<3>'))
  renameSync(current, join(directory, '@400000006743000000000000.s'))
  // Longer than what replaces it: tail(1) sees by the size that a file was truncated.
  const long = `<${'4'.repeat(100)}>`
  writeFileSync(current, line(long))
  t.equal(await next(), '<3>', 'the last line of the old file')
  t.equal(await next(), long, 'the first of the new')
  truncateSync(current)
  appendFileSync(current, line('<5>').slice(0, 50))
  appendFileSync(current, line('<5>').slice(50))
  t.equal(await next(), '<5>', 'after it was cut')
})

t.test('zcat decompresses logs as documented in the manual', async (t) => {
  const entry = (id: string) =>
    `Nov 19 14:53:20 mx1 onescan[7]: decision=accept msgid=<${id}@example.org>\n`
  const directory = t.testdir({
    'mail.log.2.gz': gzipSync(entry('1')),
    'mail.log.1': entry('1') + entry('2'),
  })
  const shown = shownBy('compressed logs', directory, { '/var/log/': '' })
  t.equal(shown.match(/ mx1 accept .*id <1@example\.org>\n/g)?.length, 2, shown)
  t.notMatch(shown, '<2@')
})

t.test('sort merges logs by time as documented in the manual', async (t) => {
  const entry = (at: number, id: string) =>
    `${tai64n(at)} ${decisionLine({ id, to: '<ann@example.net>' })}`
  const directory = t.testdir({
    mx1: { current: entry(1_795_100_000.5, '<a>') + entry(1_795_100_003, '<d>') },
    mx2: {
      current: entry(1_795_100_000.6, '<b>') + entry(1_795_100_002, '<c>'),
      'mail.log': `2026-11-19T15:53:22+01:00 mx2 onescan[7]: decision=accept msgid=<s>\n`,
    },
  })
  const idsIn = (text: string) => [...text.matchAll(/id (<.>)/g)].map(([, id]) => id)
  t.same(idsIn(shownBy('two logs of multilog', directory)), ['<a>', '<b>', '<c>', '<d>'])
  t.same(idsIn(shownBy('found in two logs', directory)), ['<a>', '<s>', '<d>'])
})

t.test('sed names the hosts of multilog logs as documented in the manual', async (t) => {
  const other = `${tai64n(1_795_100_000)} qmail-smtpd: onescan: decision=reject\n`
  const directory = t.testdir({
    mx1: { current: line('<1>') + other },
    mx2: { current: line('<2>') + line('<3>') },
  })
  const shown = shownBy('the hosts of two logs', directory, {
    'onescan report': 'onescan report --json',
  })
  t.match(jsonIn(shown).results[0].days, [
    { host: 'mx1', messages: 1 },
    { host: 'mx2', messages: 2 },
  ])
})
