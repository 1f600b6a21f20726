import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { programs, programsInC, startedByOthers } from '../../packaging/builds/program-list.cjs'
import { slotExit } from '../../src/scanner/doors/slot/exit-codes.ts'

/** packaging/builds/program-list.cjs, and what npm and the Makefile install. */

const root = join(import.meta.dirname, '../..')
const bin = join(root, 'bin')

t.test('npm and the Makefile install each program that an administrator runs', async (t) => {
  const listed = [...Object.keys(programs), ...programsInC]
    .filter((name) => !startedByOthers.includes(name))
    .sort()
  const started = readdirSync(bin).filter((name) => {
    const stats = statSync(join(bin, name))
    return stats.isFile() && (stats.mode & 0o100) !== 0
  })
  t.same(started.sort(), listed, 'bin/, which Makefile looks into')
  const { bin: commands } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  t.same(commands, Object.fromEntries(listed.map((name) => [name, `bin/${name}`])), 'package.json')
})

/** sh(1): there is no such program. */
const NOT_FOUND = 127

t.test('before a bundle is loaded, the exit codes are those of the table', async (t) => {
  for (const name of ['onescan-queue', 'onescan-plugin-host', 'onescan-clamscan'] as const) {
    t.equal(programs[name].until, slotExit.internalBug, name)
  }
  const script = readFileSync(join(bin, 'onescan-queue'), 'utf8')
  const codes = [...script.matchAll(/\bexit(?:Code)?(?: = |=|\(| )(\d+)/g)]
  const { outOfMemory, config, internalBug } = slotExit
  t.same(
    codes.map(([, code]) => Number(code)),
    [
      ...[NOT_FOUND, NOT_FOUND],
      ...[outOfMemory, outOfMemory],
      ...[config, internalBug, internalBug, internalBug],
    ],
  )
})
