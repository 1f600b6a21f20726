import { type Network, parseNetwork } from '../../net/address.ts'
import { Fault } from '../../runtime/fault.ts'
import type { Relay } from '../smtp/smtp.ts'
import { type ListeningPlace, readListeningPlace } from './listening-place.ts'
import type { DoorKind } from './socket-activation.ts'

/** A place for mail, and where it goes from there: onescand(8), SMTP. */
export interface RelayOptions extends Relay {
  readonly place: ListeningPlace
}

/** Hosts that may send mail there if `--from` does not say it. */
const FROM_STANDARD = '127.0.0.0/8,::1'

/** An option as parseArgs() tells it, in its order. */
export interface OptionToken {
  readonly name: string
  readonly value: string | undefined
}

/** What the options say about one place, before it is known to be all. */
interface Begun {
  readonly option: '--smtp' | '--lmtp'
  readonly text: string
  next?: string
  from?: string
  bareNewlines?: string
  afterQueue?: boolean
}

/**
 * The places of `--smtp` and `--lmtp`. `--next`, `--from`, `--after-queue` and `--bare-newlines`
 * belong to the one before them. Throws an Error that says what is wrong.
 */
export function readRelays(options: readonly OptionToken[]): RelayOptions[] {
  const begun: Begun[] = []
  for (const { name, value = '' } of options) {
    if (name === 'smtp' || name === 'lmtp') {
      begun.push({ option: `--${name}`, text: value })
      continue
    }
    const last = begun.at(-1)
    const more = detailOf(name, value)
    if (more === undefined) continue
    if (last === undefined) throw new Error(`--${name}: must follow --smtp PLACE or --lmtp PLACE`)
    const [key] = Object.keys(more)
    if (key! in last) throw new Error(`--${name}: is given twice for ${last.option} ${last.text}`)
    Object.assign(last, more)
  }
  return begun.map(toRelay)
}

/**
 * Which of them is served on each of these sockets: the first one by SMTP has the first `smtp`,
 * and so on. A Fault of kind `config` for a socket that nothing is said about.
 */
export function relaysOf(
  kinds: readonly DoorKind[],
  relays: readonly RelayOptions[],
): (RelayOptions | undefined)[] {
  const waiting = [...relays]
  return kinds.map((kind) => {
    if (kind !== 'smtp' && kind !== 'lmtp') return undefined
    const index = waiting.findIndex(({ lmtp }) => lmtp === (kind === 'lmtp'))
    if (index >= 0) return waiting.splice(index, 1)[0]
    throw new Fault('config', `a socket for ${kind}: give --${kind} PLACE --next PLACE, too`)
  })
}

function detailOf(name: string, value: string): Partial<Begun> | undefined {
  switch (name) {
    case 'next':
      return { next: value }
    case 'from':
      return { from: value }
    case 'bare-newlines':
      return { bareNewlines: value }
    case 'after-queue':
      return { afterQueue: true }
    default:
      return undefined
  }
}

function toRelay({ option, text, next, from, bareNewlines, afterQueue }: Begun): RelayOptions {
  if (next === undefined) {
    throw new Error(`${option} ${text}: needs --next PLACE, the mail server behind it`)
  }
  const place = readListeningPlace(text, option)
  const behind = readListeningPlace(next, '--next')
  if (isSame(place, behind)) throw new Error(`--next ${next}: is the place of ${option} itself`)
  if (bareNewlines !== undefined && bareNewlines !== 'pass' && bareNewlines !== 'refuse') {
    throw new Error(`--bare-newlines ${bareNewlines}: must be pass or refuse`)
  }
  return {
    place,
    lmtp: option === '--lmtp',
    next: { text: next, options: behind.kind === 'unix' ? { path: behind.path } : behind },
    from: readNetworks(from ?? FROM_STANDARD),
    afterQueue: afterQueue === true,
    refusesBareNewlines: bareNewlines === 'refuse',
  }
}

function isSame(one: ListeningPlace, other: ListeningPlace): boolean {
  if (one.kind === 'unix') return other.kind === 'unix' && one.path === other.path
  return other.kind === 'tcp' && one.host === other.host && one.port === other.port
}

function readNetworks(text: string): Network[] {
  return text.split(',').map((word) => {
    const network = parseNetwork(word.trim())
    if (network) return network
    throw new Error(`--from ${text}: "${word}" must be an address or a network, as 192.0.2.0/24`)
  })
}
