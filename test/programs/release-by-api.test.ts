import { execFileSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { readQuarantine } from '../cases/kept.ts'
import { type BuiltStage, buildStage } from '../cases/stage.ts'
import { lacks } from '../needs.mjs'
import { until } from '../run/until.ts'
import { PLAIN } from '../scanner/cli/onescan.ts'
import { ask } from '../scanner/daemon/http/quarantine-rig.ts'
import { serve } from '../scanner/daemon/http/rig.ts'
import { startOnescand } from '../scanner/daemon/process.ts'
import { startNext } from '../scanner/doors/smtp/next-server.ts'
import { keepOne, makeQuarantine } from '../scanner/scan/quarantine/quarantined.ts'
import { bodyOf } from './header-values.ts'
import { scanningHosts } from './scanning-hosts.ts'

/** Releases over HTTP to a mail server whose onescand, on another host, accepts the stamp, and neither scans nor keeps it. */

const TOKEN = 'a-token-of-ann-0123456789'

interface SecondHost {
  readonly port: number
  /** The messages that it has delivered. */
  delivered(): Promise<readonly Buffer[]>
}

/** qmail-smtpd is not free to distribute: what it gets is passed to its slot, which asks onescand. */
async function startQmail(t: Test, stage: BuiltStage, ring: string): Promise<SecondHost> {
  const next = await startNext(t)
  const settings = { QHPSI: 'plugin: eicar', CLUSTERKEYS: ring, QUARANTINE: stage.quarantine }
  const onescand = await startOnescand(t, { settings })
  const passed: Buffer[] = []
  return {
    port: next.port,
    async delivered() {
      for (const { sender, recipients, content } of next.got.slice(passed.length)) {
        const envelope = Buffer.from(`F${sender}\0${recipients.map((to) => `T${to}\0`).join('')}\0`, 'latin1') // biome-ignore format: a line
        const message = Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
        const outcome = await onescand.ask({ envelope, message, variables: settings })
        if (outcome.does !== 'hand on') throw new Error(`${outcome.does}: ${outcome.log}`)
        t.match(outcome.log, /scan=skipped .*has the stamp of a release key/)
        passed.push(outcome.message)
      }
      return passed
    },
  }
}

const { Postfix, Exim } = scanningHosts
const hosts = {
  Postfix: Postfix!,
  Exim: Exim!,
  qmail: { missing: lacks('root'), start: startQmail },
}

for (const [name, { missing, start }] of Object.entries(hosts)) {
  t.test(
    `a release over HTTP is accepted by a second host, ${name}`,
    { skip: missing },
    async (t) => {
      const stage = buildStage(t)
      const key = `hmac-sha256:a:${Buffer.alloc(32, 1).toString('base64url')}:release\n`
      const second: SecondHost = await start(t, stage, stage.file('ring', key))

      // The first host has other files, of another account.
      const own = buildStage(t)
      const QUARANTINE = makeQuarantine(t)
      const text = `Date: Fri, 27 Nov 2026 12:00:00 +0000\nMessage-ID: <1@example.net>\nFrom: ann@example.net\nSubject: x\n\n${EICAR}\n`
      const recipients = ['ben@example.org', 'eve@example.org']
      const id = await keepOne(QUARANTINE, Date.now(), {
        text,
        recipients,
        sender: 'ann@example.net',
      })
      const ring = own.file('ring', key)
      const tokens = own.file('tokens', `ann ${TOKEN}\n`)
      execFileSync('chown', ['-R', String(PLAIN), QUARANTINE, own.directory])
      const { port } = await serve(t, {
        uid: PLAIN,
        args: ['--http-quarantine', tokens, '--http-release', `127.0.0.1:${second.port}`],
        settings: { QUARANTINE, CLUSTERKEYS: ring },
      })
      const release = (body: object, key: string) =>
        ask(port, 'POST', `/quarantine/v1/messages/${id}/release`, body, {
          Authorization: `Bearer ${TOKEN}`,
          'Idempotency-Key': key,
        })
      const some = await release({ to: ['ben@example.org'] }, '1')
      t.match([some.status, some.json], [200, { recipients: ['ben@example.org'], answer: /^250/ }])
      await until(async () => (await second.delivered()).length === 1, 'it is delivered')
      const again = await release({ to: ['ben@example.org'] }, '1')
      t.same(again.json, some.json, 'the same request sends nothing')
      const other = await release({ to: ['ben@example.org'], again: true }, '2')
      t.equal(other.status, 200, other.text)
      await until(async () => (await second.delivered()).length === 2, 'another request does')
      for (const message of await second.delivered())
        t.equal(bodyOf(message).toString('latin1').trimEnd(), EICAR)
      t.same(await readQuarantine(stage.quarantine), [], 'the second host keeps nothing')
    },
  )
}
