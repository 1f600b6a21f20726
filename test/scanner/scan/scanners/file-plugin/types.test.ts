import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Origin } from '../../../../../src/mail/message/envelope.ts'
import type { Mail } from '../../../../../src/scanner/plugin.ts'

const root = join(import.meta.dirname, '../../../../..')

const OPTIONS =
  '--ignoreConfig --noEmit --strict --allowJs --checkJs --target es2023 --module nodenext --allowImportingTsExtensions'

/** A plugin with the types of `from`, once as it should be, and once with half an answer. */
function mustCheck(t: Test, directory: string, from: string): void {
  const plugin = (answer: string) =>
    `import type { Virusscan } from '${from}'\nexport const virusscan: Virusscan = () => (${answer})`
  writeFileSync(join(directory, 'good.ts'), plugin("{ defer: 'why' }"))
  writeFileSync(join(directory, 'bad.ts'), plugin('{ infected: true }'))
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  const words = [...OPTIONS.split(' '), ...types, 'good.ts', 'bad.ts']
  const compiler = join(root, 'node_modules/.bin/tsc')
  const { stdout } = spawnSync(compiler, words, { cwd: directory, encoding: 'utf8' })
  const errors = stdout.split('\n').filter((line) => line.includes('error TS'))
  t.match(errors, [/^bad\.ts.*TS2322/])
  t.equal(errors.length, 1)
}

t.test('the published types are those of the package', async (t) => {
  const directory = t.testdir({ 'package.json': '{ "type": "module" }', node_modules: {} })
  const published = join(directory, 'node_modules', 'onescan')
  mkdirSync(join(published, 'dist'), { recursive: true })
  copyFileSync(join(root, 'package.json'), join(published, 'package.json'))
  copyFileSync(join(root, 'src/scanner/plugin.ts'), join(published, 'dist/plugin.d.ts'))
  mustCheck(t, directory, 'onescan/plugin')
})

t.test('without npm a plugin takes the types from a file beside it', async (t) => {
  const directory = t.testdir({ 'package.json': '{ "type": "module" }' })
  copyFileSync(join(root, 'src/scanner/plugin.ts'), join(directory, 'onescan-plugin.d.ts'))
  mustCheck(t, directory, './onescan-plugin.d.ts')
})

type IsSame<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false

/** plugin.ts imports nothing, so it repeats the names of interfaces. The compiler refuses any other type. */
const isOrigin: IsSame<Required<Pick<Mail, keyof Origin>>, Required<Origin>> = true

t.test('a plugin gets what is known of the client, by the same names', async (t) => {
  t.ok(isOrigin)
  t.notMatch(readFileSync(join(root, 'src/scanner/plugin.ts'), 'utf8'), /\bimport\b/)
})
