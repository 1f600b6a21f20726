import t, { type Test } from 'tap'
import { bytes } from '../cases/case.ts'
import { startOnescand } from '../doors/daemon/process.ts'
import { freePort } from './free-port.ts'
import { postfixMissing, startPostfix } from './postfix.ts'
import { openSmtp } from './smtp-session.ts'

/**
 * The filter of SMTPD_PROXY_README set in main.cf, so that it counts for the server behind the
 * filter, too: each session opens the next one before anything is queued.
 */

const mail = { from: 'ann@example.net', to: ['ben@example.org'], message: bytes('\nhello\n') }

/**
 * Sends through a Postfix that leads back to the filter, and resolves to the replies and the number
 * of connections.
 */
async function goRound(t: Test, settings: Readonly<Record<string, string>>) {
  const [filter, behind] = [await freePort(), await freePort()]
  const main = { relayhost: '', smtpd_proxy_filter: `127.0.0.1:${filter}`, ...settings }
  const services = `127.0.0.1:${behind} inet n - n - - smtpd\n`
  const postfix = await startPostfix(1, main, undefined, { services })
  t.teardown(postfix.stop)
  const daemon = startOnescand(t, {
    args: ['--smtp', `inet:127.0.0.1:${filter}`, '--next', `inet:127.0.0.1:${behind}`],
    settings: { QHPSI: 'plugin: eicar' },
  })
  await daemon.logged(/serving/)
  const session = await openSmtp(postfix.port)
  const sent = await session.send(mail)
  await session.quit()
  await daemon.logged(/fault=chain reason="the next server leads back to this filter" reply=451/)
  const connections = postfix.log().match(/smtpd\[\d+\]: connect from/g)!.length
  return { sent, connections, log: daemon.log.join('\n') }
}

t.test('a Postfix that leads back to the filter is found', { skip: postfixMissing }, async (t) => {
  t.test('at RCPT, without XFORWARD', async (t) => {
    const { sent, connections, log } = await goRound(t, {})
    t.match(sent.rcpt[0], /^451 4\.4\.6 mail goes round: /)
    t.match(log, /smtp: the next server leads back to this filter: mail would go round/)
    t.ok(connections < 50, `${connections} connections: Postfix has 100, the door 200`)
  })

  t.test('at the content, with XFORWARD, for which no Received field is added', async (t) => {
    const { sent, connections } = await goRound(t, {
      smtpd_authorized_xforward_hosts: '127.0.0.0/8',
      smtpd_proxy_options: 'speed_adjust',
    })
    t.match(sent.data, /^451 4\.4\.6 mail goes round: /)
    t.ok(connections < 50, `${connections} connections`)
  })
})
