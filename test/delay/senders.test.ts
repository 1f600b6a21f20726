import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../programs/host/free-port.ts'
import { startServer } from '../programs/host/server.ts'
import { postfixMissing, startPostfix } from '../programs/servers/postfix.ts'
import { qpsmtpdMissing, queueOfNobody, startQpsmtpd } from '../programs/servers/qpsmtpd.ts'
import { sendBySmtp } from '../programs/servers/swaks.ts'
import {
  compileRules,
  envdirMissing,
  TCPSERVER_READY,
  type TcpServer,
  ucspiMissing,
} from '../programs/servers/ucspi.ts'
import { until } from '../run/until.ts'
import { startDns } from './dns-stand-in.ts'
import { launcher, visit } from './rig.ts'

/**
 * The run scripts that the pages quote, with real programs on both sides: swaks and
 * Postfix send, tcpserver and rblsmtpd surround smtp-delay, and qpsmtpd takes the mail.
 */

const root = join(import.meta.dirname, '../..')
const skip = ucspiMissing || envdirMissing || qpsmtpdMissing || postfixMissing

/** The address of the test's DNS server. It needs port 53, since rblsmtpd asks no other one. */
const DNS_ADDRESS = '127.83.109.53'

const mail = { from: 'ann@example.net', to: 'ben@example.org', message: 'Subject: x\n\nhello\n' }

t.test('senders that wait deliver, early talkers do not', { skip }, async (t) => {
  await startDns(t, {}, DNS_ADDRESS)
  const { port, delivered } = await receiver(t)

  for (const { script, refusedBy } of [
    { script: 'run-delay-before-rblsmtpd', refusedBy: /^rblsmtpd: 127\.0\.0\.1 pid \d+: 451 your/ },
    {
      script: 'run-delay-after-rblsmtpd',
      refusedBy: /^onescan: .* event=refused .* remote=127\.0\.0\.1 reply=451 reason="your/,
    },
    {
      script: 'run-delay-gate',
      refusedBy: /^onescan: .* event=refused .* remote=127\.0\.0\.1 reply=451 reason="your/,
    },
    {
      script: 'run-delay-alone',
      refusedBy: /^onescan: .* event=refused .* remote=127\.0\.0\.1 reply=451 reason="your/,
    },
  ]) {
    t.test(script, async (t) => {
      const front = await startFront(script, port)
      t.teardown(front.stop)
      const before = delivered()

      // First: the gate remembers who has behaved, and those who follow have the same address.
      const conversation = 'EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<ben@example.org>\r\n'
      const { replies } = await visit(front.port, { early: conversation, late: 'QUIT\r\n' })
      t.match(replies, /^451 your mail server talked before it was greeted/m)
      t.match(replies, /^221 /m)
      t.equal(front.log.filter((line) => refusedBy.test(line)).length, 1, 'and it is logged')
      t.equal(delivered(), before)

      const sent = await sendBySmtp({ port: front.port, ...mail })
      t.equal(sent.code, 0, sent.code === 0 ? 'sent' : sent.transcript)
      t.equal(delivered(), before + 1, 'swaks')

      const postfix = await startPostfix(t, front.port)
      t.equal((await sendBySmtp({ port: postfix.port, ...mail })).code, 0)
      await until(() => postfix.log().includes('status=sent'), 'Postfix delivers')
      t.equal(delivered(), before + 2, 'Postfix')
    })
  }
})

/** Starts qpsmtpd with a stand-in qmail-queue, which counts the messages that it takes. */
async function receiver(t: Test): Promise<{ port: number; delivered: () => number }> {
  const { program, MAILDIR, delivered } = queueOfNobody(t)
  const server = await startQpsmtpd(t, { program, environment: { ...process.env, MAILDIR } })
  return { port: server.port, delivered }
}

/** Runs an example script with a free port, shorter delays, and a relay to `smtpPort` as its server. */
async function startFront(
  script: string,
  smtpPort: number,
): Promise<Pick<TcpServer, 'log' | 'port' | 'stop'>> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-front-'))
  const port = await freePort()
  const places = {
    '/etc/tcp.smtp.cdb': compileRules(directory, ':allow\n'),
    ...(script === 'run-delay-gate'
      ? {
          '--listen 25': `--listen 127.0.0.1:${port} -1`,
          '-u "$(id -u qmaild)" -g "$(id -g onescan)"': '',
          'smtp-delay --': `'${launcher}' --`,
          'ulimit -n 20000': '',
        }
      : {
          'id -u qmaild': 'echo 0', // who cannot change users stays who he is
          'id -g onescan': 'echo 0',
          ' 0 25 ': ` 127.0.0.1 ${port} `,
          'smtp-delay -': `'${launcher}' -`,
        }),
    '-d 1 -D 10 -N 20': '-d .3 -D .3 -N .3 -P .1',
    // Both ways to qpsmtpd, byte for byte.
    '/var/qmail/bin/qmail-smtpd': `tcpclient -RHl0 127.0.0.1 ${smtpPort} sh -c 'exec 3<&0; cat <&3 >&7 & exec cat <&6 7>&-'`,
    'exec 2>&1': '', // its log is read on stderr here
  }
  let text = readFileSync(join(root, 'packaging/shipped/examples/qmail', script), 'utf8').replace(
    /^#.*\n/gm,
    '',
  )
  for (const [from, to] of Object.entries(places)) {
    if (!text.includes(from)) throw new Error(`${script}: no ${from}`)
    text = text.replaceAll(from, to)
  }
  // The gate prints its port when it listens, tcpserver a line.
  const daemon = await startServer(
    ['/bin/sh', '-c', text.replace('exec softlimit', 'exec >&2 softlimit')],
    script === 'run-delay-gate' ? /^\d+$/ : TCPSERVER_READY,
    { env: { PATH: process.env.PATH, DNSCACHEIP: DNS_ADDRESS } },
  )
  const stop = () =>
    daemon.stop().finally(() => rmSync(directory, { recursive: true, force: true }))
  return { log: daemon.log, port, stop }
}
