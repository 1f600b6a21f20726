import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { newPlugin } from '../../../src/cli/plugin/new-plugin.ts'
import { ask } from '../../scan/file-plugin/asking.ts'

const root = join(import.meta.dirname, '../../..')

t.test('the skeleton is a plugin that scans, in TypeScript and in JavaScript', async (t) => {
  for (const name of ['macros.ts', 'macros.mjs']) {
    const directory = t.testdir({})
    const files = [name, 'macros.eml', 'macros.test.mjs', 'onescan-plugin.d.ts']
    t.same(
      newPlugin(name, directory),
      files.map((file) => join(directory, file)),
    )
    const question = { directory, file: name }
    t.same((await ask(question)).answer, { answer: 'clean' })
    const message = readFileSync(join(directory, 'macros.eml'), 'latin1')
    const { answer } = await ask({ ...question, message })
    t.same(answer, { answer: 'infected', name: 'macros.Example' })
  }
})

t.test('without a language it is in the one that this runtime loads', async (t) => {
  const directory = t.testdir({})
  const [plugin] = newPlugin('macros', directory)
  t.equal(basename(plugin!), process.features.typescript ? 'macros.ts' : 'macros.mjs')
})

t.test("the skeleton's test passes, and fails for a plugin that finds nothing", async (t) => {
  for (const extension of ['ts', 'mjs']) {
    const directory = t.testdir({})
    const [plugin] = newPlugin(`a_b-1.${extension}`, directory)
    const run = () =>
      spawnSync(process.execPath, ['--test', 'a_b-1.test.mjs'], {
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
  }
})

/** Compiles files of a directory, and returns the errors of the TypeScript compiler. */
function check(directory: string, ...sources: string[]) {
  const options =
    '--ignoreConfig --noEmit --strict --allowJs --checkJs --target es2023 --module nodenext --allowImportingTsExtensions'
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  const words = [...options.split(' '), ...types, ...sources]
  return spawnSync(join(root, 'node_modules/.bin/tsc'), words, { cwd: directory, encoding: 'utf8' })
}

t.test('the skeleton fits the types beside it, with no package installed', async (t) => {
  const directory = t.testdir({ 'package.json': '{ "type": "module" }' })
  for (const name of ['typed.ts', 'plain.mjs']) {
    newPlugin(name, directory)
    const { status, stdout } = check(directory, name)
    t.equal(stdout, '')
    t.equal(status, 0)
    const source = readFileSync(join(directory, name), 'utf8')
    writeFileSync(join(directory, name), source.replace('{ clean: true }\n}', '{ clean: 1 }\n}'))
    t.match(check(directory, name).stdout, /TS2322/, 'half an answer is no answer')
  }
})

t.test('the published types are those of the package', async (t) => {
  const directory = t.testdir({ 'package.json': '{ "type": "module" }', node_modules: {} })
  const published = join(directory, 'node_modules', 'onescan')
  mkdirSync(join(published, 'dist'), { recursive: true })
  copyFileSync(join(root, 'package.json'), join(published, 'package.json'))
  copyFileSync(join(root, 'src/plugin.ts'), join(published, 'dist/plugin.d.ts'))
  const both = (answer: string) => `import type { Virusscan } from 'onescan/plugin'
     export const virusscan: Virusscan = () => (${answer})`
  writeFileSync(join(directory, 'good.ts'), both("{ defer: 'why' }"))
  writeFileSync(join(directory, 'bad.ts'), both('{ infected: true }'))
  t.equal(check(directory, 'good.ts').stdout, '')
  t.match(check(directory, 'bad.ts').stdout, /bad\.ts.*TS2322/s)
})

t.test('the skeleton is formatted as the source of onescan is', async (t) => {
  const directory = t.testdir({})
  const biome = join(root, 'node_modules/.bin/biome')
  const scripts = [newPlugin('macros.ts', directory), newPlugin('other.mjs', directory)]
  for (const file of scripts.flat().filter((path) => !path.endsWith('.eml'))) {
    const source = readFileSync(file, 'utf8')
    const options = ['format', '--config-path', root, '--stdin-file-path', `test/${basename(file)}`]
    t.equal(execFileSync(biome, options, { input: source, cwd: root, encoding: 'utf8' }), source)
  }
})

t.test('nothing is overwritten, and nothing is left half written', async (t) => {
  const directory = t.testdir({ 'macros.eml': 'mine' })
  t.throws(() => newPlugin('macros', directory), {
    message: `${join(directory, 'macros.eml')}: exists; choose another name or remove it`,
  })
  t.same(readdirSync(directory), ['macros.eml'])
  t.equal(readFileSync(join(directory, 'macros.eml'), 'utf8'), 'mine')
})

t.test('a name that QHPSI cannot hold is refused', async (t) => {
  const directory = t.testdir({})
  for (const name of ['', '.ts', '../a', 'a/b', 'a b', "a'b", 'a.b', '-a', 'a\n', 'x'.repeat(65)]) {
    t.throws(() => newPlugin(name, directory), { message: /^plugin name ".*: must be/ }, name)
  }
  t.same(readdirSync(directory), [])
})

t.test('a directory that is missing is named', async (t) => {
  const directory = t.testdir({ file: '' })
  for (const place of ['none', 'file']) {
    t.throws(() => newPlugin('macros', join(directory, place)), {
      message: `${join(directory, place)}: is not a directory; make it first`,
    })
  }
})
