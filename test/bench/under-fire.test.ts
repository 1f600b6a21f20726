import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { clamdMissing } from '../programs/clamd.ts'
import { findProgram } from '../programs/install.mjs'
import { NATIVE } from './contestants.ts'
import { isSound, underFire } from './under-fire.ts'

const skip =
  clamdMissing ||
  (!findProgram('cc') && 'install Debian package gcc') ||
  (['onescanc', 'onescand', 'onescan-queue'].some((name) => !existsSync(join(NATIVE, name))) &&
    'not built: npm run build:native')

t.test('killed with signal 9, no mail is lost, doubled or let through', { skip }, async (t) => {
  const fire = { messages: 2000, atOnce: 8, programs: NATIVE, spool: tmpdir() }
  const aftermath = await underFire(fire)
  const { tally, outcomes, killed } = aftermath
  t.ok(isSound(aftermath), JSON.stringify(aftermath))
  t.ok(tally.accepted > 700, JSON.stringify(outcomes))
  t.ok(killed.daemons > 0)
  t.equal(tally.messages, 2000)
})
