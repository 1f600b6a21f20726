import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkOldProcesses } from '../../../../src/cli/check/mail-servers/old-processes.ts'

/** Processes of Postfix that were started before main.cf was changed. */

const QUEUE = '/var/spool/postfix'
/** Seconds since 1970. */
const BOOT = 1_700_000_000

t.test(
  'only processes of this Postfix that ask milters count, if they are older than main.cf',
  async (t) => {
    const directory = t.testdir({ proc: {}, 'main.cf': '' })
    const proc = join(directory, 'proc')
    const file = join(directory, 'main.cf')
    const process = (pid: string, name: string, cwd: string, seconds: number) => {
      mkdirSync(join(proc, pid))
      writeFileSync(join(proc, pid, 'comm'), `${name}\n`)
      symlinkSync(cwd, join(proc, pid, 'cwd'))
      const fields = Array.from({ length: 18 }, () => '0').join(' ')
      writeFileSync(join(proc, pid, 'stat'), `${pid} (${name}) S ${fields} ${seconds * 100} 0\n`)
    }
    writeFileSync(join(proc, 'stat'), `cpu 1\nbtime ${BOOT}\n`)
    process('10', 'smtpd', QUEUE, 100)
    process('11', 'cleanup', QUEUE, 150)
    process('12', 'qmgr', QUEUE, 10)
    process('13', 'smtpd', '/var/spool/postfix-other', 10)
    const changedAt = (seconds: number) => {
      utimesSync(file, BOOT + seconds, BOOT + seconds)
      return checkOldProcesses(proc, file, QUEUE)
    }
    t.same(changedAt(90), [], 'all are younger')
    t.match(changedAt(120), [{ level: 'warning', value: /and 1 of its/, remedy: 'postfix reload' }])
    t.match(changedAt(200), [
      { value: /main\.cf has changed, and 2 of its processes still have its old settings/ },
    ])
    t.same(checkOldProcesses('/nonexistent', file, QUEUE), [])
  },
)
