import { attempt, Fault } from '../../../base/errors/fault.ts'
import { isLoopback, isUnspecified, Network, parseIpAddress } from '../../../base/net/ip-address.ts'
import { ownAddresses } from '../../../base/net/own-addresses.ts'
import type { SmtpRoute } from '../../doors/smtp/next-server/smtp-services.ts'
import { type DoorAddress, type DoorKind, parseDoorAddress } from './door-address.ts'

/** The address of an SMTP or LMTP door, and the route of its mail: onescan-interfaces(7), SMTP. */
export interface SmtpDoorOptions extends SmtpRoute {
  readonly address: DoorAddress
}

/** The hosts that may send mail without `--from`. */
export const FROM_STANDARD = '127.0.0.0/8,::1'

/** The options for one door that were parsed until now. */
interface SmtpDoorWords {
  readonly option: '--smtp' | '--lmtp'
  readonly text: string
  next?: string
  from?: string
  afterQueue?: boolean
}

/**
 * Parses `--smtp` and `--lmtp` of the command line, as parseArgs() returns its options. `--next`, `--from`
 * and `--after-queue` belong to the `--smtp` or `--lmtp` before them. Throws an Error that names the fault.
 */
export function readSmtpDoors(
  options: readonly { readonly name: string; readonly value: string | undefined }[],
): SmtpDoorOptions[] {
  const begun: SmtpDoorWords[] = []
  for (const { name, value = '' } of options) {
    if (name === 'smtp' || name === 'lmtp') {
      begun.push({ option: `--${name}`, text: value })
      continue
    }
    const last = begun.at(-1)
    const more = detailOf(name, value)
    if (more === undefined) continue
    if (last === undefined) {
      throw new Error(`--${name}: must follow --smtp ADDRESS or --lmtp ADDRESS`)
    }
    if (Object.keys(more).some((key) => key in last))
      throw new Error(`--${name}: is given twice for ${last.option} ${last.text}`)
    Object.assign(last, more)
  }
  return begun.map(toSmtpDoor)
}

/**
 * Returns the options for each socket: the first `--smtp` belongs to the first socket for SMTP, and
 * so on. Throws a Fault of kind `config` for a socket without an option.
 */
export function smtpDoorsOf(
  kinds: readonly DoorKind[],
  smtpDoors: readonly SmtpDoorOptions[],
): (SmtpDoorOptions | undefined)[] {
  const waiting = [...smtpDoors]
  return kinds.map((kind) => {
    if (kind !== 'smtp' && kind !== 'lmtp') return undefined
    const index = waiting.findIndex(({ lmtp }) => lmtp === (kind === 'lmtp'))
    if (index >= 0) return waiting.splice(index, 1)[0]
    throw new Fault('config', `a socket for ${kind}: add --${kind} ADDRESS --next ADDRESS, too`)
  })
}

function detailOf(name: string, value: string): Partial<SmtpDoorWords> | undefined {
  switch (name) {
    case 'next':
      return { next: value }
    case 'from':
      return { from: value }
    case 'after-queue':
      return { afterQueue: true }
    default:
      return undefined
  }
}

function toSmtpDoor({ option, text, next, from, afterQueue }: SmtpDoorWords): SmtpDoorOptions {
  if (next === undefined) {
    throw new Error(`${option} ${text}: needs --next ADDRESS, the mail server behind it`)
  }
  const address = parseDoorAddress(text, option)
  const behind = parseDoorAddress(next, '--next')
  return {
    address,
    lmtp: option === '--lmtp',
    next: { text: next, options: behind.kind === 'unix' ? { path: behind.path } : behind },
    from: parseNetworks(from ?? FROM_STANDARD),
    afterQueue: afterQueue === true,
  }
}

/**
 * Throws an Error if onescand itself listens at the address of a next server: mail would loop.
 * Longer loops end where --max-clients or the Received fields do.
 */
export function refuseLoops(
  smtpDoors: readonly SmtpDoorOptions[],
  addresses: readonly DoorAddress[],
): void {
  for (const { next } of smtpDoors) {
    const behind = parseDoorAddress(next.text, '--next')
    if (addresses.some((address) => leadsTo(behind, address))) {
      throw new Error(
        `--next ${next.text}: onescand itself listens there; specify the server behind it`,
      )
    }
  }
}

/** Returns whether a connection to `next` reaches a socket that is bound to `address`. */
function leadsTo(next: DoorAddress, address: DoorAddress): boolean {
  if (next.kind === 'unix' || address.kind === 'unix') {
    return next.kind === 'unix' && address.kind === 'unix' && next.path === address.path
  }
  if (next.port !== address.port) return false
  const target = bytesOf(LOOPBACK_OF[next.host] ?? next.host)
  const bound = bytesOf(address.host)
  if (target.equals(bound)) return true
  // Only in the same family: whether `::` also accepts IPv4 depends on the system, ipv6(7).
  return isUnspecified(bound) && target.length === bound.length && isOfThisHost(target)
}

const bytesOf = (host: string) => Buffer.from(parseIpAddress(host)!)

/** The addresses to which the system connects instead of these. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/**
 * Returns whether an address is known to be of this host. onescand.service forbids netlink sockets, so there
 * only loopback addresses are known.
 */
function isOfThisHost(address: Buffer): boolean {
  if (isLoopback(address)) return true
  const own = attempt(ownAddresses) ?? []
  return own.some((text) => address.equals(bytesOf(text)))
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
