import t from 'tap'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../cases/case.ts'
import { startOnescand } from '../scanner/daemon/process.ts'
import { freePort } from './host/free-port.ts'
import { postfixMissing, startPostfix } from './servers/postfix.ts'
import { startReceiver } from './servers/smtp-receiver.ts'
import { sendMail } from './servers/smtp-session.ts'

/** Mail whose header or structure is made to cost much, all at once through a real Postfix. */

const MIB = 1024 * 1024
const repeated = (text: string, length: number) => text.repeat(Math.ceil(length / text.length))
const multipart = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n'

const hostile: Readonly<Record<string, string>> = {
  'tiny fields': `${repeated('a:\n', MIB - 4096)}\nhello\n`,
  'tiny fields about content': `${repeated('Content-Type:\n', MIB - 4096)}\nhello\n`,
  'a field of encoded words': `Subject: ${repeated('=?b?b?b?', MIB - 4096)}\n\nhello\n`,
  'folded encoded words': `Subject: x\n${repeated(' =?utf-8?q?x?=\n', MIB - 4096)}\nhello\n`,
  'tiny parts': `${multipart}${repeated('--b\n\nx\n', 24 * 1024)}`,
  'tiny parts and a virus': `${multipart}${repeated('--b\n\nx\n', 2048)}--b\n\n${EICAR}\n--b--\n`,
}

for (const way of ['milter', 'proxy']) {
  t.test(`six such mails at once, by ${way}`, { skip: postfixMissing }, async (t) => {
    const receiver = await startReceiver(t)
    const port = await freePort()
    const door = `inet:127.0.0.1:${port}`
    const asked = way === 'milter' && { smtpd_milters: door, milter_default_action: 'tempfail' }
    const main = { header_size_limit: String(2 * MIB), ...asked }
    const postfix = await startPostfix(t, receiver.port, main, {
      smtpd: (at) =>
        `127.0.0.1:${at} inet n - n - - smtpd${way === 'proxy' ? ` -o smtpd_proxy_filter=127.0.0.1:${port}` : ''}`,
    })
    const next = ['--smtp', door, '--next', `inet:127.0.0.1:${receiver.port}`]
    const onescand = await startOnescand(t, {
      args: way === 'milter' ? ['--milter', door] : next,
      settings: { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' },
    })
    /** Sends a message on a connection of its own, and resolves to the reply, without the queue id. */
    const send = async (text: string) => {
      const mail = { from: 'a@example.net', to: ['b@example.org'], message: bytes(text) }
      const { data } = await sendMail(postfix.port, mail)
      return data.replace(/^(250 2\.0\.0 ).*/s, '$1')
    }
    const alone: string[] = []
    for (const text of Object.values(hostile)) alone.push(await send(text))
    t.match(alone.at(-1), /^5\d\d .*virus/i)
    t.notOk(
      alone.some((reply) => reply.startsWith('4')),
      `each has a verdict: ${alone.join(' / ')}`,
    )
    const others = Array.from({ length: 12 }, (_, number) => {
      return send(`Subject: ${number}\n\n${number % 2 === 0 ? 'hello' : EICAR}\n`)
    })
    const together = await Promise.all(Object.values(hostile).map((text) => send(`N: 1\n${text}`)))
    t.same(together, alone, 'each has the verdict that it has alone')
    for (const [number, reply] of (await Promise.all(others)).entries()) {
      t.match(reply, number % 2 === 0 ? /^250 / : /^5\d\d .*virus/i)
    }
    t.notMatch(onescand.log.join('\n'), /worker \d+ .*ended/, 'no worker died')
  })
}
