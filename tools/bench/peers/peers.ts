import { join } from 'node:path'
import { lacks } from '../../../test/needs.mjs'
import { startClamavMilter, startMimedefang } from '../../../test/programs/clamd-clients/milters.ts'
import type { Ending } from '../../../test/programs/host/server.ts'
import type { Clamd } from '../../../test/programs/servers/clamd.ts'
import { startRspamd } from '../../../test/programs/servers/rspamd.ts'
import { startOnescand } from '../onescand.ts'

/** What a milter of onescan needs beside clamd. */
export interface Place {
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** The program onescand. */
  readonly onescand: string
}

/** A milter that has clamd scan each mail. */
export interface Peer {
  readonly name: string
  /** Why it is left out; false where everything is there. */
  readonly missing: string | false
  /** Starts it until the run ends; resolves to the path or the port of 127.0.0.1 at which it is asked. */
  start(t: Ending, clamd: Clamd, place: Place): Promise<string | number>
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

const onescan = (name: string, settings: Readonly<Record<string, string>>): Peer => ({
  name,
  missing: false,
  async start(t, _, { directory, environment, onescand }) {
    const socket = join(directory, `${name.replaceAll(/\W+/g, '-')}.milter`)
    const options = ['--workers', '1', '--milter', `unix:${socket}`]
    const env = { ...environment, ...settings }
    await startOnescand(t, [onescand], name.replaceAll(/\W+/g, '-'), directory, env, options)
    return socket
  },
})

export const peers: readonly Peer[] = [
  {
    name: BASE,
    missing: lacks('clamav-milter'),
    start: (t, clamd) => startClamavMilter(t, { path: clamd.socket }),
  },
  {
    name: 'rspamd, viruses alone',
    missing: lacks('rspamd'),
    async start(t, clamd) {
      const milter = await startRspamd(t, ofRspamd(clamd))
      return Number(milter.slice(milter.lastIndexOf(':') + 1))
    },
  },
  {
    name: 'MIMEDefang with clamdscan',
    missing: lacks('mimedefang-multiplexor', 'clamdscan'),
    start: (t, clamd) => startMimedefang(t, { path: clamd.socket }),
  },
  onescan('onescan, SECONDLOOK=never', { SECONDLOOK: 'never' }),
  onescan('onescan', {}),
]
