import { createServer } from 'node:net'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { following, ok } from '../../../../src/base/check/check-line.ts'
import { ALIVE } from '../../../../src/scanner/cli/command/caller.ts'
import {
  accountReport,
  asReportedBy,
  WHOLE,
} from '../../../../src/scanner/cli/root/account-report.ts'
import { follow, printTo, type RunningCommand } from '../../../../src/scanner/cli/root/follow.ts'
import { delegationFor, doForRoot } from '../../../../src/scanner/cli/root/for-root.ts'
import { frame } from '../../../../src/scanner/protocol/slot/slot-frames.ts'
import { listen } from '../../../programs/host/listen.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'

/** What root hears of a command that an attacker may hold. */

/** A command that never ends by itself. */
function endless() {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const close = () => void [stdout, stderr].map((stream) => stream.destroy())
  const run: RunningCommand = { stdin: null, stdout, stderr, exit: new Promise(() => {}), close }
  return { run, stdout, stderr }
}

// promise: root-signs-of-life
t.test('signs of life hold root no longer than the whole time', async (t) => {
  const { run, stderr } = endless()
  const pulse = setInterval(() => stderr.write(ALIVE))
  t.teardown(() => clearInterval(pulse))
  await t.rejects(
    follow(run, () => {}, { whole: 100 }),
    /it took too long, and was stopped/,
  )
})

/** An onescand that gives signs of life, and nothing else. */
async function pulsing(t: Test): Promise<string> {
  const server = createServer((client) => {
    const pulse = setInterval(() => client.write(frame('e', Buffer.from(ALIVE))))
    client.on('error', () => {}).on('close', () => clearInterval(pulse))
    client.resume()
  })
  const path = join(socketDirectory(t), 's')
  await listen(t, server, path)
  return path
}

for (const words of [['list'], ['show', 'x'], ['delete', 'x'], ['release', 'x']]) {
  // promise: root-signs-of-life
  t.test(`signs of life hold no quarantine ${words[0]} longer, either`, async (t) => {
    process.env.ONESCAN_SOCKET = await pulsing(t)
    const { setTimeout: after } = globalThis
    const { write } = process.stderr
    t.teardown(() => {
      delete process.env.ONESCAN_SOCKET
      globalThis.setTimeout = after
      process.stderr.write = write
      process.exitCode = 0
    })
    const sooner = (work: () => void, ms: number) => after(work, ms === WHOLE ? 100 : ms)
    globalThis.setTimeout = sooner as typeof after
    const { uptime } = process
    t.teardown(() => {
      process.uptime = uptime
    })
    process.uptime = () => uptime() * (WHOLE / 100)
    const errors: string[] = []
    process.stderr.write = (text: string | Uint8Array) => errors.push(String(text)) > 0
    const all = ['quarantine', ...words]
    const parsed = { _: all }
    await doForRoot(delegationFor(parsed)!, all, parsed)
    t.equal(process.exitCode, 2)
    t.match(errors.join(''), /it took too long, and was stopped/)
  })
}

/** Milliseconds that a reader of root's takes for each line, and those that the command has in silence. */
const SLOW = 800
const SILENCE = 500

/** How a slow reader of our output holds us: a pipe blocks the process (Node's process.stdout), a socket is waited for. */
const slowReaders = {
  'that blocks the process': (done: () => void) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SLOW)
    done()
  },
  'that is waited for': (done: () => void) => void setTimeout(done, SLOW),
}

for (const [what, hold] of Object.entries(slowReaders)) {
  for (const isRaw of [false, true]) {
    t.test(`a reader ${what}, ${isRaw ? 'of bytes' : 'of lines'}, ends no command`, async (t) => {
      const { run, stdout, stderr } = endless()
      let printed = ''
      const out = new Writable({
        highWaterMark: 1,
        write(piece, _encoding, done) {
          printed += piece
          hold(done)
        },
      })
      const more = ['first\n', 'second\n', 'third\n']
      const writeMore = () => {
        stdout.write(more.shift()!)
        if (more.length > 0) setTimeout(writeMore, 1)
        else for (const stream of [stdout, stderr]) stream.end()
      }
      writeMore()
      const ended = { ...run, exit: Promise.resolve(0) }
      const taker = isRaw ? out : (line: string) => printTo(out, line)
      t.equal(await follow(ended, taker, { silence: SILENCE, whole: SILENCE }), 0)
      t.equal(printed, 'first\nsecond\nthird\n')
    })
  }
}

t.test('a line without an end is cut, and the next one comes whole', async (t) => {
  const { run, stdout, stderr } = endless()
  const lines: string[] = []
  const followed = follow({ ...run, exit: Promise.resolve(0) }, (line) => lines.push(line))
  for (let piece = 0; piece < 100; piece++) stdout.write('x'.repeat(64 * 1024))
  stdout.end(`\nnext\n`)
  stderr.end()
  t.equal(await followed, 0)
  t.same(
    lines.map((line) => line.length),
    [4 * 1024 * 1024, 'next'.length],
  )
})

// promise: root-signs-of-life
t.test('output of an account cannot fill the screen or begin a line of its own', (t) => {
  const blank = `${' '.repeat(300)}checked as root:${'\u2800\u3000'.repeat(100)}ok`
  const { value, account } = asReportedBy('onescan', ok('x', blank))
  t.equal(value, '   checked as root:   ok')
  t.equal(account, 'onescan')
  t.equal(asReportedBy('onescan', ok('x', 'y'.repeat(100_000))).value.length, 4000)
  t.end()
})

t.test('an account that complains without end is cut off', async (t) => {
  const { run, stderr } = endless()
  const written = process.stderr.write
  const errors: string[] = []
  process.stderr.write = (text: string | Uint8Array) => errors.push(String(text)) > 0
  t.teardown(() => {
    process.stderr.write = written
  })
  stderr.write('checked as root:\n'.repeat(2000))
  const [checkLine] = await accountReport(run, 'onescan')
  t.match(checkLine, { level: 'error', value: /it sent too many lines/ })
  t.equal(errors.length, 1000)
  t.equal(errors[0], 'onescan: checked as root:\n')
})

t.test('of an account, the findings that follow from others are still known as such', async (t) => {
  const { run, stdout, stderr } = endless()
  const reported = following(ok('scanner clamd', 'finds EICAR'), 'needs signatures', 'local mail')
  stdout.end(`${JSON.stringify(reported)}\n`)
  stderr.end()
  const [checkLine] = await accountReport({ ...run, exit: Promise.resolve(0) }, 'onescan')
  t.same(checkLine?.follows, ['needs signatures'])
})
