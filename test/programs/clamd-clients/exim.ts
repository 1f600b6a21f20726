import { writeFileSync } from 'node:fs'
import { freePort } from '../host/free-port.ts'
import { eximMissing, makeEximHost, startExim } from '../servers/exim.ts'
import { bySmtp, type ClamdClient, type ClamdPlace, IN_OPENPGP } from './client.ts'

/** Exim, whose scanner is a line of its configuration. */
function exim(name: string, asksBy: ClamdClient['asksBy']): ClamdClient {
  return {
    name,
    missing: eximMissing,
    asksBy,
    ...(asksBy === 'unix' && { namesFiles: true }),
    evasion: IN_OPENPGP,
    async start(t, place) {
      const port = await freePort()
      const host = makeEximHost(t, `127.0.0.1.${port}`)
      writeFileSync(
        host.at('/etc/exim4/exim4.conf'),
        configuration(port, place, host.at('/var/spool/exim4')),
      )
      await startExim(t, host, port)
      return bySmtp(port)
    },
  }
}

/** The spool has a path that the scanner knows, too. */
const configuration = (port: number, place: ClamdPlace, spool: string) => `
av_scanner = clamd:${'path' in place ? place.path : `127.0.0.1 ${place.port}`}
spool_directory = ${spool}
daemon_smtp_ports = ${port}
local_interfaces = 127.0.0.1
queue_only = true
host_lookup =
acl_smtp_rcpt = accept
acl_smtp_data = content
begin acl
content:
  deny malware = *
       message = This message was detected as possible malware ($malware_name).
  accept
`

export const eximClients: readonly ClamdClient[] = [
  exim('Exim by TCP', 'tcp'),
  exim('Exim by a unix socket', 'unix'),
]
