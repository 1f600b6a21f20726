import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { errorText } from '../../runtime/fault.ts'
import { gatherFaults, SeveralFaults } from '../../settings/faults.ts'
import { parseOptions } from '../../settings/parse-options.ts'
import { byteSize, wholeNumber } from '../../settings/settings.ts'
import { socketPath } from '../../settings/socket-path.ts'
import { type ListeningPlace, readListeningPlace } from './listening-place.ts'
import { type RelayOptions, readRelays } from './relays.ts'
import { type DoorKind, doorKindOf } from './socket-activation.ts'

/** onescand(8), OPTIONS. */
export interface Options {
  /** Where clients of the slot ask; undefined: nowhere. */
  readonly socket: string | undefined
  /** Where MTAs ask. */
  readonly milters: readonly ListeningPlace[]
  /** Where Postfix asks about recipients, and onescan-rcptquota. */
  readonly policies: readonly ListeningPlace[]
  /** Where mail servers hand mail through, and where it goes from there. */
  readonly relays: readonly RelayOptions[]
  /** Permission bits of sockets with a path. */
  readonly mode: number
  /** Group id of those, or undefined: the process's. */
  readonly group: number | undefined
  /** Processes that serve, this one included. */
  readonly workers: number
  /** Bytes. */
  readonly maxSize: number
  readonly memory: number
  readonly maxClients: number
  /** Where metrics, health and the page are; undefined: nowhere. */
  readonly http: ListeningPlace | undefined
  /** File with the token that is asked for there. */
  readonly httpToken: string | undefined
  /** Whether addresses are kept from the page. */
  readonly httpHidesAddresses: boolean
  /** Milliseconds for what is in flight when it is told to end. */
  readonly grace: number
  /**
   * Set for one of the processes that another one started: what the descriptors of that
   * one's, which it listens on, are for.
   */
  readonly workerFor: readonly DoorKind[] | undefined
}

/** More than this is asked for by --workers. */
const WORKERS_STANDARD = 4

export const usage = `usage: onescand [--socket PATH|none] [--milter unix:PATH|inet:ADDRESS:PORT]...
                [--policy unix:PATH|inet:ADDRESS:PORT]...
                [--smtp|--lmtp unix:PATH|inet:ADDRESS:PORT --next unix:PATH|inet:ADDRESS:PORT
                 [--from NETWORKS] [--after-queue] [--bare-newlines pass|refuse]]...
                [--mode MODE] [--group GROUP] [--workers N]
                [--http unix:PATH|inet:ADDRESS:PORT] [--http-token FILE] [--http-hide-addresses]
                [--max-size SIZE] [--max-clients N] [--memory SIZE] [--grace SECONDS]
                [--check]
`

/** Throws SeveralFaults with all that is wrong with the options. */
export function readOptions(words: readonly string[]): Options {
  const { values, tokens, faults } = parseOptions(words, {
    socket: { type: 'string', default: '/run/onescan/slot.sock' },
    milter: { type: 'string', multiple: true, default: [] },
    policy: { type: 'string', multiple: true, default: [] },
    smtp: { type: 'string', multiple: true },
    lmtp: { type: 'string', multiple: true },
    next: { type: 'string', multiple: true },
    from: { type: 'string', multiple: true },
    'after-queue': { type: 'boolean', multiple: true },
    'bare-newlines': { type: 'string', multiple: true },
    http: { type: 'string' },
    'http-token': { type: 'string' },
    'http-hide-addresses': { type: 'boolean', default: false },
    mode: { type: 'string', default: '0660' },
    group: { type: 'string' },
    workers: { type: 'string' },
    'max-size': { type: 'string' },
    'max-clients': { type: 'string' },
    memory: { type: 'string' },
    grace: { type: 'string' },
    foreground: { type: 'boolean' }, // there is nothing else
    worker: { type: 'string' },
    check: { type: 'boolean' }, // looked for before anything is read
  })
  const { lines, attempt } = gatherFaults()
  const number = (name: 'workers' | 'max-clients' | 'grace', standard: number, min: number) =>
    attempt(
      () =>
        wholeNumber({ [`--${name}`]: values[name] }, `--${name}`, standard, { min, max: 10_000 }),
      standard,
    )
  const bytes = (name: 'max-size' | 'memory', standard: string) =>
    attempt(() => byteSize({ [`--${name}`]: values[name] || standard }, `--${name}`, 0), 0)
  const cores = Math.min(availableParallelism(), WORKERS_STANDARD)

  const places = (texts: readonly string[], option: string) =>
    texts.flatMap((place) => attempt(() => [readListeningPlace(place, option)], []))
  const options: Options = {
    socket: attempt(
      () => (values.socket === 'none' ? undefined : socketPath(values.socket, '--socket')),
      undefined,
    ),
    milters: places(values.milter, '--milter'),
    policies: places(values.policy, '--policy'),
    relays: attempt(() => readRelays(tokens.filter((token) => token.kind === 'option')), []),
    http: places(values.http === undefined ? [] : [values.http], '--http')[0],
    httpToken: values['http-token'],
    httpHidesAddresses: values['http-hide-addresses'],
    mode: attempt(() => readMode(values.mode), 0),
    group: attempt(
      () => (values.group === undefined ? undefined : readGroup(values.group)),
      undefined,
    ),
    workers: Math.max(1, number('workers', cores, 0)),
    maxSize: bytes('max-size', '100M'),
    memory: bytes('memory', '64M'),
    maxClients: number('max-clients', 200, 1),
    grace: number('grace', 20, 0) * 1000,
    workerFor: values.worker?.split(',').map(doorKindOf),
  }
  if (faults.length + lines.length > 0) throw new SeveralFaults([...faults, ...lines])
  return options
}

function readMode(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8)
  throw new Error(`--mode ${text}: must be three octal digits`)
}

/** By number, or by name in group(5). */
function readGroup(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text)
  try {
    const entries = readFileSync('/etc/group', 'latin1').split('\n')
    const entry = entries.find((line) => line.startsWith(`${text}:`))
    if (entry !== undefined) return Number(entry.split(':')[2])
  } catch (error) {
    throw new Error(`--group ${text}: ${errorText(error)}`)
  }
  throw new Error(`--group ${text}: there is no such group; make it or give a number`)
}
