import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Cause } from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { readPage } from '../../../../documents/man-page.ts'
import {
  HOLDS_LIFELINE,
  isProcess,
  lifeline,
  namesProcess,
  pluginOf,
  poolPlugin,
  STARTS_SLEEPER,
  wordsOf,
} from './asking.ts'

/** An error of a plugin costs its own message, and no other. */

const EXITED = 'exited with code 0 before it answered'
const KILLED = 'was killed by SIGSEGV before it answered'
const LATE = 'did not answer within SCANTIMEOUT'
const UNSETTLED = 'returned a promise that can no longer settle'
const CLOSED = 'closed descriptor 3 before it answered'
const NONSENSE = 'wrote something other than an answer to descriptor 3'

const FORGERY = `fs.writeSync(3, 'onescan-answer/1 ${'0'.repeat(32)} {"answer":"clean"}\\n')`

type Offence = readonly [what: string, source: string, reason: string | RegExp, cause?: Cause]

/** What a plugin does, and what happens to it: the reason and its cause. */
const offences: readonly Offence[] = [
  ['calls process.exit(0)', 'process.exit(0)', EXITED, 'broken-off'],
  ['calls process.reallyExit(0)', 'process.reallyExit(0)', EXITED, 'broken-off'],
  ['aborts', 'process.abort()', 'was killed by SIGABRT before it answered', 'broken-off'],
  ['is killed', `process.kill(process.pid, 'SIGSEGV'); await pause(60_000)`, KILLED, 'broken-off'],
  ['loops endlessly', 'for (;;);', LATE, 'timeout'],
  ['loops as soon as it has answered', 'setTimeout(() => { for (;;); }, 0)', LATE, 'timeout'],
  ['waits indefinitely', 'await pause(3_600_000)', LATE, 'timeout'],
  ['waits for nothing', 'await new Promise(() => {})', UNSETTLED],
  ['throws', `throw new Error('so')`, /^threw so \(a\.mjs:/],
  [
    'throws in a timer',
    `setTimeout(() => { throw new Error('later') }); await pause(60_000)`,
    /^threw later/,
  ],
  ['rejects unseen', `Promise.reject(new Error('stray')); await pause(60_000)`, /^threw stray/],
  ['answers nonsense', `return 'clean'`, /^answered 'clean';/],
  ['writes an answer of its own', FORGERY, NONSENSE],
  ['closes descriptor 3', 'fs.closeSync(3); await pause(60_000)', CLOSED, 'broken-off'],
]

for (const [what, source, reason, cause = 'scanner-error'] of offences) {
  // promise: only-chain-accepts
  t.test(`a plugin that ${what} spoils its own message alone`, async (t) => {
    const plugin = pluginOf(t, namesProcess(source))
    const before = await plugin.hear('x')
    t.match(before, isProcess)
    const timeout = cause === 'timeout' ? 500 : 20_000
    const { answer } = await plugin.ask('offend', { timeout })
    t.match(answer, { answer: 'unknown', cause })
    if (typeof reason === 'string') t.equal(wordsOf(answer), reason)
    else t.match(wordsOf(answer), reason)
    const after = await plugin.hear('x')
    t.match(after, isProcess)
    t.not(after, before, 'in another process')
    t.equal(await plugin.hear('x'), after)
  })
}

t.test('onescan-plugin(7) has these reasons', async (t) => {
  const page = readPage('onescan-plugin.7')
  const missing = 'exports no function virusscan; export it, or set another in QUEUE_PLUGIN'
  for (const reason of [EXITED, KILLED, LATE, UNSETTLED, CLOSED, NONSENSE, missing]) {
    t.match(page, `.It "${reason}"\n`)
  }
})

t.test('each of many simultaneous messages affects only itself', async (t) => {
  const plugin = pluginOf(t, namesProcess('process.reallyExit(0)'), { most: 2 })
  const subjects = Array.from({ length: 12 }, (_, n) => (n % 3 === 1 ? 'offend' : 'x'))
  const heard = await Promise.all(subjects.map((subject) => plugin.hear(subject)))
  for (const [n, one] of heard.entries()) {
    t.match(one, subjects[n] === 'x' ? isProcess : /^exited with code 0/)
  }
})

t.test('at the deadline the whole group ends, and the next message is judged', async (t) => {
  const directory = t.testdir({ 'a.mjs': namesProcess(`${STARTS_SLEEPER}; for (;;);`) })
  const gone = lifeline(directory)
  const plugin = poolPlugin(t, { directory, file: 'a.mjs' }, { most: 1 })
  t.match(await plugin.hear('x'), isProcess)
  const offending = plugin.hear('offend', { timeout: 3000 })
  const waiting = plugin.hear('x')
  t.match(await offending, /^did not answer within SCANTIMEOUT$/)
  await gone
  t.match(await waiting, isProcess)
})

t.test('when the client has gone, the process ends with all that it has started', async (t) => {
  const directory = t.testdir({
    'a.mjs': namesProcess(
      `const line = fs.openSync('lifeline', 'w')
      spawn('sleep', ['3600'], { stdio: ['ignore', 'inherit', 'inherit', line] })
      fs.closeSync(fs.openSync('started', 'w'))
      await pause(3_600_000)`,
    ),
  })
  const ended = lifeline(directory)
  const started = lifeline(directory, 'started')
  const plugin = poolPlugin(t, { directory, file: 'a.mjs' })
  const gone = new AbortController()
  const asked = plugin.ask('offend', {}, gone.signal)
  await started
  gone.abort()
  t.match(await asked, { answer: { answer: 'unknown', reason: 'no client waits' } })
  await ended
  t.match(await plugin.hear('x'), isProcess)
})

/** Errors that a plugin makes a little after its answer, in timers that do not keep it alive. */
const later = (what: string) => `setTimeout(() => { ${what} }, 30).unref()`

const leftBehind = {
  'an error in a timer': later(`throw new Error('late')`),
  'a rejection that nobody looks at': later(`Promise.reject(new Error('late'))`),
  'process.exit(0)': later('process.exit(0)'),
  'process.reallyExit(0)': later('process.reallyExit(0)'),
  'a crash': later('process.abort()'),
  'bytes on descriptor 3': later(`fs.writeSync(3, 'x')`),
  'a line on descriptor 3': later(`fs.writeSync(3, 'onescan-settled/1 x\\n')`),
  'a changed world': `fs.readFileSync = () => { throw new Error('broken') }`,
}

for (const [what, source] of Object.entries(leftBehind)) {
  // promise: bad-scanner
  t.test(`${what} of one message does not affect another`, async (t) => {
    const plugin = pluginOf(t, namesProcess(source))
    const first = await plugin.hear('offend')
    // The error may come with the answer of the message that left it behind: then that is not an answer.
    t.match(first, what.endsWith('descriptor 3') ? /^\d+$|descriptor 3$/ : isProcess)
    // Some messages come before the error, and some with it.
    for (let last = first; last === first; ) {
      last = await plugin.hear('x')
      t.match(last, isProcess)
    }
  })
}

t.test('a process in which a plugin has left something under way is not used again', async (t) => {
  for (const source of [
    `setTimeout(() => {}, 3_600_000)`,
    `setInterval(() => {}, 10)`,
    `spawn('sleep', ['3600'])`,
  ]) {
    const directory = t.testdir({ 'a.mjs': namesProcess(source, HOLDS_LIFELINE) })
    const gone = lifeline(directory)
    const plugin = poolPlugin(t, { directory, file: 'a.mjs' }, { settle: 300 })
    const first = await plugin.hear('offend')
    t.match(first, isProcess, 'its answer counts')
    await gone
  }
})

t.test('work that is under way and unref-ed goes on in the next message', async (t) => {
  const source = `
      let ticks = 0
      setInterval(() => ticks++, 1).unref()
      let calls = 0
      export async function virusscan() {
        const first = ++calls === 1
        while (!first && ticks < 5) await new Promise((done) => setTimeout(done, 1))
        return { infected: true, name: first ? 'first' : 'ticked' }
      }`
  const plugin = pluginOf(t, source)
  t.equal(await plugin.hear('x'), 'first')
  t.equal(await plugin.hear('x'), 'ticked')
})

t.test('each message begins in the same current directory', async (t) => {
  const directory = t.testdir({
    'a.mjs': `
      export function virusscan() {
        const name = process.cwd()
        process.chdir('/')
        return { infected: true, name }
      }`,
  })
  const plugin = poolPlugin(t, { directory, file: 'a.mjs' })
  t.equal(await plugin.hear('x'), directory)
  t.equal(await plugin.hear('x'), directory)
})

t.test('each message has a signal of its own, which does not fire after the answer', async (t) => {
  const directory = t.testdir({
    'a.mjs': namesProcess(
      `globalThis.first.addEventListener('abort', () => { globalThis.rang = true })
      await new Promise((done) => {
        const work = setInterval(() => {}, 60_000)
        mail.signal.onabort = () => { clearInterval(work); done() }
      })
      return { infected: true, name: [globalThis.rang === true, mail.signal === globalThis.first].join() }`,
      'globalThis.first ??= mail.signal',
    ),
  })
  const plugin = poolPlugin(t, { directory, file: 'a.mjs' })
  t.match(await plugin.hear('x', { timeout: 4000 }), isProcess)
  t.equal(await plugin.hear('offend', { timeout: 6000 }), 'false,false')
})

// promise: others-unharmed
t.test('the answer of an earlier message, repeated, is not an answer', async (t) => {
  const directory = t.testdir({
    'a.mjs': namesProcess(
      '',
      `if (subject === 'again') return { clean: true }
      const { writeSync } = fs
      let first
      fs.writeSync = (fd, bytes, ...more) => {
        if (fd === 3) first ??= Buffer.from(bytes)
        return fd === 3 ? writeSync(3, first) && bytes.length : writeSync(fd, bytes, ...more)
      }
      ;(await import('node:module')).syncBuiltinESMExports()`,
    ),
  })
  const plugin = poolPlugin(t, { directory, file: 'a.mjs' })
  // The repetition may come in one piece with the answer.
  t.match(await plugin.hear('x'), /^(\d+|wrote something other than an answer to descriptor 3)$/)
  t.equal(await plugin.hear('again'), 'clean', 'and not what was found in the first one')
})

t.test('a process that judged others is replaced once if it gives no result', async (t) => {
  const directory = t.testdir({
    'a.mjs': namesProcess(`fs.appendFileSync('calls', 'x'); throw new Error('so')`),
  })
  const calls = () => readFileSync(join(directory, 'calls'), 'latin1').length
  const plugin = poolPlugin(t, { directory, file: 'a.mjs' }, { most: 1 })
  t.match(await plugin.hear('offend'), /^threw so/)
  t.equal(calls(), 1, 'a process that had judged nothing')
  t.match(await plugin.hear('x'), isProcess)
  t.match(await plugin.hear('offend'), /^threw so/)
  t.equal(calls(), 3)
})
