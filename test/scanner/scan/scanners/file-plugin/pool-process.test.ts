import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { orItsEnd } from '../../../../run/until.ts'
import { HOLDS_LIFELINE, lifeline, namesProcess, poolPlugin, STARTS_SLEEPER } from './asking.ts'
import { noCompiler } from './no-compiler.ts'

/** The processes of a pool and the process that asks: its log, and its end; and C plugins. */

const program = join(import.meta.dirname, 'ask-pooled.ts')

t.test('the log has each line of a plugin under its name, and nothing else', async (t) => {
  const directory = t.testdir({
    'a.mjs': `
      import { readFileSync, writeSync } from 'node:fs'
      export const virusscan = ({ path, log }) => {
        const subject = readFileSync(path, 'latin1').slice(9, -2)
        console.log('clean'.repeat(10_000)) // leads nowhere
        log('of ' + subject + '\\nand \\x1b[1m \u20ac')
        console.error('error of ' + subject)
        writeSync(2, subject + ' without an end')
        if (subject === 'three') for (let n = 0; n < 100; n++) console.error('y'.repeat(10_000))
        return { clean: true }
      }`,
  })
  const question = { directory, file: 'a.mjs', settings: { ERROR_FD: '6' } }
  const words = [program, JSON.stringify(question), 'one', 'two', 'three']
  const { stdout, stderr } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    input: '',
    env: { PATH: process.env.PATH },
  })
  t.equal(stdout, 'clean\nclean\nclean\n')
  const lines = (subject: string) =>
    [`of ${subject}\\nand \\x1b[1m \u20ac`, `error of ${subject}`, `${subject} without an end`]
      .map((line) => `plugin a.mjs: ${line}`)
      .join('\n')
  t.ok(stderr.startsWith([lines('one'), lines('two'), lines('three')].join('\n')), stderr)
  t.match(stderr, /plugin a\.mjs: wrote more than 65536 bytes to stderr; the rest is not shown\n$/)
})

t.test('the log names a plugin that threw between messages', async (t) => {
  const directory = t.testdir({
    'a.mjs': namesProcess(`setTimeout(() => { throw new Error('late') }).unref()`, HOLDS_LIFELINE),
  })
  const question = { directory, file: 'a.mjs', settings: { ERROR_FD: '6' } }
  const gone = lifeline(directory)
  const asker = spawn(process.execPath, [program, JSON.stringify(question), 'offend'])
  const [line] = await orItsEnd(
    asker,
    once(createInterface({ input: asker.stderr }), 'line'),
    'a line about the plugin',
  )
  t.match(line, /^plugin a\.mjs: threw late \(a\.mjs:\d+:\d+\) after its answer$/)
  await gone
  asker.stdin.end()
})

/** An hour: within this test no deadline ends anything. */
const timeout = 3_600_000

const states: Readonly<Record<string, string>> = {
  'waits for a message': '',
  'is at one': 'await pause(3_600_000)',
  'is in a busy loop': 'for (;;);',
  'has started others': `${STARTS_SLEEPER}; await pause(3_600_000)`,
}

for (const [state, source] of Object.entries(states)) {
  t.test(`a process that ${state} ends when the one that asks is killed`, async (t) => {
    const directory = t.testdir({
      'a.mjs': namesProcess(`fs.closeSync(fs.openSync('started', 'w')); ${source}`, HOLDS_LIFELINE),
    })
    const started = lifeline(directory, 'started')
    const gone = lifeline(directory)
    const question = JSON.stringify({ directory, file: 'a.mjs', timeout })
    const asker = spawn(process.execPath, [program, question, 'x', 'offend'])
    t.teardown(() => asker.kill('SIGKILL'))
    await started
    asker.kill('SIGKILL')
    await gone
    t.pass('the process has ended')
  })
}

t.test('a process ends even if its asker is killed at once', async (t) => {
  const starter = spawn(process.execPath, [join(import.meta.dirname, 'start-host.ts')], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  })
  await once(starter.stdout!.resume(), 'end') // when nobody holds it any more
  t.equal(starter.signalCode ?? (await once(starter, 'exit'))[1], 'SIGKILL')
})

t.test('C plugins', { skip: noCompiler }, async (t) => {
  const directory = t.testdir({})
  const source = join(import.meta.dirname, 'plugins.c')
  const file = 'plugins.so'
  execFileSync('gcc', ['-shared', '-fPIC', '-o', join(directory, file), source])
  const plugin = (symbol: string) =>
    poolPlugin(t, { directory, file, settings: { QUEUE_PLUGIN: symbol } })

  await t.test('one process judges one message after another', async (t) => {
    const { ask } = plugin('counts')
    const answers = []
    for (let i = 0; i < 4; i++) answers.push((await ask('x')).answer.answer)
    t.same(answers, ['clean', 'infected', 'clean', 'infected'])
  })

  for (const symbol of ['exits_later', '_exits_later', 'crashes_later', 'scribbles']) {
    await t.test(`${symbol}: the message is asked about in a fresh process`, async (t) => {
      const { ask } = plugin(symbol)
      for (let i = 0; i < 4; i++) t.same((await ask('x')).answer, { answer: 'clean' })
    })
  }

  await t.test('a process that the plugin has forked ends with it', async (t) => {
    const gone = lifeline(directory)
    const { ask, scanner } = plugin('leaves_a_child_behind')
    t.same((await ask('x')).answer, { answer: 'clean' })
    scanner.close?.()
    await gone
  })

  await t.test('a sleeping C plugin ends when its asker is killed', async (t) => {
    execFileSync('mkfifo', [join(directory, 'sleeping')])
    const line = createReadStream(join(directory, 'sleeping'))
    const gone = new Promise<void>((resolve) => line.on('end', () => resolve()).resume())
    const settings = { QUEUE_PLUGIN: 'sleeps_for_ever' }
    const question = JSON.stringify({ directory, file, settings, timeout })
    const asker = spawn(process.execPath, [program, question, 'x'])
    t.teardown(() => asker.kill('SIGKILL'))
    await orItsEnd(asker, once(line, 'data'), 'the plugin opens the FIFO')
    asker.kill('SIGKILL')
    await gone
    t.pass('the process has ended')
  })
})
