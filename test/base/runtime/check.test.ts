import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { lacks } from '../../needs.mjs'
import { ucspiMissing } from '../../programs/servers/ucspi.ts'
import { startService, tcpserver } from '../../scanner/cli/check/service.ts'
import { compiled } from '../../scanner/doors/slot/slot.ts'

/** onescan check, compiled, on a host without Node. */

const onescan = join(dirname(compiled), 'onescan')
const skip = lacks('the compiled programs') || ucspiMissing

/** The findings about a service that is started by these words. */
async function check(t: Test, ...words: string[]): Promise<string> {
  const own = { QMAILQUEUE: compiled }
  const pid = await startService(t, [...words, ...tcpserver()], { env: own })
  const env = { PATH: '/nonexistent' }
  return spawnSync(onescan, ['check', '--pid', pid], { env, encoding: 'utf8' }).stdout
}

t.test('onescan check needs no Node', { skip }, async (t) => {
  t.match(await check(t), /^ok +qmail-queue program: \S*\/onescan-queue$/m)
})
