import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { prepareDirectory } from '../../../tools/try/directory.ts'
import { openDirectory } from '../../programs/host/reachable.ts'

t.test(
  'a directory that is not empty is left alone, and an earlier trial is replaced',
  async (t) => {
    const place = openDirectory(t)
    const env = { INIT_CWD: place }

    const trial = prepareDirectory(['trial'], env)
    t.equal(trial, join(place, 'trial'), 'relative to where the user is')
    t.equal(statSync(trial).mode & 0o777, 0o700, 'keys will lie there')
    mkdirSync(join(trial, 'alpha/Maildir/new'), { recursive: true })
    writeFileSync(join(trial, 'notes'), 'mine')
    prepareDirectory([trial], env)
    t.same(readdirSync(trial).sort(), ['made-by-npm-run-try', 'notes'])

    mkdirSync(join(place, 'other/alpha'), { recursive: true })
    t.throws(() => prepareDirectory(['other'], env), /other is not empty and no earlier trial's/)
    t.same(readdirSync(join(place, 'other')), ['alpha'])
    t.throws(() => prepareDirectory(['one', 'two'], env), /one directory at most/)
    t.throws(() => prepareDirectory(['--help'], env), /takes no option/)
  },
)
