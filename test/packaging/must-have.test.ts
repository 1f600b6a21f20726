import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDirectory } from '../programs/reachable.ts'

/** What a newcomer reads if the machine lacks what a build needs: `npm run package`. */

const packaging = join(import.meta.dirname, '../../packaging')

function run(script: string, programs: readonly string[], ...words: string[]) {
  const directory = join(openDirectory(t), 'bin')
  mkdirSync(directory)
  for (const name of programs) symlinkSync('/bin/true', join(directory, name))
  return spawnSync(process.execPath, [join(packaging, script), ...words], {
    encoding: 'utf8',
    env: { PATH: directory },
  })
}

const headers = existsSync('/usr/include/stdio.h') ? '' : ' libc6-dev'

t.test('programs that are missing are named in one line, with how to get them', async (t) => {
  for (const script of ['must-have.mjs', 'package.mjs']) {
    const { status, stdout, stderr } = run(script, ['readelf', 'dpkg-deb'])
    const names = `git gcc${headers}`
    t.same(
      [status, stdout, stderr],
      [1, '', `package: ${names}: is missing; apt install ${names}\n`],
      script,
    )
  }
})

t.test(
  'must-have.mjs prints nothing on a machine that has all programs',
  { skip: headers && 'install Debian package libc6-dev' },
  async (t) => {
    const { status, stderr } = run('must-have.mjs', ['git', 'gcc', 'readelf', 'dpkg-deb'])
    t.same([status, stderr], [0, ''])
  },
)

t.test('without dpkg-source only the source package is not made', async (t) => {
  const line = 'no source package: dpkg-source is missing; apt install dpkg-dev\n'
  t.match(run('source-package.mjs', [], '--if-possible'), { status: 0, stderr: line })
  t.match(run('source-package.mjs', []), { status: 1, stderr: line })
})
