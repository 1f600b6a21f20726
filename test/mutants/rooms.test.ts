import { globSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ROOMS } from './rooms.mjs'

const root = join(import.meta.dirname, '../..')

for (const [room, { files, tests }] of Object.entries(ROOMS)) {
  t.test(`npm run mutants -- ${room} finds the room and its tests`, async (t) => {
    for (const glob of [...files, ...tests]) t.ok(globSync(glob, { cwd: root }).length > 0, glob)
  })
}
