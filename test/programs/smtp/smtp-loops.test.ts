import t from 'tap'
import { bytes } from '../../cases/case.ts'
import { startOnescand } from '../../scanner/daemon/process.ts'
import { freePort } from '../host/free-port.ts'
import { postfixMissing, startPostfix } from '../servers/postfix.ts'
import { sendMail } from '../servers/smtp-session.ts'

/**
 * The filter of SMTPD_PROXY_README set in main.cf, so that it applies to the server behind the
 * filter, too: each session opens the next one before anything is queued.
 */

const mail = { from: 'ann@example.net', to: ['ben@example.org'], message: bytes('\nhello\n') }

/** The most sessions of the door. Postfix has 100. */
const CLIENTS = 10

t.test(
  'mail goes round through Postfix until a limit defers it',
  { skip: postfixMissing },
  async (t) => {
    for (const [how, settings, step] of [
      // promise: rule-10-loops, proxy-no-filter
      ['at RCPT, without XFORWARD', {}, 'rcpt'],
      // promise: rule-10-loops
      [
        'at the content, with XFORWARD, for which no Received field is added',
        { smtpd_authorized_xforward_hosts: '127.0.0.0/8', smtpd_proxy_options: 'speed_adjust' },
        'data',
      ],
    ] as const) {
      t.test(how, async (t) => {
        const [filter, behind] = [await freePort(), await freePort()]
        const main = { relayhost: '', smtpd_proxy_filter: `127.0.0.1:${filter}`, ...settings }
        const services = `127.0.0.1:${behind} inet n - n - - smtpd\n`
        const postfix = await startPostfix(t, 1, main, { services })
        const route = ['--smtp', `inet:127.0.0.1:${filter}`, '--next', `inet:127.0.0.1:${behind}`]
        const daemon = await startOnescand(t, {
          args: [...route, '--max-clients', String(CLIENTS)],
          settings: { QHPSI: 'plugin: eicar' },
        })
        const sent = await sendMail(postfix.port, mail)
        t.match([sent[step]].flat()[0], /^451 4\.3\.0 /)
        t.match(daemon.log.join('\n'), /over 10 connections at once \(--max-clients\)/)
        const connections = postfix.log().match(/smtpd\[\d+\]: connect from/g)!.length
        t.ok(connections <= CLIENTS + 1, `${connections} connections`)
      })
    }
  },
)
