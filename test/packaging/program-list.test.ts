import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { programs, programsInC } from '../../packaging/builds/program-list.cjs'

/** packaging/builds/program-list.cjs, and what npm and the Makefile install. */

const root = join(import.meta.dirname, '../..')
const bin = join(root, 'bin')

t.test('npm and the Makefile install each program that an administrator runs', async (t) => {
  const listed = [...Object.keys(programs), ...programsInC]
    .filter((name) => name !== 'onescan-plugin-host')
    .sort()
  const started = readdirSync(bin).filter((name) => {
    const stats = statSync(join(bin, name))
    return stats.isFile() && (stats.mode & 0o100) !== 0
  })
  t.same(started.sort(), listed, 'bin/, which Makefile looks into')
  const { bin: commands } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  t.same(commands, Object.fromEntries(listed.map((name) => [name, `bin/${name}`])), 'package.json')
})
