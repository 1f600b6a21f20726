import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { startService, tcpserver } from '../../cli/check/service.ts'
import { compiled } from '../../doors/slot/slot.ts'
import { ucspiMissing } from '../../programs/ucspi.ts'

/** onescan check, compiled, on a host without Node. */

const onescan = join(dirname(compiled), 'onescan')
const skip =
  (!existsSync(onescan) && 'run npm run build:native; install Debian package gcc') || ucspiMissing

/** The findings about a service that is started by these words. */
async function check(t: Test, ...words: string[]): Promise<string> {
  const pid = await startService(t, [...words, ...tcpserver()])
  const asSelf = process.getuid!() === 0 ? ['--user', 'root'] : []
  const env = { PATH: '/nonexistent' }
  return spawnSync(onescan, ['check', '--pid', pid, ...asSelf], { env, encoding: 'utf8' }).stdout
}

t.test(
  'onescan check needs no Node, and names the runtime of the compiled programs',
  { skip },
  async (t) => {
    const findings = await check(t)
    t.match(findings, /^ok +runtime: compiled, with Bun \d/m)
    t.match(findings, /^ok +memory limits: (none|\d+ bytes of stack)$/m)
    t.match(findings, /^ok +slot: \S*\/onescan-queue /m)
  },
)

t.test('a limit that is too small, or nearly, is found', { skip }, async (t) => {
  const under = (limit: number) => check(t, 'softlimit', '-a', String(limit))
  t.match(await under(300_000_000), /^error +memory limits: .*the compiled runtime cannot start/m)
  t.match(await under(600_000_000), /^warning +memory limits: .*just starts; set 1 GiB/m)
  t.match(await under(1_073_741_824), /^ok +memory limits: 1073741824 bytes/m)
})
