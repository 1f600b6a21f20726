import { Fault } from '../../../lib/errors/fault.ts'
import { type Endpoint, parseEndpoint, socketPath } from '../../../lib/net/endpoint.ts'
import type { ScanSettings } from '../shared/scan-settings.ts'

/** The address of one clamd: LocalSocket, or TCPAddr and TCPSocket of clamd.conf(5). */
export type ClamdAddress = {
  /** The address as the log shows it. */
  readonly text: string
} & ({ readonly kind: 'unix'; readonly path: string } | ({ readonly kind: 'tcp' } & Endpoint))

/**
 * Reads `/absolute/path`, `host:port` or `[v6 address]:port`. Throws a Fault of kind `config` for
 * anything else.
 */
export function readClamdAddress(text: string): ClamdAddress {
  if (/^\/[^\0]*$/.test(text)) return { kind: 'unix', path: socketPath(text, 'CLAMD'), text }
  const server = parseEndpoint(text)
  if (server) return { kind: 'tcp', ...server, text }
  throw new Fault(
    'config',
    `CLAMD ${text}: must be an absolute socket path, host:port or [v6 address]:port`,
  )
}

/**
 * Returns the addresses of the servers that the plugin clamd asks; none if QHPSI does not name it.
 * Also none if an address is malformed: then the plugin itself defers all mail and says why.
 */
export function clamdAddressesOf(scan: ScanSettings | undefined): ClamdAddress[] {
  if (scan?.QHPSI.kind !== 'plugins' || !scan.QHPSI.names.includes('clamd')) return []
  try {
    return scan.CLAMD.map(readClamdAddress)
  } catch {
    return []
  }
}
