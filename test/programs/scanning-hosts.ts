import { execFileSync } from 'node:child_process'
import type { Test } from 'tap'
import type { BuiltStage } from '../cases/stage.ts'
import { startOnescand } from '../scanner/daemon/process.ts'
import { example } from './example.ts'
import { freePort } from './host/free-port.ts'
import { eximMissing, makeEximHost, startExim } from './servers/exim.ts'
import { mtas, openPassage } from './servers/milter-mtas.ts'
import { postfixMissing, startPostfix } from './servers/postfix.ts'
import { sendmailMissing } from './servers/sendmail.ts'

/** Mail servers that ask an onescand, which keeps what it finds and accepts what was released with the keyring. */

const settings = ({ quarantine }: BuiltStage, CLUSTERKEYS: string) => ({
  QHPSI: 'plugin: eicar',
  CLUSTERKEYS,
  CLAMDBDIR: '/nonexistent',
  QUARANTINE: quarantine,
  BADATTACHMENTS: '*.exe',
  UNREAD: 'quarantine',
  STRICTMIME: 'quarantine',
})

/** A mail server that asks onescand about all mail. */
interface ScanningHost {
  readonly port: number
  /** Passes a message to its sendmail(8), unless only SMTP changes nothing. */
  readonly submit?: (message: Buffer, words: readonly string[]) => void
  /** The messages that it has delivered. */
  delivered(): Promise<readonly Buffer[]>
  /** The address of a client for which the server completes no mail. */
  readonly client?: string
  /** A recipient that it rewrites in mail of programs before its milter sees it. */
  readonly rewritten?: string
  /** The mail that it refuses before onescan has it. */
  readonly refused?: RegExp
}

export const scanningHosts: Readonly<
  Record<
    string,
    {
      missing: string | false
      start(t: Test, stage: BuiltStage, ring: string): Promise<ScanningHost>
    }
  >
> = {
  Postfix: {
    missing: postfixMissing,
    async start(t, stage, ring) {
      const checks = stage.file(
        'checks',
        '/^Subject: (.*)/ REPLACE Subject: [ext] $1\n/^X-Dropped:/ IGNORE\n/^From:/ PREPEND X-Own: 1\n',
      )
      const canonical = stage.file('canonical', '/^old@/ ben@example.org\n')
      const { receiver, port, mta, serve } = await openPassage(t, (t, relayPort, milter) =>
        startPostfix(t, relayPort, {
          smtpd_milters: milter,
          non_smtpd_milters: milter,
          milter_default_action: 'tempfail',
          mynetworks: '127.0.0.0/8',
          local_header_rewrite_clients: '',
          header_checks: `regexp:${checks}`,
          recipient_canonical_maps: `regexp:${canonical}`,
        }),
      )
      await serve(t, settings(stage, ring))
      const got: Buffer[] = []
      return {
        port,
        submit: (message, words) => mta.submit(message, ...words),
        rewritten: 'old@example.org',
        async delivered() {
          while (receiver.count() > got.length) got.push((await receiver.next()).message)
          return got
        },
      }
    },
  },
  Sendmail: {
    missing: sendmailMissing,
    async start(t, stage, ring) {
      const { start } = mtas.find(({ name }) => name === 'Sendmail')!
      const { receiver, port, serve } = await openPassage(t, (t, relayPort, milter) =>
        start(t, relayPort, milter),
      )
      await serve(t, settings(stage, ring))
      const got: Buffer[] = []
      return {
        port,
        async delivered() {
          while (receiver.count() > got.length) got.push((await receiver.next()).message)
          return got
        },
      }
    },
  },
  Exim: {
    missing: eximMissing,
    async start(t, stage, ring) {
      const ports = new Map<string, number>()
      for (const name of ['10025', '10026', '10027']) ports.set(name, await freePort())
      const here = (text: string) =>
        text.replace(/\b1002[567]\b/g, (name) => String(ports.get(name)))
      const port = await freePort()
      const doors = '--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026 --smtp inet:127.0.0.1:10027 --next inet:127.0.0.1:10026 --after-queue' // biome-ignore format: a line
      await startOnescand(t, { args: here(doors).split(' '), settings: settings(stage, ring) })
      const host = makeEximHost(t, `127.0.0.1.${port}`)
      const { code, output } = host.run(here(example('exim/exim-debian')))
      t.equal(code, 0, output)
      const exim = await startExim(t, host, port)
      return {
        port,
        submit(message, words) {
          const [command = '', ...more] = host.around(['/usr/sbin/exim4', ...words])
          execFileSync(command, more, { input: message })
        },
        delivered: async () => exim.delivered(),

        client: '127.0.0.2',
        refused: /addresses without a domain/,
      }
    },
  },
}
