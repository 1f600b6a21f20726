import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ScanFinding } from '../../../../src/scan/scanners/shared/finding.ts'
import { ask, type Question, whyOf } from './asking.ts'

interface Case {
  readonly name: string
  readonly file: string
  readonly source: string
  readonly question?: Partial<Question>
  /** An answer, or what the reason of "could not tell" must say behind the plugin's name. */
  readonly expect: ScanFinding | RegExp
}

const clean: ScanFinding = { answer: 'clean' }
const found: ScanFinding = { answer: 'infected', name: 'Test.Virus' }
const answers = (value: string) => `export const virusscan = () => (${value})`

/** How a plugin may fail in its own process otherwise is in pool-faults.test.ts: it is the same process. */
const cases: readonly Case[] = [
  {
    name: 'an ES module says clean',
    file: 'a.mjs',
    source: answers('{ clean: true }'),
    expect: clean,
  },
  {
    name: 'an asynchronous plugin says infected',
    file: 'a.mjs',
    source: `export async function virusscan() { return { infected: true, name: 'Test.Virus' } }`,
    expect: found,
  },
  {
    name: 'a CommonJS module exports the function by name',
    file: 'a.cjs',
    source: `exports.virusscan = () => ({ clean: true })`,
    expect: clean,
  },
  {
    name: 'a CommonJS module whose exports Node cannot foresee is found by its default',
    file: 'a.js',
    source: `module.exports = Object.fromEntries([['virusscan', () => ({ clean: true })]])`,
    expect: clean,
  },
  {
    name: 'a default export may hold the function',
    file: 'a.mjs',
    source: `export default { virusscan: () => ({ clean: true }) }`,
    expect: clean,
  },
  {
    name: 'TypeScript is loaded as it is',
    file: 'a.ts',
    source: `
      import type { Virusscan } from 'onescan/plugin'
      export const virusscan: Virusscan = async ({ size }: { size: number }) =>
        size === 6 ? { infected: true, name: 'Test.Virus' } : { clean: true }`,
    question: { message: 'a: b\n\n' },
    expect: found,
  },
  {
    name: 'QUEUE_PLUGIN names another export',
    file: 'a.mjs',
    source: `${answers('{ clean: true }')}\nexport const other = () => ({ infected: true, name: 'Test.Virus' })`,
    question: { settings: { QUEUE_PLUGIN: 'other' } },
    expect: found,
  },
  {
    name: 'an answer may say the other half is false',
    file: 'a.mjs',
    source: answers(`{ clean: false, infected: true, name: 'Test.Virus' }`),
    expect: found,
  },
  {
    name: 'a name of any length and any characters is still a virus',
    file: 'a.mjs',
    source: answers(`{ infected: true, name: '\\n\\0'.repeat(50_000) }`),
    expect: { answer: 'infected', name: `${'\n\0'.repeat(127)}\n` },
  },

  {
    name: 'a plugin may say that it could not tell, and why',
    file: 'a.mjs',
    source: answers(`{ defer: 'no table yet' }`),
    expect: /^no table yet$/,
  },
  {
    name: 'a reason to defer must be said',
    file: 'a.mjs',
    source: answers(`{ defer: '' }`),
    expect: /^answered \{ defer: '' \}; must answer .* or \{ defer: why \}$/,
  },
  {
    name: 'clean and to be deferred cannot tell',
    file: 'a.mjs',
    source: answers(`{ clean: true, defer: 'x' }`),
    expect: /^answered \{ clean: true, defer: 'x' \}/,
  },
  {
    name: 'infected and to be deferred cannot tell',
    file: 'a.mjs',
    source: answers(`{ infected: true, name: 'x', defer: 'x' }`),
    expect: /^answered/,
  },
  {
    name: 'a plugin that answers both cannot tell',
    file: 'a.mjs',
    source: answers(`{ clean: true, infected: true, name: 'x' }`),
    expect: /^answered \{ clean: true, infected: true, name: 'x' \}; must answer \{ clean: true \}/,
  },
  {
    name: 'clean with a virus name cannot tell',
    file: 'a.mjs',
    source: answers(`{ clean: true, name: 'x' }`),
    expect: /^answered/,
  },
  {
    name: 'infected without a name cannot tell',
    file: 'a.mjs',
    source: answers('{ infected: true }'),
    expect: /^answered \{ infected: true \}/,
  },
  {
    name: 'an empty virus name cannot tell',
    file: 'a.mjs',
    source: answers(`{ infected: true, name: '' }`),
    expect: /^answered/,
  },
  {
    name: 'not clean is not infected',
    file: 'a.mjs',
    source: answers('{ clean: false }'),
    expect: /^answered/,
  },
  {
    name: 'a truthy value is not true',
    file: 'a.mjs',
    source: answers('{ clean: 1 }'),
    expect: /^answered/,
  },
  {
    name: 'nothing is no answer',
    file: 'a.mjs',
    source: answers('undefined'),
    expect: /^answered undefined;/,
  },
  { name: 'null is no answer', file: 'a.mjs', source: answers('null'), expect: /^answered null;/ },
  { name: 'true is no answer', file: 'a.mjs', source: answers('true'), expect: /^answered true;/ },
  { name: '0 is no answer', file: 'a.mjs', source: answers('0'), expect: /^answered 0;/ },
  {
    name: 'an answer that cannot be read is no answer',
    file: 'a.mjs',
    source: answers(`{ get clean() { throw new Error('no') } }`),
    expect: /^threw no/,
  },

  {
    name: 'a plugin that throws names its error and line',
    file: 'a.mjs',
    source: `export function virusscan() {\n  return undefined.x\n}`,
    expect: /^threw TypeError: Cannot read .* \(a\.mjs:2:20\)$/,
  },
  {
    name: 'a plugin that rejects names its error',
    file: 'a.mjs',
    source: `export const virusscan = () => Promise.reject(new Error('rejected\\nso'))`,
    expect: /^threw rejected so/,
  },
  {
    name: 'a plugin may throw anything',
    file: 'a.mjs',
    source: `export const virusscan = () => { throw Object.create(null) }`,
    expect: /^threw /,
  },

  {
    name: 'process.exit(0) while loading is no answer',
    file: 'a.mjs',
    source: `process.exit(0)`,
    expect: /^exited with code 0 before it answered$/,
  },
  {
    name: 'an answer behind garbage is no answer',
    file: 'a.mjs',
    source: `
      import { writeSync } from 'node:fs'
      export const virusscan = () => { writeSync(3, '\\n'); return { clean: true } }`,
    expect: /^wrote something other than an answer to descriptor 3$/,
  },
  {
    name: 'a flood on descriptor 3 is no answer',
    file: 'a.mjs',
    source: `
      import { writeSync } from 'node:fs'
      export const virusscan = () => { for (;;) writeSync(3, 'x'.repeat(10_000)) }`,
    expect: /^wrote more than 65536 bytes to descriptor 3$/,
  },

  {
    name: 'a plugin that does not parse is named with its error',
    file: 'a.mjs',
    source: `export const virusscan = ( => {`,
    expect: /^cannot be loaded: SyntaxError: /,
  },
  {
    name: 'a plugin that throws while loading is named with its error',
    file: 'a.cjs',
    source: `throw new RangeError('at load')`,
    expect: /^cannot be loaded: RangeError: at load$/,
  },
  {
    name: 'a plugin that lacks a package says which',
    file: 'a.mjs',
    source: `import 'no-such-package-at-all'`,
    expect: /^cannot be loaded: .*no-such-package-at-all/,
  },
  {
    name: 'a plugin without the export says what to do',
    file: 'a.mjs',
    source: `export const scan = () => ({ clean: true })`,
    expect: /^exports no function virusscan; export it, or name another in QUEUE_PLUGIN$/,
  },
  {
    name: 'an export that is no function is none',
    file: 'a.mjs',
    source: `export const virusscan = { clean: true }`,
    expect: /^exports no function virusscan/,
  },
  {
    name: 'a name that every object has is no export',
    file: 'a.cjs',
    source: `module.exports = {}`,
    question: { settings: { QUEUE_PLUGIN: 'toString' } },
    expect: /^exports no function toString/,
  },

  {
    name: 'a plugin sees the message and the envelope to the byte',
    file: 'a.mjs',
    source: `
      import { readFileSync } from 'node:fs'
      export const virusscan = ({ path, size, sender, recipients, signal }) => {
        const message = readFileSync(path, 'latin1')
        const seen = JSON.stringify([message, size, sender, recipients, signal.aborted])
        return { infected: true, name: seen }
      }`,
    question: { message: 'a: \xe4\0\n\nb', sender: '', recipients: ['x\n\xff@y', '', 'z'] },
    expect: {
      answer: 'infected',
      name: JSON.stringify(['a: \xe4\0\n\nb', 8, '', ['x\n\xff@y', '', 'z'], false]),
    },
  },
  {
    name: 'a plugin may change the working directory, which is PLUGINDIR',
    file: 'a.mjs',
    source: `
      import { existsSync } from 'node:fs'
      export const virusscan = ({ path }) => {
        const before = existsSync('a.mjs')
        process.chdir('/')
        return before && existsSync(path) ? { clean: true } : undefined
      }`,
    expect: clean,
  },
  {
    name: 'a plugin has the environment for scanners',
    file: 'a.mjs',
    source: `
      const { SHOWN, QMAILQUEUE, CLUSTERKEYS } = process.env
      export const virusscan = () => ({ infected: true, name: [SHOWN, QMAILQUEUE, CLUSTERKEYS].join() })`,
    question: { settings: { SHOWN: 'yes', QMAILQUEUE: '/bin/x', CLUSTERKEYS: '/k' } },
    expect: { answer: 'infected', name: 'yes,,' },
  },
]

for (const { name, file, source, question, expect } of cases) {
  t.test(name, async (t) => {
    const directory = t.testdir({ 'package.json': '{}', [file]: source })
    const { answer, listeners } = await ask({ directory, file, ...question })
    if (expect instanceof RegExp) {
      const why = whyOf(answer)
      t.match(why, `plugin ${file}: `, 'the reason names the plugin')
      t.match(why.replace(`plugin ${file}: `, ''), expect)
    } else {
      t.same(answer, expect)
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
  t.same(answer, { answer: 'infected', name: 'odd' })
  t.equal(readFileSync(path, 'utf8'), 'odd')
})

t.test('50,000 recipients arrive', async (t) => {
  const directory = t.testdir({
    'a.mjs': `export const virusscan = ({ recipients }) => ({ infected: true, name: recipients.length + recipients.at(-1) })`,
  })
  const recipients = Array.from({ length: 50_000 }, (_, i) => `recipient-${i}@example.org`)
  const { answer } = await ask({ directory, file: 'a.mjs', recipients })
  t.same(answer, { answer: 'infected', name: '50000recipient-49999@example.org' })
})
