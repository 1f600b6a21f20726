import t from 'tap'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { freePort } from '../../../programs/host/free-port.ts'
import { makeAuthority, opensslMissing } from '../../../programs/servers/certificates.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { isWhole } from '../../../run/is-whole.ts'
import { type RunningDaemon, startOnescand } from '../../daemon/process.ts'

/** Three mail hosts share two scanners by TLS, and one scanner is killed amid the mail. */

const MAILS = isWhole ? 5000 : 240
const CLIENTS_OF_HOST = 4
/** Of all messages. */
const DEFERRED_MAX = 0.01

const plugin = { QHPSI: 'plugin: clamd', VERDICTS: 'off' }

const isInfected = (n: number) => n % 7 === 0
const mail = (n: number) =>
  Buffer.from(
    `From: ann@example.org\nSubject: mail ${n}\n\n${isInfected(n) ? EICAR : `Hello ${n}`}\n${'a line\n'.repeat((n % 40) * 100)}`,
  )

type Fate = 'right' | 'deferred' | 'standalone' | 'unscanned'

async function fateOf(
  { ask }: RunningDaemon,
  n: number,
  variables: Readonly<Record<string, string>>,
) {
  const { does, code = 0, log } = await ask({ message: mail(n), variables })
  if (does === 'go standalone') return 'standalone'
  if (code === 71 || code === 81) return 'deferred'
  const isRight = isInfected(n)
    ? does === 'end' && log.includes(' scan=infected ')
    : does === 'hand on' && log.includes(' scan=clean ')
  return isRight ? 'right' : 'unscanned'
}

t.test(
  `${MAILS} mails of three hosts, and one of two scanners is killed`,
  { skip: clamdMissing || opensslMissing },
  async (t) => {
    const authority = makeAuthority(t)
    const ports = [await freePort(), await freePort()]
    const scanners: RunningDaemon[] = []
    for (const [index, port] of ports.entries()) {
      const clamd = await startClamd(t, { alertExceedsMax: true })
      const own = authority.certify(`scan${index}`)
      const settings = { ...plugin, CLAMD: clamd.socket, ...own }
      scanners.push(
        await startOnescand(t, { settings, args: ['--clamd-mail', `tls:127.0.0.1:${port}`] }),
      )
    }
    const CLAMD = ports.map((port) => `tls://127.0.0.1:${port}`).join(' ')
    const started = ['mx1', 'mx2', 'mx3'].map(async (name) => {
      const variables = { ...plugin, REJECTVIRUS: '1', CLAMD, ...authority.certify(name) }
      return { host: await startOnescand(t, { settings: variables }), variables }
    })
    const hosts = await Promise.all(started)
    const fates: Record<Fate, number> = { right: 0, deferred: 0, standalone: 0, unscanned: 0 }
    let next = 0
    const clients = hosts.flatMap(({ host, variables }) =>
      Array.from({ length: CLIENTS_OF_HOST }, async () => {
        for (let n = next++; n < MAILS; n = next++) {
          if (n === MAILS >> 1) scanners[0]!.kill()
          fates[await fateOf(host, n, variables)]++
        }
      }),
    )
    await Promise.all(clients)
    t.comment(JSON.stringify(fates))
    t.equal(fates.right + fates.deferred, MAILS, 'none is lost, and each is scanned or deferred')
    t.ok(fates.deferred <= DEFERRED_MAX * MAILS, `${fates.deferred} deferred`)
    for (const scanner of scanners) {
      const scans = scanner.log.filter((line) => / scan=(?:clean|infected) /.test(line)).length
      t.ok(scans > MAILS / 10, `a scanner has judged ${scans}`)
    }
  },
)
