import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Fault } from '../../../../../src/base/errors/fault.ts'
import { filePluginScanner } from '../../../../../src/scanner/scan/scanners/file-plugin/file-plugin.ts'
import {
  clean,
  infected,
  type ScanResult,
} from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { lacks } from '../../../../needs.mjs'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { sample, scanTask } from '../clamd/task.ts'
import {
  ask,
  lifeline,
  poolPlugin,
  type Question,
  STARTS_SLEEPER,
  settingsFor,
  wordsOf,
} from './asking.ts'

const answering = (value: string) => `export const virusscan = () => (${value})`

t.test('names that are valid in a stamp are accepted, and no others', async (t) => {
  const scanSettings = settingsFor({ directory: '/nowhere', file: 'a.mjs' })
  const scanner = (name: string) => filePluginScanner(scanSettings, name)
  t.match(scanner('a-1_b+c.d.mjs'), { name: 'a-1_b+c.d.mjs', hasBans: false })
  const wrong = {
    'a name may contain only letters, digits and . _ + -; rename the file': [
      '/a.mjs',
      '../a.mjs',
      'a.mjs/',
      'a;b.mjs',
      'a,b.mjs',
      'a b.mjs',
      'a\n.mjs',
      'a\0.mjs',
      '..',
      '.mjs',
      '-a.mjs',
      'a.mjs~x',
    ],
    'must end in one of .js .mjs .cjs .ts .so; rename the file': ['a.py', 'a.', 'a.mjs.', 'a.MJS'],
  }
  for (const [what, names] of Object.entries(wrong)) {
    for (const name of names) {
      const message = new RegExp(`^QHPSI plugin .*${what.replace(/[.+]/g, '\\$&')}$`)
      t.throws(() => scanner(name), { kind: 'config', message }, JSON.stringify(name))
    }
  }
})

t.test('a directory, a device or a dangling link is not a plugin', async (t) => {
  const directory = t.testdir({ 'a.mjs': {} })
  symlinkSync('/dev/null', join(directory, 'b.mjs'))
  symlinkSync('/nowhere/at/all', join(directory, 'c.mjs'))
  for (const file of ['a.mjs', 'b.mjs']) {
    t.match(wordsOf((await ask({ directory, file })).answer), 'is not a regular file')
  }
  t.match(wordsOf((await ask({ directory, file: 'c.mjs' })).answer), 'no such file or directory')
})

t.test('a plugin that everybody may change is not run', async (t) => {
  const directory = t.testdir({ 'a.mjs': answering('{ clean: true }') })
  chmodSync(join(directory, 'a.mjs'), 0o666)
  const { answer } = await ask({ directory, file: 'a.mjs' })
  t.match(wordsOf(answer), 'mode 0666 lets everyone change the plugin; run chmod o-w on it')
})

const onlyRoot = lacks('root')

t.test('an unreadable plugin is reported with its user', { skip: onlyRoot }, async (t) => {
  const directory = openDirectory(t)
  chmodSync(directory, 0o777)
  mkdirSync(join(directory, 'closed'), { mode: 0o700 })
  symlinkSync('closed/a.mjs', join(directory, 'a.mjs'))
  process.seteuid!('nobody')
  const { answer } = await ask({ directory, file: 'a.mjs' }).finally(() => process.seteuid!(0))
  t.match(wordsOf(answer), ': permission denied; let nobody read it or correct PLUGINDIR')
})

t.test('a fault of the spool is thrown on, and is not an answer of the plugin', async (t) => {
  const directory = t.testdir({ 'a.mjs': answering('{ clean: true }') })
  const fault = new Fault('temp-file', 'SPOOLDIR /x: ENOSPC')
  const message = { ...sample(Buffer.alloc(1)), file: () => Promise.reject(fault) }
  const scanner = filePluginScanner(settingsFor({ directory, file: 'a.mjs' }), 'a.mjs')
  await t.rejects(scanner.scan(message, scanTask().task), fault)
})

const found = infected('Test.Virus')

/** What the expressions mean that a plugin answers with: a finding, or the reason why it is unknown. */
const answers: readonly (readonly [value: string, meaning: ScanResult | RegExp])[] = [
  ['{ clean: true }', clean],
  [`Promise.resolve({ infected: true, name: 'Test.Virus' })`, found],
  [`{ clean: false, infected: true, name: 'Test.Virus' }`, found],
  [`{ infected: true, name: '\\n\\0'.repeat(50000) }`, infected(`${'\n\0'.repeat(127)}\n`)],
  [`{ defer: 'no table yet' }`, /^no table yet$/],
  [`{ defer: '' }`, /^answered \{ defer: '' \}; must return .* or \{ defer: why \}$/],
  [`{ clean: true, defer: 'x' }`, /^answered \{ clean: true, defer: 'x' \}/],
  [`{ infected: true, name: 'x', defer: 'x' }`, /^answered/],
  [
    `{ clean: true, infected: true, name: 'x' }`,
    /^answered \{ .* \}; must return \{ clean: true \}/,
  ],
  [`{ clean: true, name: 'x' }`, /^answered/],
  ['{ infected: true }', /^answered \{ infected: true \}/],
  [`{ infected: true, name: '' }`, /^answered/],
  ['{ clean: false }', /^answered/],
  ['{ clean: 1 }', /^answered/],
  ['undefined', /^answered undefined;/],
  ['null', /^answered null;/],
  ['true', /^answered true;/],
  ['0', /^answered 0;/],
  [`{ get clean() { throw new Error('no') } }`, /^threw no/],
]

t.test('only documented answers of a plugin are accepted', async (t) => {
  const source = `
    import { readFileSync } from 'node:fs'
    export const virusscan = ({ path }) =>
      eval('(' + readFileSync(path, 'latin1').slice('Subject: '.length) + ')')`
  const plugin = poolPlugin(t, { directory: t.testdir({ 'a.mjs': source }), file: 'a.mjs' })
  for (const [value, meaning] of answers) {
    const { answer } = await plugin.ask(value)
    if (meaning instanceof RegExp) t.match(wordsOf(answer), meaning, value)
    else t.same(answer, meaning, value)
  }
})

/**
 * A plugin, its answer, or what the reason of an unknown result must contain behind its name, and more about the question.
 * The file is a.mjs if no other is named.
 */
type Case = readonly [source: string, expected: ScanResult | RegExp, more?: Partial<Question>]

const LATE = /^did not answer within SCANTIMEOUT$/

/** How a plugin may fail in its own process otherwise is in pool-faults.test.ts: it is the same process. */
const cases: Readonly<Record<string, Case>> = {
  'a CommonJS module exports the function by name': [
    `exports.virusscan = () => ({ clean: true })`,
    clean,
    { file: 'a.cjs' },
  ],
  'a CommonJS module whose exports Node cannot foresee is found by its default': [
    `module.exports = Object.fromEntries([['virusscan', () => ({ clean: true })]])`,
    clean,
    { file: 'a.js' },
  ],
  'a default export may hold the function': [
    `export default { virusscan: () => ({ clean: true }) }`,
    clean,
  ],
  'TypeScript is loaded as it is': [
    `
      import type { Virusscan } from 'onescan/plugin'
      export const virusscan: Virusscan = async ({ size }: { size: number }) =>
        size === 6 ? { infected: true, name: 'Test.Virus' } : { clean: true }`,
    found,
    { file: 'a.ts', message: 'a: b\n\n' },
  ],
  'a plugin that throws names its error and line': [
    `export function virusscan() {\n  return undefined.x\n}`,
    /^threw TypeError: Cannot read .* \(a\.mjs:2:20\)$/,
  ],
  'a plugin that rejects names its error': [
    `export const virusscan = () => Promise.reject(new Error('rejected\\nso'))`,
    /^threw rejected so/,
  ],
  'a plugin may throw anything': [
    `export const virusscan = () => { throw Object.create(null) }`,
    /^threw /,
  ],
  'process.exit(0) while loading is not an answer': [
    `process.exit(0)`,
    /^exited with code 0 before it answered$/,
  ],
  'an answer behind garbage is not an answer': [
    `
      import { writeSync } from 'node:fs'
      export const virusscan = () => { writeSync(3, '\\n'); return { clean: true } }`,
    /^wrote something other than an answer to descriptor 3$/,
  ],
  'a flood on descriptor 3 is not an answer': [
    `
      import { writeSync } from 'node:fs'
      export const virusscan = () => { for (;;) writeSync(3, 'x'.repeat(10_000)) }`,
    /^wrote more than 65536 bytes to descriptor 3$/,
  ],
  'a plugin that throws while loading is named with its error': [
    `throw new RangeError('at load')`,
    /^cannot be loaded: RangeError: at load$/,
    { file: 'a.cjs' },
  ],
  'a plugin that lacks a package shows which': [
    `import 'no-such-package-at-all'`,
    /^cannot be loaded: .*no-such-package-at-all/,
  ],
  'a plugin without the export shows what to do': [
    `export const scan = () => ({ clean: true })`,
    /^exports no function virusscan; export it, or set another in QUEUE_PLUGIN$/,
  ],
  'an export that is not a function is none': [
    `export const virusscan = { clean: true }`,
    /^exports no function virusscan/,
  ],
  'a name that every object has is not an export': [
    `module.exports = {}`,
    /^exports no function toString/,
    { file: 'a.cjs', settings: { QUEUE_PLUGIN: 'toString' } },
  ],
  'a plugin sees the message and the envelope to the byte': [
    `
      import { readFileSync } from 'node:fs'
      export const virusscan = ({ path, size, sender, recipients, signal }) => {
        const message = readFileSync(path, 'latin1')
        const seen = JSON.stringify([message, size, sender, recipients, signal.aborted])
        return { infected: true, name: seen }
      }`,
    infected(JSON.stringify(['a: \xe4\0\n\nb', 8, '', ['x\n\xff@y', '', 'z'], false])),
    { message: 'a: \xe4\0\n\nb', sender: '', recipients: ['x\n\xff@y', '', 'z'] },
  ],
  '50,000 recipients arrive': [
    `export const virusscan = ({ recipients }) => ({ infected: true, name: recipients.length + recipients.at(-1) })`,
    infected('5000049999@example.org'),
    { recipients: Array.from({ length: 50_000 }, (_, n) => `${n}@example.org`) },
  ],
  'a plugin has the environment for scanners': [
    `
      const { SHOWN, QMAILQUEUE, CLUSTERKEYS } = process.env
      export const virusscan = () => ({ infected: true, name: [SHOWN, QMAILQUEUE, CLUSTERKEYS].join() })`,
    infected('yes,,'),
    { settings: { SHOWN: 'yes', QMAILQUEUE: '/bin/x', CLUSTERKEYS: '/k' } },
  ],
  'a plugin that hangs while it is loaded is ended at the deadline': [
    `for (;;);`,
    LATE,
    { timeout: 400 },
  ],
  'a plugin that hangs in microtasks is ended at the deadline': [
    `export const virusscan = async () => { for (;;) await null }`,
    LATE,
    { timeout: 400 },
  ],
  'a plugin that hangs and ignores TERM is ended at the deadline': [
    `
      process.on('SIGTERM', () => {})
      export const virusscan = () => new Promise((done) => setTimeout(done, 3_600_000))`,
    LATE,
    { timeout: 400 },
  ],
  'a deadline that has passed ends a plugin at once': [
    `export const virusscan = () => { for (;;); }`,
    LATE,
    { timeout: 0 },
  ],
  'a plugin whose signal warned it may still answer': [
    `
      export const virusscan = ({ signal }) => new Promise((done) => {
        const work = setInterval(() => {}, 1000)
        signal.onabort = () => done({ infected: true, name: 'Test.Virus' })
      })`,
    found,
    { timeout: 10_000 }, // it has a second
  ],
  'what a plugin needs to load comes before its warning, not on top of it': [
    `
      await new Promise((loaded) => setTimeout(loaded, 1500))
      export const virusscan = ({ signal }) => new Promise((done) => {
        const work = setInterval(() => {}, 1000)
        signal.onabort = () => done({ infected: true, name: 'Test.Virus' })
      })`,
    found,
    { timeout: 10_000 },
  ],
}

for (const [name, [source, expected, { file = 'a.mjs', ...question } = {}]] of Object.entries(
  cases,
)) {
  t.test(name, async (t) => {
    const directory = t.testdir({ 'package.json': '{}', [file]: source })
    const { answer, listeners } = await ask({ directory, file, ...question })
    if (expected instanceof RegExp) {
      t.match(answer, { answer: 'unknown', reason: new RegExp(`^plugin ${file}: `) })
      t.match(wordsOf(answer, file), expected)
    } else {
      t.same(answer, expected)
    }
    t.equal(listeners, 0)
  })
}

t.test('a path may hold any character', async (t) => {
  const directory = t.testdir({
    'a.mjs': `
      import { readFileSync } from 'node:fs'
      export const virusscan = ({ path }) => ({ infected: true, name: readFileSync(path, 'utf8') })`,
  })
  const path = join(directory, 'a "b" \'c\' $d\n%s\\ #?\u00e4\u20ac')
  const { answer } = await ask({ directory, file: 'a.mjs', path, message: 'odd' })
  t.same(answer, infected('odd'))
  t.equal(readFileSync(path, 'utf8'), 'odd')
})

t.test('processes that a plugin has started end with it, whatever they hold open', async (t) => {
  const endings = {
    'return { clean: true }': 'clean',
    'process.reallyExit(0)': 'exited with code 0 before it answered',
    'for (;;);': 'did not answer within SCANTIMEOUT',
  }
  for (const [ending, answered] of Object.entries(endings)) {
    const directory = t.testdir({
      'a.mjs': `
        import { spawn } from 'node:child_process'
        import fs from 'node:fs'
        export const virusscan = () => { ${STARTS_SLEEPER}; ${ending} }`,
    })
    const gone = lifeline(directory)
    const { answer } = await ask({ directory, file: 'a.mjs', timeout: 3000 })
    t.equal(wordsOf(answer), answered)
    await gone
  }
})

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
  t.same(answer, clean)
})

t.test('without descriptors for its process the result of a plugin is unknown', async (t) => {
  const directory = t.testdir({ 'a.mjs': answering('{ clean: true }') })
  const limit = (most: string) =>
    execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${most}:`])
  const [, before = ''] = /^Max open files +(\d+)/m.exec(
    readFileSync('/proc/self/limits', 'latin1'),
  )!
  const last = Math.max(...readdirSync('/proc/self/fd').map(Number))
  const gaps = [openSync('/dev/null', 'r')]
  while (gaps.length < 20 || gaps.at(-1)! <= last) gaps.push(openSync('/dev/null', 'r'))
  limit(String(gaps.at(-1)! + 3)) // two, for the message
  const { answer } = await ask({ directory, file: 'a.mjs' }).finally(() => {
    for (const gap of gaps) closeSync(gap)
    limit(before)
  })
  t.match(wordsOf(answer), /cannot be started: .*too many open files/)
})

t.test('no descriptor stays open', async (t) => {
  const directory = t.testdir({ 'a.mjs': answering('{ clean: true }') })
  await ask({ directory, file: 'a.mjs' })
  const before = readdirSync('/proc/self/fd').length
  for (let i = 0; i < 3; i++) await ask({ directory, file: 'a.mjs' })
  t.equal(readdirSync('/proc/self/fd').length, before)
})

t.test('each message tries again a file that does not exist or cannot be loaded', async (t) => {
  const directory = t.testdir({})
  const plugin = poolPlugin(t, { directory, file: 'a.mjs' })
  const file = join(directory, 'a.mjs')
  t.equal(
    await plugin.hear('x'),
    `${file}: no such file or directory; put the file there or correct PLUGINDIR`,
  )
  writeFileSync(file, 'export const virusscan = (=> {')
  t.match(await plugin.hear('x'), /^cannot be loaded: SyntaxError/)
  writeFileSync(file, answering('{ clean: true }'))
  t.equal(await plugin.hear('x'), 'clean')
})
