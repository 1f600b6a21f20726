import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { type Finding, warning } from '../../lib/errors/finding.ts'
import { answerInTime } from '../../lib/flow/timeout.ts'
import { formatDay } from '../../lib/text/units.ts'
import type { ClamdAddress } from '../../scan/scanners/clamd/address.ts'
import { loadConnect } from '../../scan/scanners/clamd/connect.ts'

/** Milliseconds before the end of a certificate in which it is to be renewed. */
const SOON = 14 * 86_400_000
/** Milliseconds for a handshake. */
const WITHIN = 5_000

/** Warns if this host's client certificate for TLS expires soon, or has expired. */
export function checkOwnCertificate(server: ClamdAddress, now: number): Finding[] {
  if (server.kind !== 'tcp' || !server.identity) return []
  const { validTo } = new X509Certificate(server.identity.cert)
  const remedy = 'renew the file of CLAMDCERT, and reload onescand'
  return checkEnd(server, 'the certificate of this host', validTo, now, remedy)
}

/** Warns if the certificate of a server that answers over TLS ends soon. Rejects if it cannot be reached. */
export async function checkTheirCertificate(server: ClamdAddress, now: number): Promise<Finding[]> {
  if (server.kind !== 'tcp' || !server.identity) return []
  const connect = await loadConnect(server)
  const socket = connect(server) as TLSSocket
  try {
    await answerInTime(once(socket, 'secureConnect'), WITHIN)
    const { valid_to: validTo } = socket.getPeerCertificate()
    const remedy = 'renew it there, and reload onescand there'
    return checkEnd(server, 'its certificate', validTo, now, remedy)
  } finally {
    socket.on('error', () => {})
    socket.destroy()
  }
}

function checkEnd(
  { text }: ClamdAddress,
  whose: string,
  validTo: string,
  now: number,
  remedy: string,
): Finding[] {
  const end = Date.parse(validTo)
  if (end - now > SOON) return []
  const day = formatDay(end)
  return [warning(`clamd ${text}`, `${whose} is valid until ${day}`, remedy)]
}
