import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newestNode, oldestNode } from '../../../packaging/toolchain/toolchain.mjs'
import { example, readPage } from '../../documents/man-page.ts'
import { lacks } from '../../needs.mjs'
import { reachable } from '../../programs/host/reachable.ts'
import { isWhole } from '../../run/is-whole.ts'
import { asPlain, jsonIn, onescan } from './onescan.ts'

const root = join(import.meta.dirname, '../../..')
const compiled = join(root, 'build/native/onescan')
const bundle = join(root, 'dist/onescan.cjs')

const builds = [
  ['on the newest Node', [newestNode, bundle]],
  ['on the oldest Node', [oldestNode, bundle]],
  ['compiled', [compiled]],
] as const

for (const [name, program] of isWhole ? builds : builds.slice(-1)) {
  const skip = !existsSync(program[0]) && lacks('the compiled programs')
  t.test(`the plugin of the page works at once, ${name}`, { skip }, async (t) => {
    const directory = t.testdir({
      'subject.mjs': example(readPage('onescan-plugin.7'), 'subject.mjs'),
      'typed.ts': `import type { Virusscan } from './onescan-plugin.d.ts'
        export const virusscan: Virusscan = () => ({ clean: true })`,
      'love.eml': 'Subject: I love you\n\n',
      'other.eml': 'Subject: Hello\n\n',
    })
    const [command, ...words] = [...asPlain(), ...program.map(reachable)]
    const run = (plugin: string) => {
      const settings = ['--env', `PLUGINDIR=${directory}`, '--env', `QHPSI=plugin: ${plugin}`]
      const args = [...words, 'scan', '--all', '--json', ...settings, 'love.eml', 'other.eml']
      // Without PATH it finds only what the installation has brought.
      const env = { CONTROLDIR: '/nonexistent' }
      const { stdout } = spawnSync(command!, args, { cwd: directory, encoding: 'utf8', env })
      return jsonIn(stdout).results
    }
    t.match(run('subject.mjs'), [
      { answer: 'infected', name: 'Worm.LoveLetter' },
      { answer: 'clean' },
    ])
    t.match(run('typed.ts'), [{ answer: 'clean' }, { answer: 'clean' }])
  })
}

t.test('log lines of a plugin are shown when onescan scans manually', async (t) => {
  const directory = t.testdir({
    'a.mjs': `
      export const virusscan = ({ log }) => {
        log('asked')
        console.error('on stderr')
        return { defer: 'no table yet' }
      }`,
    'mine.eml': 'Subject: one of mine\n\n',
  })
  const settings = ['--env', `PLUGINDIR=${directory}`, '--env', 'QHPSI=plugin: a.mjs']
  const { code, out, err } = await onescan(['scan', ...settings, join(directory, 'mine.eml')])
  t.equal(code, 2)
  t.match(out, /mine\.eml: unknown: plugin a\.mjs: no table yet\n/)
  t.equal(err, 'plugin a.mjs: asked\nplugin a.mjs: on stderr\n')
})
