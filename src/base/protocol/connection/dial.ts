import { connect, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectByTls } from 'node:tls'
import type { Endpoint } from '../../net/endpoint.ts'
import { readForeignFile } from '../../path/open.ts'

/** The address of a server: a port, with or without TLS, or a unix socket. */
export interface DialledEndpoint extends Endpoint {
  readonly isSecure: boolean
}
export type DialledServer = DialledEndpoint | { readonly path: string }

/**
 * Begins to connect to a server. With TLS, an authority in the file `authorities` must have signed the
 * server's certificate; if that is undefined, an authority of `context` or of the system. The certificate
 * must contain the name of the server. Throws if the file cannot be read.
 */
export function dial(
  server: DialledServer,
  authorities: string | undefined,
  context: Pick<ConnectionOptions, 'secureContext'> = {},
): Socket {
  if ('path' in server) return connect(server.path)
  const { host, port, isSecure } = server
  if (!isSecure) return connect({ host, port, noDelay: true })
  return connectByTls({
    host,
    port,
    rejectUnauthorized: true, // the runtime's default depends on the environment
    ...context,
    // A host with several domains chooses its certificate by this name (RFC 6066 3: no address).
    ...(isIP(host) === 0 && { servername: host }),
    ...(authorities !== undefined && { ca: readForeignFile(authorities) }),
  }).setNoDelay(true)
}
