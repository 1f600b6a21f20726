import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { newPlugin } from '../../src/cli/plugin-new.ts'
import { ask } from '../scan/file-plugin/asking.ts'

const root = join(import.meta.dirname, '..', '..')

t.test('the skeleton is a plugin that scans', async (t) => {
  const directory = t.testdir({})
  t.same(newPlugin('macros', directory), [
    join(directory, 'macros.ts'),
    join(directory, 'macros.test.ts'),
  ])
  const question = { directory, file: 'macros.ts' }
  t.same((await ask(question)).verdict, { answer: 'clean' })
  const message = 'Subject: a\n\nThis line is the test virus of macros.\n'
  const { verdict } = await ask({ ...question, message })
  t.same(verdict, { answer: 'infected', name: 'macros.Example' })
})

t.test("the skeleton's test passes, and fails with a plugin that finds nothing", async (t) => {
  const directory = t.testdir({})
  const [plugin] = newPlugin('a_b-1.ts', directory)
  const run = () =>
    spawnSync(process.execPath, ['--test', 'a_b-1.test.ts'], {
      cwd: directory,
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    })
  const { status, stdout } = run()
  t.equal(status, 0, stdout)
  t.match(stdout, /pass 4\b/)
  writeFileSync(
    plugin!,
    readFileSync(plugin!, 'utf8').replace('window.includes', '!window.includes'),
  )
  t.not(run().status, 0)
})

t.test('the skeleton and its test are sound TypeScript, by the published types', async (t) => {
  const directory = t.testdir({ 'package.json': '{ "type": "module" }', node_modules: {} })
  const published = join(directory, 'node_modules', 'onescan')
  mkdirSync(join(published, 'dist'), { recursive: true })
  copyFileSync(join(root, 'package.json'), join(published, 'package.json'))
  copyFileSync(join(root, 'src/plugin.ts'), join(published, 'dist/plugin.d.ts'))
  const files = newPlugin('macros', directory).map((file) => basename(file))
  const options =
    '--ignoreConfig --noEmit --strict --target es2023 --module nodenext --allowImportingTsExtensions'
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  const check = (...sources: string[]) =>
    spawnSync(join(root, 'node_modules/.bin/tsc'), [...options.split(' '), ...types, ...sources], {
      cwd: directory,
      encoding: 'utf8',
    })
  const { status, stdout } = check(...files)
  t.equal(stdout, '')
  t.equal(status, 0)

  writeFileSync(
    join(directory, 'both.ts'),
    `import type { Virusscan } from 'onescan/plugin'
     export const virusscan: Virusscan = () => ({ infected: true })`,
  )
  t.match(check('both.ts').stdout, /both\.ts.*TS2322/s, 'half an answer is no answer')
})

t.test('the skeleton is formatted as the source of onescan is', async (t) => {
  const directory = t.testdir({})
  const biome = join(root, 'node_modules/.bin/biome')
  for (const file of newPlugin('macros', directory)) {
    const source = readFileSync(file, 'utf8')
    const options = ['format', '--config-path', root, '--stdin-file-path', 'test/macros.ts']
    t.equal(execFileSync(biome, options, { input: source, cwd: root, encoding: 'utf8' }), source)
  }
})

t.test('nothing is overwritten, and nothing half written', async (t) => {
  const directory = t.testdir({ 'macros.test.ts': 'mine' })
  t.throws(() => newPlugin('macros', directory), {
    message: `${join(directory, 'macros.test.ts')}: exists; choose another name or remove it`,
  })
  t.same(readdirSync(directory), ['macros.test.ts'])
  t.equal(readFileSync(join(directory, 'macros.test.ts'), 'utf8'), 'mine')
})

t.test('a name that QHPSI could not hold is refused', async (t) => {
  const directory = t.testdir({})
  for (const name of ['', '.ts', '../a', 'a/b', 'a b', "a'b", 'a.b', '-a', 'a\n', 'x'.repeat(65)]) {
    t.throws(() => newPlugin(name, directory), { message: /^plugin name ".*: must be/ }, name)
  }
  t.same(readdirSync(directory), [])
})

t.test('a directory that is not there is named', async (t) => {
  const directory = t.testdir({ file: '' })
  for (const place of ['none', 'file']) {
    t.throws(() => newPlugin('macros', join(directory, place)), {
      message: `${join(directory, place)}: is not a directory; make it first`,
    })
  }
})
