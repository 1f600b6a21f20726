import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../../../test/needs.mjs'
import { bySmtp, startWith } from '../../../test/programs/clamd-clients/client.ts'
import { startClamavMilter, startMimedefang } from '../../../test/programs/clamd-clients/milters.ts'
import { serverClients } from '../../../test/programs/clamd-clients/servers.ts'
import { freePort } from '../../../test/programs/host/free-port.ts'
import type { Ending } from '../../../test/programs/host/server.ts'
import type { Clamd } from '../../../test/programs/servers/clamd.ts'
import { startRspamd } from '../../../test/programs/servers/rspamd.ts'
import { startReceiver } from '../../../test/programs/servers/smtp-receiver.ts'
import { submitTo } from '../../../test/scanner/doors/milter/submit.ts'
import { compiled } from '../compile.ts'
import { startOnescand } from '../onescand.ts'
import type { Slot } from '../slot.ts'
import { buildSimscan } from './simscan.ts'

/** What filters need beside clamd. */
export interface Place {
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** The paths of these programs. */
  readonly onescand: string
  readonly onescanc: string
  /** Workers of onescand. */
  readonly workers: string
}

/** A filter that has clamd scan each mail. */
export interface Peer {
  readonly name: string
  /** Why it is left out; false where everything is there. */
  readonly missing: string | false
  /** Starts it until the run ends; resolves to how it takes mail. */
  start(t: Ending, clamd: Clamd, place: Place): Promise<Send | Slot>
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

const ofRspamd = (socket: string, parts: boolean) => ({
  ...ONLY_VIRUSES,
  'antivirus.conf': `clamav { scan_mime_parts = ${parts}; type = "clamav"; symbol = "CLAM_VIRUS"; servers = "${socket}"; action = "reject"; }\n`,
})

/** rspamd that passes whole messages, or each part of them, to this socket of clamd. */
async function rspamdAsking(t: Ending, socket: string, parts = false): Promise<Send> {
  const milter = await startRspamd(t, ofRspamd(socket, parts))
  return toMilter(Number(milter.slice(milter.lastIndexOf(':') + 1)))
}

/** Two milters of one mail server: rspamd without its antivirus module, and then onescan. */
const rspamdBesideOnescan: Peer = {
  name: 'rspamd and onescan, two milters',
  missing: lacks('rspamd'),
  async start(t, clamd, place) {
    const milter = await startRspamd(t, ONLY_VIRUSES)
    const first = toMilter(Number(milter.slice(milter.lastIndexOf(':') + 1)))
    const second = await onescan('onescan beside rspamd', {}).start(t, clamd, place)
    if (typeof second !== 'function') throw new Error('onescan is not a milter')
    return async (message) => {
      const outcome = await first(message)
      return outcome === 'delivered' ? second(message) : outcome
    }
  },
}

/** rspamd that asks onescan in place of clamd. */
const rspamdWithOnescan: Peer = {
  name: 'rspamd with onescan as clamd',
  missing: lacks('rspamd'),
  async start(t, _, { directory, environment, onescand, workers }) {
    const socket = join(directory, 'onescan-clamd.sock')
    const options = ['--workers', workers, '--clamd', `unix:${socket}`]
    await startOnescand(t, [onescand], 'onescan-clamd', directory, environment, options)
    return rspamdAsking(t, socket)
  },
}

/** onescan as a milter. */
const onescan = (name: string, settings: Readonly<Record<string, string>>): Peer => ({
  name,
  missing: false,
  async start(t, _, { directory, environment, onescand, workers }) {
    const word = name.replaceAll(/\W+/g, '-')
    const socket = join(directory, `${word}.milter`)
    const options = ['--workers', workers, '--milter', `unix:${socket}`]
    const env = { ...environment, ...settings }
    await startOnescand(t, [onescand], word, directory, env, options)
    return toMilter(socket)
  },
})

const onescanBySmtp: Peer = {
  name: 'onescan over SMTP',
  missing: false,
  async start(t, _, { directory, environment, onescand, workers }) {
    const port = await freePort()
    const { port: next } = await startReceiver(t)
    const address = (at: number) => `inet:127.0.0.1:${at}`
    const options = ['--workers', workers, '--smtp', address(port), '--next', address(next)]
    await startOnescand(t, [onescand], 'onescan-smtp', directory, environment, options)
    return toSmtp(port)
  },
}

const onescanInSlot: Peer = {
  name: 'onescan in the slot',
  missing: false,
  async start(t, _, { directory, environment, onescand, onescanc, workers }) {
    const options = ['--workers', workers]
    const name = 'onescan-slot'
    const { socket } = await startOnescand(t, [onescand], name, directory, environment, options)
    const chain = { QUEUECHAIN: compiled('sink') }
    return { program: onescanc, environment: { ...environment, ...chain, ONESCAN_SOCKET: socket } }
  },
}

/** The least that a program in the slot can do that has each message scanned (floor.c). */
const floorInSlot: Peer = {
  name: 'minimal C with FILDES, in the slot',
  missing: false,
  async start(_, __, { environment }) {
    const chain = { QUEUECHAIN: compiled('sink') }
    return { program: compiled('floor'), environment: { ...environment, ...chain } }
  },
}

/** What the slot costs without a filter: the sink alone, which is in the figures of each filter in the slot. */
const emptySlot: Peer = {
  name: 'the slot without a filter',
  missing: false,
  start: async (_, __, { environment }) => ({ program: compiled('sink'), environment }),
}

/** simscan, built from the sources in this directory; no Debian has a package. */
const simscan = (source: string | undefined): Peer => ({
  name: 'simscan with ripmime and clamdscan',
  missing:
    lacks('C compiler', 'make', 'ripmime', 'clamdscan') ||
    (source === undefined && 'name its sources with --simscan'),
  async start(_, clamd, { directory, environment }) {
    return { program: buildSimscan(source!, directory, clamd), environment }
  },
})

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

/** All filters, of which simscan is built from the sources in a directory. */
export const peersWith = (simscanSource: string | undefined): readonly Peer[] => [
  {
    name: BASE,
    missing: lacks('clamav-milter'),
    async start(t, clamd, { directory }) {
      const path = join(directory, 'clamav-milter.sock')
      await startClamavMilter(t, { path: clamd.socket }, { path })
      return toMilter(path)
    },
  },
  {
    name: 'rspamd, viruses alone',
    missing: lacks('rspamd'),
    start: (t, clamd) => rspamdAsking(t, clamd.socket),
  },
  {
    name: 'rspamd, viruses alone, scan_mime_parts',
    missing: lacks('rspamd'),
    start: (t, clamd) => rspamdAsking(t, clamd.socket, true),
  },
  rspamdBesideOnescan,
  rspamdWithOnescan,
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
  onescanInSlot,
  floorInSlot,
  simscan(simscanSource),
  emptySlot,
]
