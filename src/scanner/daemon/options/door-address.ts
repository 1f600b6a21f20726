import { isIP } from 'node:net'
import {
  type Endpoint,
  parseEndpoint,
  parseMtaEndpoint,
  socketPath,
} from '../../../base/net/endpoint.ts'
import type { SmtpRoute } from '../../doors/smtp/next-server/smtp-services.ts'

/**
 * The protocol of a listening socket: slot-protocol.md, milter, Postfix's policy delegation, clamd(8), SMTP or
 * LMTP. For clamd's protocol: only whole messages or any file, with or without TLS.
 */
export type DoorKind = 'qmail' | (typeof NAMED)[number]

/** In the order in which they are looked for in a name. */
const NAMED = [
  'milter',
  'policy',
  'clamd-mail-tls',
  'clamd-mail',
  'clamd-tls',
  'clamd',
  'smtp',
  'lmtp',
] as const

/**
 * Returns the kind of a socket by the name that its starter gave it; `qmail` if the name contains no other
 * kind.
 */
export function doorKindOf(name: string): DoorKind {
  return NAMED.find((kind) => name.includes(kind)) ?? 'qmail'
}

/** Returns the option for the address of a door. */
export const optionOf = (kind: DoorKind): string =>
  kind === 'qmail' ? '--socket' : `--${kind.replace('-tls', '')}`

/** Returns whether clients use the protocol of clamd (also with TLS). */
export const isClamds = (kind: DoorKind): boolean => kind.startsWith('clamd')
export const isTls = (kind: DoorKind): boolean => kind.endsWith('-tls')

/**
 * Returns the kind of a door by its option and its address: only those for clients of clamd may have
 * TLS.
 */
export function kindAt(
  option: 'milter' | 'policy' | 'clamd' | 'clamd-mail',
  address: DoorAddress,
): DoorKind {
  const isSecure = address.kind === 'tcp' && address.isSecure
  return isSecure && (option === 'clamd' || option === 'clamd-mail') ? `${option}-tls` : option
}

export interface ListeningDoor {
  readonly kind: DoorKind
  /** In the form of parseClamdDoorAddress(). */
  readonly address: string
  /** Set for a door that passes mail on. */
  readonly route?: Pick<SmtpRoute, 'afterQueue' | 'next' | 'from'> | undefined
}

/** A door that an option names. */
export interface NamedDoor extends ListeningDoor {
  readonly at: DoorAddress
  readonly option: string
  /** Set for `--smtp` and `--lmtp`. */
  readonly route: SmtpRoute | undefined
}

export function namedDoor(kind: DoorKind, at: DoorAddress, route?: SmtpRoute): NamedDoor {
  return { kind, at, address: writeDoorAddress(at), option: optionOf(kind), route }
}

/** Returns the reader of the addresses of an option. */
export function doorBy(kind: 'milter' | 'policy' | 'clamd' | 'clamd-mail') {
  const parse = isClamds(kind) ? parseClamdDoorAddress : parseDoorAddress
  return (text: string, option: string): NamedDoor => {
    const at = parse(text, option)
    return namedDoor(kindAt(kind, at), at)
  }
}

export type DoorAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | ({ readonly kind: 'tcp'; readonly isSecure?: true } & Endpoint)

/**
 * Reads an address as MTAs write it: `unix:/PATH` (or `local:`), `inet:HOST:PORT` (or
 * `inet:PORT@HOST`, as Sendmail does) and `inet6:[ADDRESS]:PORT`. The host must be an IP address,
 * because the address of a name may change. Throws an Error that names what is wrong.
 */
export function parseDoorAddress(text: string, option: string): DoorAddress {
  const [, transport, rest = ''] = /^(unix|local|inet6?):(.*)$/s.exec(text) ?? []
  if (transport === undefined) {
    throw new Error(
      `${option} ${text}: must be unix:PATH, inet:ADDRESS:PORT or inet6:[ADDRESS]:PORT`,
    )
  }
  if (!transport.startsWith('inet')) {
    return { kind: 'unix', path: socketPath(rest, option) }
  }
  const endpoint = parseMtaEndpoint(rest)
  if (endpoint === undefined || isIP(endpoint.host) !== (transport === 'inet' ? 4 : 6)) {
    const family =
      transport === 'inet'
        ? 'an IPv4 address and a port, as in inet:127.0.0.1:8890'
        : 'an IPv6 address and a port, as in inet6:[::1]:8890'
    throw new Error(`${option} ${text}: must have ${family}`)
  }
  return { kind: 'tcp', ...endpoint }
}

/** Parses an address as parseDoorAddress() does, or `tls:ADDRESS:PORT`, with an IPv6 address in brackets. */
export function parseClamdDoorAddress(text: string, option: string): DoorAddress {
  const [, place] = /^tls:(.*)$/s.exec(text) ?? []
  if (place === undefined) return parseDoorAddress(text, option)
  const endpoint = parseEndpoint(place)
  if (endpoint && isIP(endpoint.host) !== 0) return { kind: 'tcp', isSecure: true, ...endpoint }
  const example = 'an IP address and a port, as in tls:0.0.0.0:3312 or tls:[::]:3312'
  throw new Error(`${option} ${text}: must have ${example}`)
}

/** Returns the address as parseClamdDoorAddress() reads it. */
export function writeDoorAddress(address: DoorAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  const { host, port, isSecure } = address
  if (isSecure) return isIP(host) === 6 ? `tls:[${host}]:${port}` : `tls:${host}:${port}`
  return isIP(host) === 6 ? `inet6:[${host}]:${port}` : `inet:${host}:${port}`
}
