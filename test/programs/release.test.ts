import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../cases/case.ts'
import { readQuarantine } from '../cases/kept.ts'
import { buildStage } from '../cases/stage.ts'
import { until } from '../run/until.ts'
import { onescan, PLAIN } from '../scanner/cli/onescan.ts'
import { bodyOf } from './header-values.ts'
import { scanningHosts } from './scanning-hosts.ts'
import { openSmtp } from './servers/smtp-session.ts'

/**
 * `onescan quarantine release` to the mail server by which the mail came, which completes and rewrites what programs
 * submit. If the command reports success, the mail is delivered, whatever it was kept for.
 */

const whole =
  'Date: Fri, 27 Nov 2026 12:00:00 +0000\nMessage-ID: <1@example.net>\nFrom: ann@example.net\n'
const deep = Array.from(
  { length: 40 },
  (_, level) => `multipart/mixed; boundary=p${level}\n\n--p${level}\nContent-Type: `,
)

/** Mail that each is kept for a reason of its own, or has what some server changes. */
const mails: Readonly<Record<string, string>> = {
  'a virus': `${whole}Subject: x\n\n${EICAR}\n`,
  'a banned name': `${whole}MIME-Version: 1.0\nContent-Type: application/octet-stream; name=run.exe\n\nx\n`,
  'multiparts nested too deep, none of them closed': `${whole}MIME-Version: 1.0\nContent-Type: ${deep.join('')}text/plain\n\nx\n`,
  'a strange encoding': `${whole}MIME-Version: 1.0\nContent-Transfer-Encoding: odd\n\nx\n`,
  'a header without Date, Message-ID and From': `Subject: x\n\n${EICAR}\n`,
  'addresses without a domain': `From: root\nSender: joe\nErrors-To: joe\nTo: ben, Bob <bob>, eve (Eve)\nCc: carol\nReply-To: dave\n\n${EICAR}\n`,
  'resent mail, and addresses without a domain': `${whole}Resent-From: ann\nResent-To: ben\n\n${EICAR}\n`,
  'fields that servers drop': `${whole}Return-Path: <ann@example.net>\nBcc: eve@example.org\nContent-Length: 3\nFull-Name: Joe\n\n${EICAR}\n`,
  'fields that header_checks change': `${whole}Subject: x\nX-Dropped: x\n\n${EICAR}\n`,
  '8 bits, dots, and no line end': `${whole}Subject: x\n  folded\n\n.\n..\n\xe4 ${EICAR}`,
}

for (const [name, { missing, start }] of Object.entries(scanningHosts)) {
  t.test(
    `what is kept is delivered by a release, through ${name}`,
    { skip: missing },
    async (t) => {
      const stage = buildStage(t)
      const ring = stage.file(
        'ring',
        `hmac-sha256:a:${Buffer.alloc(32, 1).toString('base64url')}:release\n`,
      )
      const host = await start(t, stage, ring)
      // The one of the machine may be another server's, and servers ask for its configuration.
      const taken = (name: string) => readFileSync(join(stage.directory, name))
      const script = stage.file(
        'sendmail',
        `#!/bin/sh\ncd ${stage.directory}\ncat >message; printf '%s\\n' "$@" >words\n`,
        0o755,
      )
      const instead = 'mount --bind "$0" /usr/sbin/sendmail && exec "$@"'
      const around = ['unshare', '--mount', 'sh', '-c', instead, script]
      const ids = async () =>
        (await readQuarantine(stage.quarantine)).map(({ record: { id } }) => id)
      const release = async (what: string, text: string, to: string, ways: readonly string[]) => {
        for (const way of ways) {
          const before = await ids()
          const session = await openSmtp(host.port, host.client)
          const message = bytes(text)
          const { data } = await session.send({ from: 'ann@example.net', to: [to], message }) // biome-ignore format: a line
          t.match(data, /^250 /, what)
          await session.quit()
          const [id = '', ...more] = (await ids()).filter((id) => !before.includes(id))
          t.same([id !== '', more], [true, []], `${what}: it is kept`)
          const count = (await host.delivered()).length
          const place = way === 'SMTP' ? `127.0.0.1:${host.port}` : 'sendmail'
          const by = ['--by', place, '--env', `CLUSTERKEYS=${ring}`]
          const words = ['quarantine', 'release', id, '--directory', stage.quarantine, ...by]
          const giveTo = (account: number) =>
            execFileSync('chown', ['-R', `${account}`, stage.quarantine, ring, stage.directory])
          giveTo(PLAIN)
          const { code, err } = await onescan(words, way === 'SMTP' ? {} : { around })
          giveTo(0)
          t.equal(code, 0, `${what}: ${err}`)
          if (way !== 'SMTP') {
            host.submit!(taken('message'), taken('words').toString('latin1').trimEnd().split('\n'))
          }
          const isKeptAgain = async () => (await ids()).length > before.length + 1
          await until(
            async () => (await host.delivered()).length > count || (await isKeptAgain()),
            `${what} is delivered`,
          )
          t.notOk(await isKeptAgain(), `${what}, by ${way}: it is not kept again`)
          const last = bodyOf((await host.delivered()).at(-1)!).toString('latin1')
          if (name !== 'Sendmail') {
            const body = bodyOf(message).toString('latin1').trimEnd()
            t.equal(last.trimEnd(), body, `${what}, by ${way}: the body`)
          }
        }
      }
      for (const [what, text] of Object.entries(mails)) {
        const ways = host.submit ? ['SMTP', 'sendmail'] : ['SMTP']
        if (!host.refused?.test(what)) await release(what, text, 'ben@example.org', ways)
      }
      const { rewritten } = host
      if (rewritten)
        await release('a rewritten recipient', `${whole}\n${EICAR}\n`, rewritten, ['SMTP'])
    },
  )
}
