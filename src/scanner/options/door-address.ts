import { isIP } from 'node:net'
import { socketPath, writeEndpoint } from '../../base/net/endpoint.ts'
import { parseServerAddress, type ServerAddress } from '../../base/net/server-address.ts'
import type { SmtpRoute } from '../doors/smtp/next-server/smtp-services.ts'

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
  address: ServerAddress,
): DoorKind {
  const isSecure = address.kind === 'tcp' && address.isSecure
  return isSecure && (option === 'clamd' || option === 'clamd-mail') ? `${option}-tls` : option
}

export interface ListeningDoor {
  readonly kind: DoorKind
  /** In the form of parseDoorAddress(). */
  readonly address: string
  /** Set for a door that passes mail on. */
  readonly route?: Pick<SmtpRoute, 'isQueued' | 'next' | 'from'> | undefined
}

/** A door that an option names. */
export interface NamedDoor extends ListeningDoor {
  readonly at: ServerAddress
  readonly option: string
  /** Set for `--smtp` and `--lmtp`. */
  readonly route: SmtpRoute | undefined
}

export function namedDoor(kind: DoorKind, at: ServerAddress, route?: SmtpRoute): NamedDoor {
  return { kind, at, address: writeDoorAddress(at), option: optionOf(kind), route }
}

/** Returns the name of a door in logs and check lines. */
export const doorName = ({ kind, address }: ListeningDoor): string => `${kind} ${address}`

/** Returns the name of the page of `--http` there. */
export const pageName = (at: ServerAddress): string => `status page ${writeDoorAddress(at)}`

/** Returns the reader of the addresses of an option. */
export function doorBy(kind: 'milter' | 'policy' | 'clamd' | 'clamd-mail') {
  return (text: string, option: string): NamedDoor => {
    const at = parseDoorAddress(text, option, isClamds(kind))
    return namedDoor(kindAt(kind, at), at)
  }
}

/** What follows a scheme, as an error names it, and the family of its addresses if only one is allowed. */
const HOSTS: Readonly<Record<string, readonly [example: string, version?: 4 | 6]>> = {
  inet: ['an IPv4 address and a port, as in inet:127.0.0.1:8890', 4],
  inet6: ['an IPv6 address and a port, as in inet6:[::1]:8890', 6],
  tls: ['an IP address and a port, as in tls:0.0.0.0:3312 or tls:[::]:3312'],
}

/**
 * Reads an address as parseServerAddress() does; one with TLS only if `mayBeTls`. The host must be an IP address, because the
 * address of a name may change. Throws an Error that names what is wrong.
 */
export function parseDoorAddress(text: string, option: string, mayBeTls = false): ServerAddress {
  const address = parseServerAddress(text)
  if (address?.kind === 'unix') return { kind: 'unix', path: socketPath(address.path, option) }
  const scheme = text.slice(0, text.indexOf(':'))
  const [example, version] = (scheme === 'tls' && !mayBeTls ? undefined : HOSTS[scheme]) ?? []
  if (example === undefined)
    throw new Error(
      `${option} ${text}: must be unix:PATH, inet:ADDRESS:PORT or inet6:[ADDRESS]:PORT`,
    )
  const actual = isIP(address?.host ?? '')
  if (address && actual !== 0 && (version ?? actual) === actual) return address
  throw new Error(`${option} ${text}: must have ${example}`)
}

/** Returns the address as parseDoorAddress() reads it. */
export function writeDoorAddress(address: ServerAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  const scheme = address.isSecure ? 'tls' : isIP(address.host) === 6 ? 'inet6' : 'inet'
  return `${scheme}:${writeEndpoint(address)}`
}
