import { Fault } from '../../fault.ts'
import { socketPath } from '../../settings/socket-path.ts'

/** Where a clamd listens: LocalSocket, or TCPAddr and TCPSocket of clamd.conf(5). */
export type ClamdAddress =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly text: string }

/**
 * Reads `/absolute/path`, `host:port` or `[v6 address]:port`. `text` of the result
 * is what the log shows. Throws a Fault of kind `config` for anything else.
 */
export function readClamdAddress(text: string): ClamdAddress {
  if (/^\/[^\0]*$/.test(text)) {
    return { kind: 'unix', path: socketPath(text, 'CLAMD'), text }
  }
  const [, v6, name, digits] = /^(?:\[([\w:.%]+)\]|([^\s:[\]/]+)):([0-9]{1,5})$/.exec(text) ?? []
  const host = v6 ?? name
  const port = Number(digits)
  if (host !== undefined && port >= 1 && port <= 65_535) return { kind: 'tcp', host, port, text }
  throw new Fault(
    'config',
    `CLAMD ${text}: must be an absolute socket path, host:port or [v6 address]:port`,
  )
}
