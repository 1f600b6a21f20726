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
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { mountHanging } from '../../ground/path/hanging.ts'
import { tai64n, told } from '../../observe/log/lines.ts'
import { findProgram } from '../../programs/install.mjs'
import { openDirectory } from '../../programs/reachable.ts'
import { jsonIn, oldestNode, onescan, searchPath } from '../onescan.ts'

/** `onescan log` says what happened to a message. */

const unpack = {
  skip: !(findProgram('xz') && findProgram('zstd')) && 'install Debian packages xz-utils and zstd',
}

const line = (id: string) => `${tai64n(1_795_100_000)} ${told({ id, from: '<a@b>', to: '<c@d>' })}`

const compiledProgram = resolve(import.meta.dirname, '../../../build/native/onescan')
const cannotMount =
  (process.getuid?.() !== 0 && 'run as root') || (!existsSync(compiledProgram) && 'build it')

t.test(
  'root waits for no file system that a user mounted in a directory of multilog',
  { skip: cannotMount },
  async (t) => {
    const directory = openDirectory(t)
    writeFileSync(join(directory, '@4000000067430000000000a0.s'), line('<a@x>'))
    const current = join(directory, 'current')
    const { inside } = await mountHanging(t, current, { operations: ['ALL'], user: 54_321 })
    const [program, ...words] = [...inside, compiledProgram, 'log', directory]
    const child = spawn(program!, words, { stdio: ['ignore', 'pipe', 'pipe'] })
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    t.match(out, '<a@x>')
    t.match(err, "current is on a user's own file system")
  },
)

t.test('log prints one readable line for each message', async (t) => {
  const log = [
    ['decision', 'reject'],
    ['scan', 'infected'],
    ['scanner', 'clamd'],
    ['virus', 'Eicar-Test'],
    ['size', '4100'],
    ['rcpts', '3'],
    ['total_ms', '12.5'],
  ] as const
  const input = `${tai64n(1_795_100_000)} ${told({ decision: 'reject', more: log.slice(1), id: '<m@x>', from: '<a@b>', to: '<c@d>' })}`
  const { out, code, err } = await onescan(['log', '-'], { input, env: { TZ: 'UTC' } })
  t.equal(err, '')
  t.equal(
    out,
    '2026-11-19 14:53:20 reject     infected Eicar-Test by clamd, 4.1 KB from <a@b> to <c@d> +2, id <m@x>, 12.5 ms\n',
  )
  t.equal(code, 0)
  const json = await onescan(['log', '--json'], { input })
  t.same(jsonIn(json.out).results[0], {
    time: '2026-11-19T14:53:20.000Z',
    decision: 'reject',
    scan: 'infected',
    scanner: 'clamd',
    virus: 'Eicar-Test',
    size: '4100',
    rcpts: '3',
    total_ms: '12.5',
    msgid: '<m@x>',
    from: '<a@b>',
    to: '<c@d>',
  })
})

t.test('text of strangers is harmless in a terminal', async (t) => {
  const evil = Buffer.from('\x1b[2J\n\t\u202e<x>').toString('latin1')
  const { out } = await onescan(['log'], { input: told({ id: evil }) })
  t.match(out, 'id \\u001b[2J\\n\\t')
  t.notMatch(out, '\x1b')
  t.equal(out.split('\n').length, 2)
})

t.test('if nothing is found the exit code is 1, and if something fails it is 2', async (t) => {
  t.match(await onescan(['log', '--id', 'nobody'], { input: line('<m@x>') }), { code: 1, out: '' })
  t.match(await onescan(['log', '/nonexistent/log']), { code: 2, err: /\/nonexistent\/log/ })
  t.match(await onescan(['log', '--since', 'never']), {
    code: 2,
    err: /--since never: is not a time/,
  })
})

const compiled = resolve(import.meta.dirname, '../../../build/native/onescan')

t.test('compressed logs are read on every runtime', unpack, async (t) => {
  const directory = t.testdir({ plain: line('<1>') })
  const plain = join(directory, 'plain')
  const files = { gz: ['gzip', '-c'], xz: ['xz', '-c'], zst: ['zstd', '-qc'] }
  for (const [form, [program, ...words]] of Object.entries(files)) {
    const file = join(directory, `log.${form}`)
    writeFileSync(file, execFileSync(program!, [...words, plain]))
    for (const runtime of [process.execPath, oldestNode]) {
      const { out, err } = await onescan(['log', file], { runtime })
      t.match(out, 'id <1>', `${form}: ${err}`)
    }
    if (existsSync(compiled)) {
      const { stdout, stderr } = spawnSync(compiled, ['log', file], { encoding: 'utf8' })
      t.match(stdout, 'id <1>', `${form}, compiled: ${stderr}`)
    }
  }
})

t.test('a compressed log that is cut off is reported, with exit code 2', async (t) => {
  const lines = Array.from({ length: 2000 }, (_, n) => line(`<${n * 7919}>`)).join('')
  const directory = t.testdir({ whole: gzipSync(lines) })
  const cut = join(directory, 'cut')
  writeFileSync(cut, gzipSync(lines).subarray(0, -1000))
  t.match(await onescan(['log', join(directory, 'whole')]), { code: 0, err: '' })
  const { code, out, err } = await onescan(['log', cut])
  t.equal(code, 2)
  t.match(out, 'id <0>', 'after what could be read of it')
  t.equal(err, `onescan log: ${cut}: gzip: stdin: unexpected end of file\n`)
  const json = await onescan(['log', cut, '--json'])
  t.match(jsonIn(json.out), {
    exit: 2,
    ok: false,
    errors: [`${cut}: gzip: stdin: unexpected end of file`],
  })
})

t.test('of a log of 40 MB the last lines are shown in little memory', async (t) => {
  const log = join(t.testdir({}), 'log')
  writeFileSync(log, Array.from({ length: 400_000 }, (_, n) => line(`<${n}>`)).join(''))
  const program = resolve(import.meta.dirname, '../../../dist/onescan.cjs')
  const child = spawn(process.execPath, [program, 'log', log, '--follow'], {
    env: { PATH: searchPath },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let shown = 0
  for await (const text of createInterface(child.stdout)) {
    t.match(text, `id <${400_000 - 10 + shown}>`)
    if (++shown === 10) break
  }
  const status = readFileSync(`/proc/${child.pid}/status`, 'latin1')
  const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1024
  t.ok(peak < 200, `${peak} MB`)
})

t.test('a log is followed when it is rotated and when it is truncated', async (t) => {
  const directory = t.testdir({ current: line('<1>') })
  const current = join(directory, 'current')
  const program = resolve(import.meta.dirname, '../../../dist/onescan.cjs')
  const child = spawn(process.execPath, [program, 'log', directory, '--follow', '--json'], {
    env: { PATH: searchPath },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => jsonIn((await lines.next()).value!).results[0].msgid
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
  child.kill()
  await once(child, 'close')
})
