import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findStorageOff } from '../../../../src/scanner/cli/host/check-journal.ts'

/** journald.conf(5); test/packaging/remedies.test.ts has a booted host whose journal keeps nothing. */

t.test(
  'the last of the files with settings of the journal decides whether it keeps lines',
  async (t) => {
    const top = t.testdir()
    const directories = ['lib', 'etc'].map((name) => join(top, name))
    const put = (path: string, storage: string) => {
      mkdirSync(join(top, path, '..'), { recursive: true })
      writeFileSync(join(top, path), `[Journal]\n#Storage=auto\n${storage}\n`)
      return join(top, path)
    }
    const isOff = (file: string | undefined, message: string) =>
      t.equal(findStorageOff(directories), file, message)
    isOff(undefined, 'no file')
    const main = put('lib/journald.conf', 'Storage=none')
    isOff(main, 'the file of the package')
    put('etc/journald.conf', '')
    isOff(undefined, 'the file of the administrator replaces it')
    const added = put('etc/journald.conf.d/20-own.conf', ' Storage = none')
    isOff(added, 'an addition')
    put('lib/journald.conf.d/30-more.conf', 'Storage=volatile')
    isOff(undefined, 'a later one')
    put('etc/journald.conf.d/30-more.conf', '')
    isOff(added, 'which another one replaces')
    put('etc/journald.conf.d/20-own.conf', 'Storage=none\nStorage=auto')
    isOff(undefined, 'the last line')
  },
)
