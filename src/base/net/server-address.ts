import { type Endpoint, parseEndpoint, writeEndpoint } from './endpoint.ts'
import { isLoopback, isUnspecified, parseIpAddress } from './ip-address.ts'

/** Where a server listens: at a path, or at a host and port. */
export type ServerAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | ({ readonly kind: 'tcp'; readonly isSecure?: true } & Endpoint)

/**
 * Reads an address as mail servers write it: `unix:PATH` (or `local:PATH`), `inet:HOST:PORT` (or `inet:PORT@HOST`, as
 * Sendmail does) and `inet6:[ADDRESS]:PORT`. onescand's clamd interface adds `tls:HOST:PORT`. Without a host
 * (`inet:PORT`), the host is `defaultHost`. Returns undefined for anything else.
 */
export function parseServerAddress(text: string, defaultHost = ''): ServerAddress | undefined {
  const [, scheme, rest = ''] = /^(unix|local|inet6?|tls):(.+)$/s.exec(text) ?? []
  if (scheme === undefined) return undefined
  if (scheme === 'unix' || scheme === 'local') return { kind: 'unix', path: rest }
  const [, port, inBrackets, plain] = /^:?([0-9]+)(?:@(?:\[(.*)\]|(.*)))?$/.exec(rest) ?? []
  const host = inBrackets || plain || defaultHost
  const endpoint = parseEndpoint(
    port === undefined ? rest : writeEndpoint({ host, port: Number(port) }),
  )
  return endpoint && { kind: 'tcp', ...endpoint, ...(scheme === 'tls' && { isSecure: true }) }
}

/** Returns the path of an address with one, or undefined for any other text. */
export function pathIn(text: string): string | undefined {
  const address = parseServerAddress(text)
  return address?.kind === 'unix' ? address.path : undefined
}

/** Returns the host of `HOST:PORT`, where PORT may be the name of a service, without brackets, or '' if there is none. */
export const hostOf = (text: string): string => /^\[?(.*?)\]?:[^:]*$/s.exec(text)?.[1] ?? ''

/** Returns whether a host, a name or an IP address, is reached from this host alone: `localhost`, 127.0.0.0/8 or `::1`. */
export function isLoopbackHost(host: string): boolean {
  const address = parseIpAddress(host)
  return address === undefined ? host.toLowerCase() === 'localhost' : isLoopback(address)
}

/** Returns whether a server listens at all addresses of its host by this one: `0.0.0.0` or `::`. */
export function isEverywhere(host: string): boolean {
  const address = parseIpAddress(host)
  return address !== undefined && isUnspecified(address)
}

/** Returns the address to which the system connects for this host: a loopback address for `localhost`, `0.0.0.0` and `::`. */
export function hostToReach(host: string): string {
  if (isEverywhere(host)) return host.includes(':') ? '::1' : '127.0.0.1'
  return host.toLowerCase() === 'localhost' ? '127.0.0.1' : host
}
