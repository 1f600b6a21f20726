import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { example } from '../example.ts'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { fewDomains } from '../servers/rspamd.ts'
import { type ClamdClient, type Fate, IN_OPENPGP, portOf, startWith } from './client.ts'

const missing = lacks('rspamd')

/** rspamd with its module for virus scanners, asked as its own milter asks it. */
function rspamd(name: string, settings: string, evasion: string): ClamdClient {
  return {
    name,
    missing,
    asksBy: 'tcp',
    settings: { SCANFAIL_CLAMD: 'limit' },
    evasion,
    async start(t, place) {
      const directory = openDirectory(t)
      const port = await freePort()
      const config = join(directory, 'rspamd.conf')
      writeFileSync(config, configuration(directory, port, portOf(place), settings))
      const account = process.getuid?.() === 0 ? ['-u', 'root', '-g', 'root'] : []
      await startWith(t, ['rspamd', '-f', '-c', config, ...account, ...(account.length ? ['-i'] : [])], { port, host: '127.0.0.1' }) // biome-ignore format: a line
      return async (mail) => {
        const url = `http://127.0.0.1:${port}/checkv2`
        const reply = await fetch(url, { method: 'POST', body: new Uint8Array(mail) })
        return fateOf((await reply.json()) as Answer)
      }
    },
  }
}

interface Answer {
  readonly action: string
}

const fateOf = ({ action }: Answer): Fate => {
  if (action === 'reject') return 'refused'
  return action === 'soft reject' ? 'deferred' : 'let in'
}

/** Two of its modules, and nothing that asks anybody else. */
const configuration = (directory: string, port: number, clamd: number, settings: string) => `
options {
  filters = "";
  tempdir = "${directory}";
  cache_file = "${directory}/symbols.cache";
  map_file_watch_multiplier = 1;
  pidfile = "${directory}/pid";
  control_socket = "${directory}/control";
  dns { nameserver = ["127.0.0.1:9"]; }
  ${fewDomains(directory)}
}
logging { type = "console"; level = "info"; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; task_timeout = 80s; }
modules { path = "/usr/share/rspamd/plugins/antivirus.lua"; path = "/usr/share/rspamd/plugins/force_actions.lua"; }
actions { reject = 15; add_header = 6; greylist = 4; }
antivirus {
${example('rspamd/antivirus.conf', { '127.0.0.1:3311': `127.0.0.1:${clamd}`, 'scan_mime_parts = false;': settings })}
}
force_actions {
${example('rspamd/force_actions.conf')}
}
`

export const rspamdClients: readonly ClamdClient[] = [
  rspamd('rspamd', 'scan_mime_parts = false;', IN_OPENPGP),
  rspamd(
    'rspamd with scan_mime_parts',
    'scan_mime_parts = true;',
    'a mail whose header is long, in a file x.eml, in base64',
  ),
]
