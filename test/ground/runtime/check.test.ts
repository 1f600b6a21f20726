import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { compiled } from '../../doors/slot/slot.ts'

/** onescan check, compiled, on a host without Node. */

const onescan = join(dirname(compiled), 'onescan')
const skip = !existsSync(onescan) && 'run npm run build:native; install Debian package gcc'

/** The findings under this run script. */
function check(run: string): string {
  const words = ['check', '--run', run, ...(process.getuid!() === 0 ? ['--user', 'root'] : [])]
  const { stdout } = spawnSync(onescan, words, { env: { PATH: '/nonexistent' }, encoding: 'utf8' })
  return stdout
}

t.test(
  'onescan check needs no Node, and names the runtime of the compiled programs',
  { skip },
  (t) => {
    const run = join(t.testdir({ run: '#!/bin/sh\nexec tcpserver 0 25 qmail-smtpd\n' }), 'run')
    const findings = check(run)
    t.match(findings, /^ok +runtime: compiled, with Bun \d/m)
    t.match(findings, /^ok +memory limits: none$/m)
    t.match(findings, /^ok +slot: \S*\/onescan-queue /m)
    t.end()
  },
)

t.test(
  'a limit that is too small, or nearly, is found before the program starts',
  { skip },
  (t) => {
    const run = (limit: number) =>
      join(t.testdir({ run: `#!/bin/sh\nexec softlimit -a ${limit} tcpserver 0 25 x\n` }), 'run')
    t.match(check(run(300_000_000)), /^error +memory limits: .*the compiled runtime cannot start/m)
    t.match(check(run(600_000_000)), /^warning +memory limits: .*just starts; set 1 GiB/m)
    t.match(check(run(1_073_741_824)), /^ok +memory limits: 1073741824 bytes/m)
    t.end()
  },
)
