import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../../../src/base/check/check-line.ts'
import { about } from '../../../../check-lines.ts'
import { lacks } from '../../../../needs.mjs'
import { openDirectory, reachable } from '../../../../programs/host/reachable.ts'
import { ucspiMissing } from '../../../../programs/servers/ucspi.ts'
import { newest, startOnescand } from '../../../daemon/process.ts'
import { asPlain, jsonIn, ofPlain, onescan } from '../../onescan.ts'
import { startService, tcpserver } from '../service.ts'
import { placeIn, putQmail } from '../set-ups/set-ups.ts'

/** The limits of an SMTP service under which onescanc runs, and no standalone program starts. */

const onescanc = join(import.meta.dirname, '../../../../../build/native/onescanc')
const skip = lacks('the client') || ucspiMissing

/** Runs check under the softlimit of the qmail how-tos, with the slot at this socket. */
async function check(t: Test, socket: string): Promise<readonly CheckLine[]> {
  const place = placeIn(openDirectory(t))
  putQmail(place)
  const pid = await startService(t, ['softlimit', '-m', '3000000', ...tcpserver()], {
    env: {
      QMAILHOME: '/nonexistent',
      QUEUECHAIN: place.at('bin/qmail-queue'),
      QHPSI: 'plugin: eicar',
      QMAILQUEUE: onescanc,
      ONESCAN_SOCKET: socket,
    },
  })
  const { out } = await onescan(['check', '--pid', pid, '--json'])
  return jsonIn<CheckLine>(out).results
}

t.test('while onescand answers, check warns of what happens without it', { skip }, async (t) => {
  const settings = { QHPSI: 'plugin: eicar', QMAILHOME: '/nonexistent' }
  const place = ofPlain(openDirectory(t))
  const daemon = await startOnescand(t, {
    program: [...asPlain(), ...newest.map(reachable)],
    socket: `${place}/qmail.sock`,
    settings: { ...settings, TMPDIR: place },
  })
  const checkLines = await check(t, daemon.socket)
  t.match(about(checkLines, /^qmail, without onescand$/), {
    level: 'warning',
    value:
      /^exits 71 .* with a limit of 3000000 bytes of memory: mail is deferred while onescand cannot answer$/,
    remedy: /^use "softlimit -a 4000000000" in the run script, /,
  })
  const eicar = about(checkLines, /^qmail, EICAR$/)
  t.equal(eicar?.level, 'ok', 'the test message is as the mail', { checkLines })
  t.same(
    checkLines.filter(({ level, value }) => level === 'error' && !/smtpd as root$/.test(value)),
    [],
  )
})

t.test('without onescand no mail gets through', { skip }, async (t) => {
  const checkLines = await check(t, '/nonexistent/qmail.sock')
  t.match(
    checkLines.filter(({ what }) => what === 'qmail, clean message'),
    [
      {
        level: 'error',
        value: /with a limit of 3000000 bytes/,
        remedy: /^use "softlimit -a 4000000000" in the run script, /,
      },
    ],
  )
})
