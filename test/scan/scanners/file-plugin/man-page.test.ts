import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { standardLimits } from '../../../../src/scan/scanners/file-plugin/file-plugin.ts'
import { columns, readPage, section } from '../../../documents/man-page.ts'
import { ask, noCompiler, whyOf } from './asking.ts'

const pagePath = join(import.meta.dirname, '../../../../man/onescan-plugin.7')
const page = readFileSync(pagePath, 'utf8')

/** The display that stands below `.\" example: NAME`, as a reader sees it. */
function example(name: string): string {
  const [, after] = page.split(`.\\" example: ${name}\n.Bd -literal -offset indent\n`)
  return after!.split('.Ed\n')[0]!.replaceAll('\\e', '\\')
}

const loveLetter = 'From: a@b\nSubject: I love you\n\nkindly check the attachment\n'
const quotedInBody = 'From: a@b\n\nSubject: I love you\n'

t.test('the plugin in JavaScript does what the page says', async (t) => {
  const directory = t.testdir({ 'subject.mjs': example('subject.mjs') })
  const question = { directory, file: 'subject.mjs' }
  t.same((await ask({ ...question, message: loveLetter })).answer, {
    answer: 'infected',
    name: 'Worm.LoveLetter',
  })
  t.same((await ask({ ...question, message: quotedInBody })).answer, { answer: 'clean' })
  t.same((await ask({ ...question, message: '' })).answer, { answer: 'clean' })
})

t.test(
  'the plugin in TypeScript does what the page says, without the file of the types',
  async (t) => {
    const directory = t.testdir({ 'large.ts': example('large.ts') })
    const question = { directory, file: 'large.ts' }
    t.same((await ask({ ...question, message: loveLetter })).answer, { answer: 'clean' })
  },
)

t.test('the plugin in C is built and does what the page says', { skip: noCompiler }, async (t) => {
  const directory = t.testdir({ 'subject.c': example('subject.c') })
  const [, build] = /^\.Dl (cc -shared .*)$/m.exec(page)!
  const [compiler, ...options] = build!.split(' ')
  execFileSync(compiler!, ['-Wall', '-Werror', ...options], { cwd: directory })
  const question = { directory, file: 'subject.so' }
  t.same((await ask({ ...question, message: loveLetter })).answer, {
    answer: 'infected',
    name: 'subject.so',
  })
  t.same((await ask({ ...question, message: quotedInBody })).answer, { answer: 'clean' })
})

// promise: only-chain-says-0
t.test('the reasons in the log are those of the page', async (t) => {
  const provoked = {
    'returned a promise that nothing can settle any more': `export const virusscan = () => new Promise(() => {})`,
    'exited with code 0 before it answered': `export const virusscan = () => process.exit(0)`,
    'died of SIGSEGV before it answered': `export const virusscan = () => process.kill(process.pid, 'SIGSEGV') && new Promise((done) => setTimeout(done, 60_000))`,
    'closed descriptor 3 before it answered': `
      import { closeSync } from 'node:fs'
      export const virusscan = () => closeSync(3) ?? new Promise((done) => setTimeout(done, 60_000))`,
    'wrote something other than an answer to descriptor 3': `
      import { writeSync } from 'node:fs'
      export const virusscan = () => process.exit(writeSync(3, 'ABCDEFGH\\n') - 9)`,
    'exports no function virusscan; export it, or name another in QUEUE_PLUGIN': ``,
    'did not answer within SCANTIMEOUT': `for (;;);`,
  }
  for (const [reason, source] of Object.entries(provoked)) {
    const directory = t.testdir({ 'a.mjs': source })
    const { answer } = await ask({ directory, file: 'a.mjs', timeout: 2000 })
    t.equal(whyOf(answer), `plugin a.mjs: ${reason}`)
    t.match(page, `.It "${reason}"\n`)
  }
})

t.test('the limits of the daemon are those of the page', async (t) => {
  const rows = columns(section(page, 'IN THE DAEMON'))
  const limit = (what: string) => Number.parseInt(rows.get(what)!.replace(',', ''), 10)
  t.equal(limit('processes of a plugin, in each process of onescand'), standardLimits.most)
  t.equal(limit('messages after which a process is renewed'), standardLimits.messages)
  t.equal(limit('idle, after which a process ends') * 1000, standardLimits.idle)
  t.equal(limit('from the answer until nothing is under way'), standardLimits.settle)
  t.match(page, `"none of ${standardLimits.most} processes was free within SCANTIMEOUT"`)
  const daemon = readPage('onescand.8')
  t.match(daemon, `up to ${standardLimits.most} for each plugin`)
  t.match(daemon, `nothing to do for ${standardLimits.idle / 1000} seconds`)
})

const noMandoc = spawnSync('mandoc', ['-h']).error ? 'install Debian package mandoc' : false

t.test('the page is sound mdoc', { skip: noMandoc }, async (t) => {
  const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', pagePath])
  t.equal(stdout.toString(), '')
})
