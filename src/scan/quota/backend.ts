import { Fault } from '../../ground/errors/fault.ts'
import { type Endpoint, parseEndpoint } from '../../ground/net/endpoint.ts'

/** A service that knows how full mailboxes are. */
export type Backend = UdpBackend | HttpBackend

export interface UdpBackend extends Endpoint {
  readonly kind: 'udp'
  /**
   * Whether the service understands a size and a nonce after the name. An older service would look
   * up "ann 4096 5f1c" as a name, so it is sent the name alone.
   */
  readonly extended: boolean
  /** The backend as the settings name it, for the log. */
  readonly text: string
}

export interface HttpBackend {
  readonly kind: 'http'
  /** The URL without the user, which is added as `u=`. */
  readonly url: URL
  readonly text: string
}

/** Whether the backend is told the size of the message, and takes it into account. */
export function takesSize(backend: Backend): boolean {
  return backend.kind === 'udp' && backend.extended
}

/**
 * Reads `quotad:HOST:PORT` (onescan-quotad over UDP), `udp:HOST:PORT` (an older service) or
 * `http://HOST[:PORT]/PATH`. IPv6 addresses are in brackets. Throws a Fault of kind `config`;
 * `name` is the setting, or the file and line, that it blames.
 */
export function readBackend(text: string, name: string): Backend {
  if (/^http:\/\/[!-~]+$/.test(text) && URL.canParse(text)) {
    return { kind: 'http', url: new URL(text), text }
  }
  const [, scheme, place = ''] = /^(udp|quotad):(.*)$/.exec(text) ?? []
  const server = parseEndpoint(place)
  if (server) return { kind: 'udp', ...server, extended: scheme === 'quotad', text }
  throw new Fault(
    'config',
    `${name} ${text}: must be quotad:HOST:PORT, udp:HOST:PORT or http://HOST:PORT/PATH`,
  )
}

/**
 * Reads the backend that a template describes, with `host` in the place of `%h`. Throws a Fault of
 * kind `config`.
 */
export function backendFor(template: string, host: string): Backend {
  const written = host.includes(':') ? `[${host}]` : host
  return readBackend(
    template.replaceAll('%h', () => written),
    'QUOTAD ldap:',
  )
}
