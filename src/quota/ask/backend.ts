import { Fault } from '../../ground/errors/fault.ts'

/** A service that knows how full mailboxes are. */
export type Backend = UdpBackend | HttpBackend

export interface UdpBackend {
  readonly kind: 'udp'
  readonly host: string
  readonly port: number
  /**
   * Understands the announced size and the nonce behind the name. An older service would
   * look up "ann 4096 5f1c" as a name, so it is asked for the name alone.
   */
  readonly extended: boolean
  /** As it was written; logs show it so. */
  readonly text: string
}

export interface HttpBackend {
  readonly kind: 'http'
  /** Without the user, who is added as `u=`. */
  readonly url: URL
  readonly text: string
}

/** Whether its answer takes the announced size into account; older services know of none. */
export function takesSize(backend: Backend): boolean {
  return backend.kind === 'udp' && backend.extended
}

/**
 * Reads `quotad:HOST:PORT` (onescan-quotad over UDP), `udp:HOST:PORT` (an older service) or
 * `http://HOST[:PORT]/PATH`; a v6 address stands in brackets. `name` is the setting or
 * file and line that gave it. Throws a Fault of kind `config`.
 */
export function readBackend(text: string, name: string): Backend {
  if (/^http:\/\/[!-~]+$/.test(text) && URL.canParse(text)) {
    return { kind: 'http', url: new URL(text), text }
  }
  const [, scheme, v6, word, digits] =
    /^(udp|quotad):(?:\[([\w:.%]+)\]|([\w.-]+)):([0-9]{1,5})$/.exec(text) ?? []
  const host = v6 ?? word
  const port = Number(digits)
  if (host !== undefined && port >= 1 && port <= 65_535) {
    return { kind: 'udp', host, port, extended: scheme === 'quotad', text }
  }
  throw new Fault(
    'config',
    `${name} ${text}: must be quotad:HOST:PORT, udp:HOST:PORT or http://HOST:PORT/PATH`,
  )
}

/** The backend on that host, which stands for `%h` in the template. Throws a Fault of kind `config` if it is none. */
export function backendFor(template: string, host: string): Backend {
  const written = host.includes(':') ? `[${host}]` : host
  return readBackend(
    template.replaceAll('%h', () => written),
    'QUOTAD ldap:',
  )
}
