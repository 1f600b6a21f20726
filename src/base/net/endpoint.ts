import type { Server } from 'node:net'
import { Fault } from '../errors/fault.ts'
import { absolutePath } from '../text/values.ts'
import { parseIpAddress } from './ip-address.ts'

/** A host, by its name or IP address without brackets, and a port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** The connections that wait in the kernel to be accepted, if net.core.somaxconn allows that many: listen(2). */
export const LISTEN_QUEUE = 4096

interface PortRules {
  /** The default port. Without it, the text must contain a port. */
  readonly defaultPort?: number
  /** The least port: 1, or 0 where that means that the kernel chooses one to listen at. */
  readonly leastPort?: 0 | 1
}

const PORT_MAX = 65_535
const HOST_AND_PORT = /^(?:\[(?<address>[^\]]*)\]|(?<host>[\w.-]+))(?::(?<digits>[0-9]{1,5}))?$/

/**
 * Parses `HOST:PORT`, as all settings and options write it. Returns undefined for anything else. The host is
 * a name, an IPv4 address, or an IP address in brackets. An IPv6 address needs the brackets (RFC 3986 3.2.2)
 * and may have a zone.
 */
export function parseEndpoint(
  text: string,
  { defaultPort, leastPort = 1 }: PortRules = {},
): Endpoint | undefined {
  const { address, host = address, digits } = HOST_AND_PORT.exec(text)?.groups ?? {}
  if (host === undefined || (address !== undefined && !parseIpAddress(address))) return undefined
  const port = digits === undefined ? defaultPort : Number(digits)
  return port !== undefined && port >= leastPort && port <= PORT_MAX ? { host, port } : undefined
}

/** Writes an endpoint as `parseEndpoint` reads it, with an IPv6 address in brackets. */
export const writeEndpoint = ({ host, port }: Endpoint): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

const listenFaults: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there; "ss -lntup" shows it: stop it, or use another port',
  EADDRNOTAVAIL: 'this host has no such address; use one of its own',
  EACCES: 'only root may use ports below 1024; use another one',
}

/** Why this process cannot listen at an endpoint, with the remedy, by the code of the system's error. */
export function listenFaultOf(code: string): string | undefined {
  return listenFaults[code]
}

/** Upper limit, in bytes, for a unix socket's path: unix(7), sun_path without its NUL. */
const SOCKET_PATH_MAX = 107

/**
 * Checks the path of a unix socket, and returns it. `name` is the variable or option with the path.
 * Throws a Fault of kind `config` if the path is not absolute or too long for the kernel.
 */
export function socketPath(path: string, name: string): string {
  absolutePath(path, name)
  const length = Buffer.byteLength(path)
  if (length <= SOCKET_PATH_MAX) return path
  throw new Fault(
    'config',
    `${name} ${path}: the path has ${length} bytes, but a unix socket's may have at most ${SOCKET_PATH_MAX}`,
  )
}

/**
 * Makes a server listen, and resolves when it does. Rejects with the error of listen(2). Later errors, such
 * as those of accept(2), are `error` events of the server, which end the process unless a listener is
 * registered.
 */
export function untilListening(
  server: Server,
  listen: (onListening: () => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    listen(() => {
      server.off('error', reject)
      resolve()
    })
  })
}
