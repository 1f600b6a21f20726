import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeOwnDirectories, ownDirectoriesMissing } from '../programs/host/own-directories.ts'

const selfTest = join(import.meta.dirname, '../../packaging/shipped/scripts/self-test')

t.test(
  'an upgrade while onescan is switched off succeeds, and reports that',
  { skip: ownDirectoriesMissing },
  async (t) => {
    const own = makeOwnDirectories(t, { '/etc': ['onescan'] })
    const file = own.at('/etc/onescan/onescan.off')
    mkdirSync(own.at('/etc/onescan'))
    writeFileSync(file, '')
    const run = () => {
      const [command, ...words] = own.around(['sh', selfTest, join(own.directory, 'no-programs')])
      return spawnSync(command!, words, { encoding: 'utf8' })
    }
    const off = run()
    t.equal(off.status, 0)
    t.match(off.stderr, /^self-test: skipped: \S+onescan\.off exists.*run onescan enable\n$/)
    rmSync(file)
    t.equal(run().status, 1, 'and it is made when the switch is gone')
  },
)
