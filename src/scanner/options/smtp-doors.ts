import { isIP } from 'node:net'
import { Fault } from '../../base/errors/fault.ts'
import { Network } from '../../base/net/ip-address.ts'
import { isOwnHost } from '../../base/net/own-addresses.ts'
import { hostToReach, isEverywhere, type ServerAddress } from '../../base/net/server-address.ts'
import type { OptionToken } from '../../base/process/parse-options.ts'
import { type DoorKind, type NamedDoor, namedDoor, parseDoorAddress } from './door-address.ts'

/** The hosts that may send mail without `--from`. */
export const FROM_STANDARD = '127.0.0.0/8,::1'

/** `--smtp` or `--lmtp`, and the options that follow it and belong to it. */
interface SmtpDoorWords {
  readonly kind: 'smtp' | 'lmtp'
  readonly text: string
  next?: string
  from?: string
  'after-queue'?: string
}

/**
 * Reads the doors of `--smtp` and `--lmtp`: onescan-interfaces(7), SMTP. `--next`, `--from` and `--after-queue` belong to the
 * `--smtp` or `--lmtp` before them. Throws an Error that names the fault.
 */
export function readSmtpDoors(options: readonly OptionToken[]): NamedDoor[] {
  const begun: SmtpDoorWords[] = []
  for (const { name, value = '' } of options) {
    if (name === 'smtp' || name === 'lmtp') begun.push({ kind: name, text: value })
    if (name !== 'next' && name !== 'from' && name !== 'after-queue') continue
    const last = begun.at(-1)
    if (last === undefined)
      throw new Error(`--${name}: must follow --smtp ADDRESS or --lmtp ADDRESS`)
    if (name in last) throw new Error(`--${name}: is given twice for --${last.kind} ${last.text}`)
    last[name] = value
  }
  return begun.map(toDoor)
}

function toDoor({ kind, text, next, from, ...flags }: SmtpDoorWords): NamedDoor {
  if (next === undefined)
    throw new Error(`--${kind} ${text}: needs --next ADDRESS, the mail server behind it`)
  const behind = parseDoorAddress(next, '--next')
  return namedDoor(kind, parseDoorAddress(text, `--${kind}`), {
    isLmtp: kind === 'lmtp',
    next: { text: next, options: behind.kind === 'unix' ? { path: behind.path } : behind },
    from: parseNetworks(from ?? FROM_STANDARD),
    isQueued: 'after-queue' in flags,
  })
}

/**
 * Returns the door of `--smtp` or `--lmtp` for each socket: the first `--smtp` belongs to the first socket for SMTP, and
 * so on. Throws a Fault of kind `config` for a socket without an option. (The first process and each worker find the routes so:
 * a worker inherits sockets and options alone.)
 */
export function smtpDoorsOf(
  kinds: readonly DoorKind[],
  doors: readonly NamedDoor[],
): (NamedDoor | undefined)[] {
  const waiting = doors.filter(({ route }) => route !== undefined)
  return kinds.map((kind) => {
    if (kind !== 'smtp' && kind !== 'lmtp') return undefined
    const index = waiting.findIndex((door) => door.kind === kind)
    if (index >= 0) return waiting.splice(index, 1)[0]
    throw new Fault('config', `a socket for ${kind}: add --${kind} ADDRESS --next ADDRESS, too`)
  })
}

/**
 * Throws an Error if onescand itself listens at the address of a next server, at a door or at `http`: mail would loop.
 * Longer loops end where --max-clients or the Received fields do.
 */
export function refuseLoops(doors: readonly NamedDoor[], http: ServerAddress | undefined): void {
  const own = [...doors.map(({ at }) => at), ...(http === undefined ? [] : [http])]
  for (const { route } of doors) {
    if (route === undefined) continue
    const behind = parseDoorAddress(route.next.text, '--next')
    if (own.some((address) => leadsTo(behind, address)))
      throw new Error(
        `--next ${route.next.text}: onescand itself listens there; specify the server behind it`,
      )
  }
}

/** Returns whether a connection to `next` reaches a socket that is bound to `address`. */
function leadsTo(next: ServerAddress, address: ServerAddress): boolean {
  if (next.kind === 'unix' || address.kind === 'unix') {
    return next.kind === 'unix' && address.kind === 'unix' && next.path === address.path
  }
  if (next.port !== address.port) return false
  const target = hostToReach(next.host)
  if (target === address.host) return true
  // Only in the same family: whether `::` also accepts IPv4 depends on the system, ipv6(7).
  return isEverywhere(address.host) && isIP(target) === isIP(address.host) && isOwnHost(target)
}

function parseNetworks(text: string): Network[] {
  return text.split(',').map((word) => {
    const network = Network.parse(word.trim())
    if (network) return network
    throw new Error(
      `--from ${text}: "${word}" must be an address or a network such as 192.0.2.0/24`,
    )
  })
}
