import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isThere } from '../../../src/ground/path/directories.ts'

t.test('a link to nothing is there, and a name below a file is not', async (t) => {
  const directory = t.testdir()
  const file = join(directory, 'file')
  const link = join(directory, 'link')
  const loop = join(directory, 'loop')
  writeFileSync(file, '')
  symlinkSync('nowhere', link)
  symlinkSync('loop', loop)
  for (const path of [directory, file, link, loop]) t.ok(isThere(path), path)
  for (const path of [join(directory, 'other'), join(file, 'below')]) t.notOk(isThere(path), path)
  t.ok(isThere(join(loop, 'below')), 'nobody can tell, so that opening it says why')
})
