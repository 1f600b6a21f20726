import { execFileSync } from 'node:child_process'
import t from 'tap'
import { example as exampleIn, readPage } from '../../../../documents/man-page.ts'
import { ask, wordsOf } from './asking.ts'
import { noCompiler } from './no-compiler.ts'

const page = readPage('onescan-plugin.7')
const example = (name: string) => exampleIn(page, name)

const loveLetter = 'From: a@b\nSubject: I love you\n\nkindly check the attachment\n'
const quotedInBody = 'From: a@b\n\nSubject: I love you\n'

/** The answer of the plugin of that name about a message. */
async function answerOf(directory: string, file: string, message: string): Promise<string> {
  return wordsOf((await ask({ directory, file, message })).answer)
}

t.test('the documented plugin in JavaScript works', async (t) => {
  const directory = t.testdir({ 'subject.mjs': example('subject.mjs') })
  t.equal(await answerOf(directory, 'subject.mjs', loveLetter), 'Worm.LoveLetter')
  t.equal(await answerOf(directory, 'subject.mjs', quotedInBody), 'clean')
  t.equal(await answerOf(directory, 'subject.mjs', ''), 'clean')
})

t.test('the plugin in TypeScript does it without the file of the types', async (t) => {
  const directory = t.testdir({ 'large.ts': example('large.ts') })
  t.equal(await answerOf(directory, 'large.ts', loveLetter), 'clean')
})

t.test('the documented plugin in C is built and works', { skip: noCompiler }, async (t) => {
  const directory = t.testdir({ 'subject.c': example('subject.c') })
  const [, build] = /^\.Dl (cc -shared .*)$/m.exec(page)!
  const [compiler, ...options] = build!.split(' ')
  execFileSync(compiler!, ['-Wall', '-Werror', ...options], { cwd: directory })
  t.equal(await answerOf(directory, 'subject.so', loveLetter), 'subject.so')
  t.equal(await answerOf(directory, 'subject.so', quotedInBody), 'clean')
})
