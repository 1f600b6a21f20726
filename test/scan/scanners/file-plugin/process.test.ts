import { execFileSync, spawnSync } from 'node:child_process'
import { createReadStream, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ask, type Question, whyOf } from './asking.ts'

/** Runs the asking in a program of its own, to see what reaches its stdout and stderr. */
function askApart(question: Question) {
  const program = join(import.meta.dirname, 'ask.ts')
  const { stdout, stderr } = spawnSync(process.execPath, [program, JSON.stringify(question)], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  })
  return { stdout, stderr }
}

/** Makes a FIFO whose reader sees its end when all processes that have it open have ended. */
function lifeline(directory: string): Promise<void> {
  const fifo = join(directory, 'lifeline')
  execFileSync('mkfifo', [fifo])
  return new Promise((resolve, reject) => {
    createReadStream(fifo).on('error', reject).on('end', resolve).resume()
  })
}

const holdsLifeline = `
  import { spawn } from 'node:child_process'
  import { openSync } from 'node:fs'
  const line = openSync('lifeline', 'w')
  const sleeper = () => spawn('sh', ['-c', 'trap "" TERM; sleep 3600'], { stdio: ['ignore', 'inherit', 'inherit', 3, line] })`

const hanging = {
  'in a timer': `export const virusscan = () => new Promise((done) => setTimeout(done, 3_600_000))`,
  'in a busy loop': `export const virusscan = () => { for (;;); }`,
  'in a busy loop while loading': `for (;;);`,
  'in microtasks': `export const virusscan = async () => { for (;;) await null }`,
  'and ignores TERM': `
    process.on('SIGTERM', () => {})
    export const virusscan = () => new Promise((done) => setTimeout(done, 3_600_000))`,
}

for (const [how, source] of Object.entries(hanging)) {
  t.test(`a plugin that hangs ${how} is ended at the deadline`, async (t) => {
    const directory = t.testdir({ 'a.mjs': source })
    const question = { directory, file: 'a.mjs', timeout: 400 }
    const { answer, listeners } = await ask(question)
    t.equal(whyOf(answer), 'plugin a.mjs: did not answer within SCANTIMEOUT')
    t.equal(listeners, 0)
  })
}

t.test('a plugin whose signal warned it may still answer', async (t) => {
  const directory = t.testdir({
    'a.mjs': `
      export const virusscan = ({ signal }) => new Promise((done) => {
        const work = setInterval(() => {}, 1000)
        signal.onabort = () => done({ infected: true, name: 'in time' })
      })`,
  })
  const { answer } = await ask({ directory, file: 'a.mjs', timeout: 10_000 }) // it has a second
  t.same(answer, { answer: 'infected', name: 'in time' })
})

t.test(
  'processes that a plugin has started end with its answer, whatever they hold open',
  async (t) => {
    const directory = t.testdir({
      'a.mjs': `${holdsLifeline}
      export const virusscan = () => { sleeper(); return { clean: true } }`,
    })
    const gone = lifeline(directory)
    const { answer } = await ask({ directory, file: 'a.mjs' })
    t.same(answer, { answer: 'clean' })
    await gone
  },
)

t.test('processes that a plugin has started end with its crash', async (t) => {
  const directory = t.testdir({
    'a.mjs': `${holdsLifeline}
      export const virusscan = () => { sleeper(); process.reallyExit(0) }`,
  })
  const gone = lifeline(directory)
  const { answer } = await ask({ directory, file: 'a.mjs' })
  t.equal(whyOf(answer), 'plugin a.mjs: exited with code 0 before it answered')
  await gone
})

t.test(
  'processes that a plugin has started end at the deadline, even if they ignore TERM',
  async (t) => {
    const directory = t.testdir({
      'a.mjs': `${holdsLifeline}
      export const virusscan = () => new Promise(() => sleeper())`,
    })
    const gone = lifeline(directory)
    const { answer } = await ask({ directory, file: 'a.mjs', timeout: 3000 })
    t.equal(whyOf(answer), 'plugin a.mjs: did not answer within SCANTIMEOUT')
    await gone
  },
)

t.test('a process that has left the group is not awaited', async (t) => {
  const directory = t.testdir({
    'a.mjs': `
      import { spawn } from 'node:child_process'
      import { writeFileSync } from 'node:fs'
      export const virusscan = () => {
        const stdio = ['ignore', 'inherit', 'inherit', 3]
        writeFileSync('pid', String(spawn('sleep', ['3600'], { stdio, detached: true }).pid))
        return { clean: true }
      }`,
  })
  const { answer } = await ask({ directory, file: 'a.mjs' })
  // Throws if the process has ended before.
  process.kill(Number(readFileSync(join(directory, 'pid'), 'latin1')))
  t.same(answer, { answer: 'clean' })
})

t.test('a deadline that has passed ends a plugin at once', async (t) => {
  const directory = t.testdir({ 'a.mjs': hanging['in a busy loop'] })
  const { answer } = await ask({ directory, file: 'a.mjs', timeout: 0 })
  t.equal(whyOf(answer), 'plugin a.mjs: did not answer within SCANTIMEOUT')
})

t.test('no descriptor stays open', async (t) => {
  const directory = t.testdir({ 'a.mjs': `export const virusscan = () => ({ clean: true })` })
  await ask({ directory, file: 'a.mjs' })
  const before = readdirSync('/proc/self/fd').length
  for (let i = 0; i < 3; i++) await ask({ directory, file: 'a.mjs' })
  t.equal(readdirSync('/proc/self/fd').length, before)
})

t.test('a plugin that fills stdout and stderr changes nothing there', async (t) => {
  const directory = t.testdir({
    'a.mjs': `
      import { writeSync } from 'node:fs'
      export const virusscan = () => {
        for (let i = 0; i < 100; i++) {
          writeSync(1, 'x'.repeat(10_000))
          console.log('y'.repeat(10_000))
          console.error('y'.repeat(10_000))
        }
        return { clean: true }
      }`,
  })
  const { stdout, stderr } = askApart({ directory, file: 'a.mjs' })
  t.equal(stdout, '{"answer":"clean"}')
  t.ok(stderr.length < 100_000, `of ${stderr.length} bytes the log has 64 KiB`)
})

t.test('the log has each line of a plugin under its name', async (t) => {
  const directory = t.testdir({
    'a.mjs': `
      export const virusscan = ({ log }) => {
        log('one\\ntwo \\x1b[1m \u20ac')
        console.error('three')
        process.stderr.write('four without an end')
        return { clean: true }
      }`,
  })
  const settings = { ERROR_FD: '6' }
  const { stdout, stderr } = askApart({ directory, file: 'a.mjs', settings })
  t.equal(stdout, '{"answer":"clean"}')
  t.same(stderr.split('\n'), [
    'plugin a.mjs: one\\ntwo \\x1b[1m \u20ac',
    'plugin a.mjs: three',
    'plugin a.mjs: four without an end',
    '',
  ])
})
