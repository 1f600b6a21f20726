import { cpSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { plain } from '../../cases/messages.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { withoutQmail, withoutQmailMissing } from '../../programs/host/without-qmail.ts'
import { newest, startOnescand } from './process.ts'

/** onescand where there is no onescan.node, as for a processor that it is not compiled for. */

const skip = withoutQmailMissing

t.test('without onescan.node onescand reports that once, and scans mail', { skip }, async (t) => {
  const home = openDirectory(t)
  const [node, bundle] = newest
  cpSync(join(bundle!, '..'), join(home, 'dist'), { recursive: true })
  const settings = { QHPSI: 'plugin: eicar' }
  const onescand = await startOnescand(t, {
    program: withoutQmail(t, [node!, join(home, 'dist/onescand.cjs')]),
    args: ['--workers', '2'],
    settings,
  })
  const answer = await onescand.ask({ variables: settings, message: plain })
  t.match(answer.log, 'decision=accept')
  t.notMatch(answer.log, 'peer_uid', 'it cannot see who asks')
  const warnings = onescand.log.filter((line) => line.includes('onescan.node'))
  t.equal(warnings.length, 1, warnings.join('\n'))
  t.match(warnings[0], /onescan\.node: cannot open .*; reinstall onescan for x64 or arm64; /)
})
