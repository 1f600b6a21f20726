import { attempt, errorText, Fault } from '../../../../base/errors/fault.ts'
import { type Endpoint, parseEndpoint, socketPath } from '../../../../base/net/endpoint.ts'
import { wrongValue } from '../../../../base/text/values.ts'
import {
  readTlsIdentity,
  type TlsFiles,
  type TlsIdentity,
} from '../../../protocol/clamd/tls-identity.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'

/**
 * The address of one clamd: LocalSocket, or TCPAddr and TCPSocket of clamd.conf(5). With an identity it is
 * that of an onescand, which is reached over TLS.
 */
export type ClamdAddress = {
  /** The address as the log shows it. */
  readonly text: string
} & (
  | { readonly kind: 'unix'; readonly path: string }
  | ({ readonly kind: 'tcp'; readonly identity?: TlsIdentity } & Endpoint)
)

/**
 * Reads `/absolute/path`, `host:port` or `[v6 address]:port`, and the latter two also after `tls://`. Throws a
 * Fault of kind `config` for anything else, and if TLS cannot use the files.
 */
export function readClamdAddress(text: string, files: TlsFiles = {}): ClamdAddress {
  if (/^\/[^\0]*$/.test(text)) return { kind: 'unix', path: socketPath(text, 'CLAMD'), text }
  const [scheme] = /^tls:\/\//.exec(text) ?? []
  const server = parseEndpoint(text.slice(scheme?.length))
  if (server && !scheme) return { kind: 'tcp', ...server, text }
  if (server) return { kind: 'tcp', ...server, text, identity: identityFor(text, files) }
  const [, form = '', address = ''] = /^((?:unix|local|tcp|inet6?):)(.+)$/.exec(text) ?? []
  if (address !== '') throw wrongValue('CLAMD', text, `${address}, without ${form}`)
  const known = 'an absolute socket path, host:port, [v6 address]:port or tls://host:port'
  throw wrongValue('CLAMD', text, known)
}

function identityFor(text: string, files: TlsFiles): TlsIdentity {
  try {
    return readTlsIdentity(files)
  } catch (error) {
    throw new Fault('config', `CLAMD ${text}: ${errorText(error)}`, error)
  }
}

/**
 * Returns the addresses of the servers that the plugin clamd asks, or an empty list if QHPSI does not name
 * it. The list is also empty if an address is malformed: the plugin itself then defers all mail and reports
 * the reason.
 */
export function clamdAddressesOf(scan: ScanSettings | undefined): ClamdAddress[] {
  if (scan?.QHPSI.kind !== 'plugins' || !scan.QHPSI.names.includes('clamd')) return []
  return attempt(() => scan.CLAMD.map((text) => readClamdAddress(text, scan))) ?? []
}
