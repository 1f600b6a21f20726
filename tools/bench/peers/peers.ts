import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { submitTo } from '../../../test/doors/milter/submit.ts'
import { lacks } from '../../../test/needs.mjs'
import { bySmtp, startWith } from '../../../test/programs/clamd-clients/client.ts'
import { startClamavMilter, startMimedefang } from '../../../test/programs/clamd-clients/milters.ts'
import { serverClients } from '../../../test/programs/clamd-clients/servers.ts'
import { freePort } from '../../../test/programs/host/free-port.ts'
import type { Ending } from '../../../test/programs/host/server.ts'
import type { Clamd } from '../../../test/programs/servers/clamd.ts'
import { startRspamd } from '../../../test/programs/servers/rspamd.ts'
import { startReceiver } from '../../../test/programs/servers/smtp-receiver.ts'
import { startOnescand } from '../onescand.ts'

/** What onescan needs beside clamd. */
export interface Place {
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** The program onescand. */
  readonly onescand: string
}

/** A filter that has clamd scan each mail. */
export interface Peer {
  readonly name: string
  /** Why it is left out; false where everything is there. */
  readonly missing: string | false
  /** Starts it until the run ends; resolves to the function that sends a message through it. */
  start(t: Ending, clamd: Clamd, place: Place): Promise<Send>
}

/** Sends a message through a filter. Resolves to `delivered`, or to what happened instead. */
export type Send = (message: Buffer) => Promise<string>

/** Sends to a milter at a path or a port of 127.0.0.1, as a mail server does. */
const toMilter =
  (place: string | number): Send =>
  async (message) =>
    (await submitTo(place, { message })).outcome

/** Sends to a filter that takes mail by SMTP at a port of 127.0.0.1. */
function toSmtp(port: number): Send {
  const judge = bySmtp(port)
  return async (message) => {
    const fate = await judge(message)
    return fate === 'let in' ? 'delivered' : fate
  }
}

/** The peer that the others are compared with: the milter of ClamAV itself. */
export const BASE = 'clamav-milter'

/** Without its rules about spam, which would be compared with nothing. */
const ONLY_VIRUSES = {
  'antivirus.conf': 'clamav { enabled = false; }\n',
  'settings.conf': 'all { priority = high; apply { symbols_enabled = ["CLAM_VIRUS"]; } }\n',
}

const ofRspamd = (clamd: Clamd) => ({
  ...ONLY_VIRUSES,
  'antivirus.conf': `clamav { scan_mime_parts = false; type = "clamav"; symbol = "CLAM_VIRUS"; servers = "${clamd.socket}"; action = "reject"; }\n`,
})

/** onescan as a milter. */
const onescan = (name: string, settings: Readonly<Record<string, string>>): Peer => ({
  name,
  missing: false,
  async start(t, _, { directory, environment, onescand }) {
    const word = name.replaceAll(/\W+/g, '-')
    const socket = join(directory, `${word}.milter`)
    const options = ['--workers', '1', '--milter', `unix:${socket}`]
    const env = { ...environment, ...settings }
    await startOnescand(t, [onescand], word, directory, env, options)
    return toMilter(socket)
  },
})

const onescanBySmtp: Peer = {
  name: 'onescan over SMTP',
  missing: false,
  async start(t, _, { directory, environment, onescand }) {
    const port = await freePort()
    const { port: next } = await startReceiver(t)
    const address = (at: number) => `inet:127.0.0.1:${at}`
    const options = ['--workers', '1', '--smtp', address(port), '--next', address(next)]
    await startOnescand(t, [onescand], 'onescan-smtp', directory, environment, options)
    return toSmtp(port)
  },
}

const amavis = serverClients.find(({ name }) => name === 'amavis')!

const clamsmtp: Peer = {
  name: 'clamsmtp',
  missing: lacks('clamsmtpd'),
  async start(t, clamd, { directory }) {
    const port = await freePort()
    const { port: next } = await startReceiver(t)
    const config = join(directory, 'clamsmtpd.conf')
    writeFileSync(config, ofClamsmtp(port, next, clamd.socket, directory))
    const words = ['clamsmtpd', '-f', config, '-d', '1']
    await startWith(t, words, { port, host: '127.0.0.1' })
    return toSmtp(port)
  },
}

const ofClamsmtp = (port: number, next: number, clamd: string, directory: string) => `
Listen: 127.0.0.1:${port}
OutAddress: 127.0.0.1:${next}
ClamAddress: ${clamd}
TempDirectory: ${directory}
`

export const peers: readonly Peer[] = [
  {
    name: BASE,
    missing: lacks('clamav-milter'),
    start: async (t, clamd) => toMilter(await startClamavMilter(t, { path: clamd.socket })),
  },
  {
    name: 'rspamd, viruses alone',
    missing: lacks('rspamd'),
    async start(t, clamd) {
      const milter = await startRspamd(t, ofRspamd(clamd))
      return toMilter(Number(milter.slice(milter.lastIndexOf(':') + 1)))
    },
  },
  {
    name: 'MIMEDefang with clamdscan',
    missing: lacks('mimedefang-multiplexor', 'clamdscan'),
    start: async (t, clamd) => toMilter(await startMimedefang(t, { path: clamd.socket })),
  },
  clamsmtp,
  {
    name: 'amavis, viruses alone',
    missing: amavis.missing,
    async start(t, clamd) {
      return toSmtp((await amavis.start(t, { path: clamd.socket })).port!)
    },
  },
  onescan('onescan, SECONDLOOK=never', { SECONDLOOK: 'never' }),
  onescan('onescan', {}),
  onescanBySmtp,
]
