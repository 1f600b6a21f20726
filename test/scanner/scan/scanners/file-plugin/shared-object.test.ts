import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import {
  clean,
  infected,
  type ScanResult,
} from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { ask, type Question, wordsOf } from './asking.ts'
import { noCompiler } from './no-compiler.ts'

type Expected = ScanResult | RegExp
type Case = readonly [name: string, symbol: string, Expected, question?: Partial<Question>]

const found = infected('plugins.so')
const EXITED = /^exited with code 0 before it answered$/
const CRASHED = /^was killed by SIGSEGV before it answered$/
const LATE = /^did not answer within SCANTIMEOUT$/
const CODES = /^returned -1; must return 0 \(QHPSIRN, clean\) or 1 \(QHPSIRC, infected\)$/
const virus = { message: 'Subject: virus\n\n' }
const swapped = { settings: { QHPSIRC: '0', QHPSIRN: '1' } }

const cases: readonly Case[] = [
  ['0 is clean', 'virusscan', clean],
  ['1 is infected, under the name of the file', 'virusscan', found, virus],
  ['QHPSIRC and QHPSIRN give the codes another meaning', 'virusscan', found, swapped],
  ['any other number is an unknown result', 'returns_minus_one', CODES],
  ['a number is not cut to a byte', 'returns_256', /^returned 256;/],
  // What libc does at exit() may crash beside the threads of the runtime.
  [
    'exit(0) is no answer',
    'calls_exit',
    /^(exited with code 0|was killed by SIGSEGV) before it answered$/,
  ],
  ['_exit(0) is no answer', 'calls__exit', EXITED],
  ['abort() is no answer', 'aborts', /^was killed by SIGABRT before it answered$/],
  ['a crash is no answer', 'crashes', CRASHED],
  ['a stray pointer is no answer', 'writes_to_nowhere', CRASHED],
  [
    'a plugin that closes every descriptor gives no answer',
    'closes_everything',
    /^(was killed by|exited with|closed descriptor 3).* before it answered$/,
  ],
  ['a loop that ignores TERM is ended at the deadline', 'loops', LATE, { timeout: 500 }],
  ['a plugin that waits indefinitely is ended at the deadline', 'sleeps', LATE, { timeout: 500 }],
  ['what it writes to stdout changes nothing', 'writes_to_stdout', clean],
  ['it may use the stack of an ordinary program', 'needs_stack', clean],
  ['it may wait for all of its children', 'waits_for_children', clean, { timeout: 5000 }],
  ['a child that it leaves behind delays nothing', 'leaves_a_child', clean, { timeout: 5000 }],
  ['a missing symbol is named', 'no_such_symbol', /^cannot be loaded: .*no_such_symbol/],
]

t.test('C plugins', { skip: noCompiler }, async (t) => {
  const directory = t.testdir({
    'broken.so': 'a file that is not a shared object is named with its error',
  })
  const source = join(import.meta.dirname, 'plugins.c')
  execFileSync('gcc', ['-shared', '-fPIC', '-o', join(directory, 'plugins.so'), source])

  for (const [name, symbol, expected, question] of cases) {
    await t.test(name, async (t) => {
      const settings = { QUEUE_PLUGIN: symbol, ...question?.settings }
      const { answer } = await ask({ directory, file: 'plugins.so', ...question, settings })
      if (expected instanceof RegExp) t.match(wordsOf(answer, 'plugins.so'), expected)
      else t.same(answer, expected)
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

  await t.test('a file that is not a shared object is named with its error', async (t) => {
    const { answer } = await ask({ directory, file: 'broken.so' })
    t.match(answer, { reason: /^plugin broken\.so: cannot be loaded: / })
  })
})
