import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import type { ScanFinding } from '../../../../src/scan/scanners/shared/finding.ts'
import { ask, noCompiler, type Question, whyOf } from './asking.ts'

interface Case {
  readonly name: string
  readonly symbol: string
  readonly question?: Partial<Question>
  readonly expect: ScanFinding | RegExp
}

const clean: ScanFinding = { answer: 'clean' }
const found: ScanFinding = { answer: 'infected', name: 'plugins.so' }
const virus = 'Subject: virus\n\n'

const cases: readonly Case[] = [
  { name: '0 is clean', symbol: 'virusscan', expect: clean },
  {
    name: '1 is infected, under the name of the file',
    symbol: 'virusscan',
    question: { message: virus },
    expect: found,
  },
  {
    name: 'QHPSIRC and QHPSIRN give the codes another meaning',
    symbol: 'virusscan',
    question: { settings: { QHPSIRC: '0', QHPSIRN: '1' } },
    expect: found,
  },
  {
    name: 'any other number cannot tell',
    symbol: 'returns_minus_one',
    expect: /^returned -1; must return 0 \(QHPSIRN, clean\) or 1 \(QHPSIRC, infected\)$/,
  },
  { name: 'a number is not cut to a byte', symbol: 'returns_256', expect: /^returned 256;/ },
  {
    name: 'exit(0) is no answer',
    symbol: 'calls_exit',
    expect: /^exited with code 0 before it answered$/,
  },
  {
    name: '_exit(0) is no answer',
    symbol: 'calls__exit',
    expect: /^exited with code 0 before it answered$/,
  },
  {
    name: 'abort() is no answer',
    symbol: 'aborts',
    expect: /^died of SIGABRT before it answered$/,
  },
  {
    name: 'a crash is no answer',
    symbol: 'crashes',
    expect: /^died of SIGSEGV before it answered$/,
  },
  {
    name: 'a stray pointer is no answer',
    symbol: 'writes_to_nowhere',
    expect: /^died of SIGSEGV before it answered$/,
  },
  {
    name: 'a plugin that closes every descriptor gives no answer',
    symbol: 'closes_everything',
    expect: /^(died of|exited with|closed descriptor 3).* before it answered$/,
  },
  {
    name: 'a busy loop that ignores TERM is ended at the deadline',
    symbol: 'loops',
    question: { timeout: 500 },
    expect: /^did not answer within SCANTIMEOUT$/,
  },
  {
    name: 'a plugin that waits for ever is ended at the deadline',
    symbol: 'sleeps',
    question: { timeout: 500 },
    expect: /^did not answer within SCANTIMEOUT$/,
  },
  { name: 'what it writes to stdout changes nothing', symbol: 'writes_to_stdout', expect: clean },
  { name: 'it may use the stack of an ordinary program', symbol: 'needs_stack', expect: clean },
  {
    name: 'it may wait for all of its children',
    symbol: 'waits_for_children',
    question: { timeout: 5000 },
    expect: clean,
  },
  {
    name: 'a child that it leaves behind delays nothing',
    symbol: 'leaves_a_child',
    question: { timeout: 5000 },
    expect: clean,
  },
  {
    name: 'a missing symbol is named',
    symbol: 'no_such_symbol',
    expect: /^cannot be loaded: .*no_such_symbol/,
  },
]

t.test('C plugins', { skip: noCompiler }, async (t) => {
  const directory = t.testdir({
    'broken.so': 'a file that is no shared object is named with its error',
  })
  const source = join(import.meta.dirname, 'plugins.c')
  execFileSync('gcc', ['-shared', '-fPIC', '-o', join(directory, 'plugins.so'), source])

  for (const { name, symbol, question, expect } of cases) {
    await t.test(name, async (t) => {
      const settings = { QUEUE_PLUGIN: symbol, ...question?.settings }
      const asked = { directory, file: 'plugins.so', ...question, settings }
      const { answer } = await ask(asked)
      if (expect instanceof RegExp) {
        t.match(whyOf(answer).replace('plugin plugins.so: ', ''), expect)
      } else {
        t.same(answer, expect)
      }
    })
  }

  await t.test('virusname names what was found', async (t) => {
    const named = (body: string) => `
      static int calls;
      int virusscan(const char *path) { return path[0] == 47 && ++calls; }
      const char *virusname(void) { ${body} }`
    for (const [name, body, expected] of [
      ['one.so', 'return calls == 1 ? "Worm.LoveLetter" : "another call";', 'Worm.LoveLetter'],
      ['none.so', 'return 0;', 'none.so'],
      ['empty.so', 'return "";', 'empty.so'],
    ] as const) {
      const file = join(directory, name)
      const options = ['-shared', '-fPIC', '-x', 'c', '-o', file, '-']
      execFileSync('gcc', options, { input: named(body) })
      const { answer } = await ask({ directory, file: name })
      t.same(answer, { answer: 'infected', name: expected })
      const settings = { QHPSIRN: '1', QHPSIRC: '0' }
      t.same((await ask({ directory, file: name, settings })).answer, { answer: 'clean' })
    }
  })

  await t.test('a file that is no shared object is named with its error', async (t) => {
    const { answer } = await ask({ directory, file: 'broken.so' })
    t.match(whyOf(answer), /^plugin broken\.so: cannot be loaded: /)
  })
})
