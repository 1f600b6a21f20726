import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newestNode, oldestNode } from '../../../packaging/toolchain/toolchain.mjs'
import { example, readPage } from '../../documents/man-page.ts'
import { isWhole } from '../../run/is-whole.ts'
import { onescan } from '../onescan.ts'

const root = join(import.meta.dirname, '../../..')
const compiled = join(root, 'build/native/onescan')
const bundle = join(root, 'dist/onescan.cjs')

const builds = [
  ['on the newest Node', [newestNode, bundle]],
  ['on the oldest Node', [oldestNode, bundle]],
  ['compiled', [compiled]],
] as const

for (const [name, program] of isWhole ? builds : builds.slice(-1)) {
  const skip = !existsSync(program[0]) && 'run npm run build:native'
  t.test(`the plugin of the page works at once, ${name}`, { skip }, async (t) => {
    const directory = t.testdir({
      'subject.mjs': example(readPage('onescan-plugin.7'), 'subject.mjs'),
      'typed.ts': `import type { Virusscan } from './onescan-plugin.d.ts'
        export const virusscan: Virusscan = () => ({ clean: true })`,
      'love.eml': 'Subject: I love you\n\n',
    })
    const [command, ...words] = program
    const run = (...more: string[]) =>
      // Without PATH it finds only what the installation has brought.
      execFileSync(command, [...words, 'plugin', 'test', ...more], {
        cwd: directory,
        encoding: 'utf8',
        env: { CONTROLDIR: '/nonexistent' },
      })
    t.match(run('subject.mjs', 'love.eml'), /^love\.eml: infected: Worm\.LoveLetter, \d+ ms\n/)
    const both = /^a clean message: clean, \d+ ms\nthe EICAR test file: clean, \d+ ms\n$/
    t.match(run('subject.mjs'), both)
    t.match(run('typed.ts'), both)
  })
}

t.test('plugin test prints the answer, the reason and what was logged', async (t) => {
  const directory = t.testdir({
    'a.mjs': `
      import { readFileSync } from 'node:fs'
      export const virusscan = ({ path, sender, recipients, log }) => {
        log('from ' + sender + ' to ' + recipients)
        console.error('on stderr')
        const text = readFileSync(path, 'latin1')
        if (text.includes('eicar.com')) return { infected: true, name: 'It' }
        return text.includes('one of mine') ? { defer: 'no table yet' } : { clean: true }
      }`,
    'mine.eml': 'Subject: one of mine\n\n',
  })
  const plugin = join(directory, 'a.mjs')
  const both = await onescan(['plugin', 'test', plugin])
  t.equal(both.code, 0)
  const log = '  log: from sender@example.org to recipient@example.org\n  log: on stderr\n'
  t.equal(
    both.out.replace(/\d+ ms/g, 'N ms'),
    `a clean message: clean, N ms\n${log}the EICAR test file: infected: It, N ms\n${log}`,
  )
  const options = ['--from', 'a@b', '--to', 'c@d', '--to', 'e@f']
  const mine = await onescan(['plugin', 'test', plugin, join(directory, 'mine.eml'), ...options])
  t.equal(mine.code, 2)
  t.match(mine.out, /mine\.eml: could not tell: no table yet, \d+ ms\n {2}log: from a@b to c@d,e@f/)
})

t.test('plugin test says why a file is no plugin, or a message cannot be read', async (t) => {
  const directory = t.testdir({ 'a.txt': '', 'a.mjs': 'export const virusscan = () => 1' })
  const test = (...words: string[]) => onescan(['plugin', 'test', ...words])
  t.match(await test(join(directory, 'b.mjs')), { code: 2, err: /b\.mjs: ENOENT; put the file/ })
  t.match(await test(join(directory, 'a.txt')), { code: 2, err: /must end in one of/ })
  const plugin = join(directory, 'a.mjs')
  t.match(await test(plugin, join(directory, 'no.eml')), { code: 2, err: /no\.eml/ })
  t.match(await test(plugin), { code: 2, out: /could not tell: answered 1; must answer/ })
})

t.test('plugin without a subcommand is no command', async (t) => {
  t.equal((await onescan(['plugin'])).code, 2)
})
