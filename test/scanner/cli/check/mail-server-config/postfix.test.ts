import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ProcEntry } from '../../../../../src/base/process/proc-entry.ts'
import { checkMasterRead } from '../../../../../src/scanner/cli/check/mail-server-config/postfix.ts'
import { linesOf } from '../../../../check-lines.ts'

/** What processes of Postfix show about the settings that they have read. */

t.test(
  'master.cf is to be read again if it is newer than the process that a reload starts',
  async (t) => {
    const directory = t.testdir({ 'master.cf': 'smtp inet n - y - - smtpd\n' })
    const postfix = { main: { config_directory: directory }, queue: process.cwd() }
    const self = new ProcEntry(process.pid)
    // A manager of queues that was started with this process.
    const manager = Object.assign(new ProcEntry(process.pid), {
      status: () => ({ ...self.status()!, name: 'qmgr' }),
    })
    const at = (ms: number) => {
      const time = new Date(self.startedAt() + ms)
      utimesSync(join(directory, 'master.cf'), time, time)
      return linesOf(checkMasterRead(postfix, [self, manager]))
    }
    t.same(at(-60_000), [])
    t.same(at(1_000), [], 'the kernel reports its boot in seconds')
    t.match(at(60_000), [
      /^warning master\.cf: \S+\/master\.cf has changed since Postfix read it, .*; postfix reload$/,
    ])
    t.same(linesOf(checkMasterRead(postfix, [self])), [], 'Postfix does not run')
    t.same(
      linesOf(checkMasterRead({ ...postfix, queue: '/other' }, [manager])),
      [],
      'another Postfix',
    )
  },
)
