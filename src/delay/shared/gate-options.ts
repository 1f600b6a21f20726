import { parseEndpoint } from '../../ground/net/endpoint.ts'
import { type IpAddress, parseIpAddress } from '../../ground/net/ip-address.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { type OptionValues, UsageError } from './split-options.ts'

/** Where the gate listens: an address and port to bind, or a descriptor that listens already. */
type GateAddress =
  | {
      readonly kind: 'bind'
      readonly address: IpAddress | undefined
      readonly port: number
      readonly text: string
    }
  | { readonly kind: 'inherited'; readonly fd: number; readonly text: string }

/** The options of the gate, which stands in the place of tcpserver; smtp-delay(8), THE GATE. */
export interface GateOptions {
  readonly listen: readonly GateAddress[]
  /** -c: most programs that run at the same time. */
  readonly programs: number
  /** Most connections that wait at the same time; undefined if --waiting is not given. */
  readonly waiting: number | undefined
  /** Most connections of one client, waiting or served. */
  readonly perClient: number
  /** Seconds for which a client, after its delay, waits for a program to become free. */
  readonly patience: number
  /** Seconds for which a client that behaved is remembered; with 0 no client is remembered. */
  readonly remember: number
  /** -x and -X. */
  readonly rules: { readonly file: string; readonly mayBeMissing: boolean } | undefined
  readonly uid: number | undefined
  readonly gid: number | undefined
  /** -h, -H, -p. */
  readonly lookUp: 'never' | 'name' | 'confirmed name'
  /** -l. */
  readonly localName: string | undefined
  readonly backlog: number
  readonly printPort: boolean
  readonly keepIpOptions: boolean
  readonly noDelay: boolean
  readonly quiet: boolean
}

export const GATE_WITH_VALUE = [
  '--listen',
  '-c',
  '--waiting',
  '--per-client',
  '--patience',
  '--remember',
  '-x',
  '-u',
  '-g',
  '-l',
  '-b',
]
export const GATE_WITHOUT_VALUE = [
  ...['-X', '-U', '-h', '-H', '-p', '-R', '-1', '-o', '-O', '-q', '-Q'],
  '--no-delay',
]

/** What counts if an option is not given. */
export const GATE_DEFAULTS = {
  /** As in tcpserver(1). */
  '-c': 40,
  '--waiting': 10_000,
  '--patience': 60,
  '--remember': '1d',
  /** More than tcpserver's 20: the kernel holds clients that connect while the gate is busy. */
  '-b': 1024,
} as const
/** Half of the programs, as Postfix has it: one client must not take all of them. */
const defaultPerClient = (programs: number): number => Math.ceil(programs / 2)

const PROGRAMS_MAX = 100_000
const WAITING_MAX = 1_000_000
/** Seconds: a client waits at least five minutes for the greeting (RFC 5321 4.5.3.2.1). */
const PATIENCE_MAX = 300
const REMEMBER_MAX = 90 * 86_400
const BACKLOG_MAX = 65_535
const ID_MAX = 4_294_967_294
/** 0, 1 and 2 are the standard streams. */
const DESCRIPTOR_MIN = 3
const DESCRIPTOR_MAX = 1023

/** The meaning of the host 0 in tcpserver(1): every address of IPv4. */
const ANY_IPV4 = Uint8Array.of(0, 0, 0, 0)

/** Reads the options of the gate. -U takes UID and GID from `env`. Throws a UsageError. */
export function readGateOptions(values: OptionValues, env: Environment): GateOptions {
  const number = (name: string, min: number, max: number) => readNumber(values, name, min, max)
  const rulesFile = values.get('-x')?.at(-1)
  const programs = number('-c', 1, PROGRAMS_MAX) ?? GATE_DEFAULTS['-c']
  const ownId = (name: string) =>
    values.has('-U') ? readId(`-U: ${name}`, env[name] ?? '') : undefined
  return {
    listen: values.get('--listen')!.map(readGateAddress),
    programs,
    waiting: number('--waiting', 1, WAITING_MAX),
    perClient: number('--per-client', 1, WAITING_MAX) ?? defaultPerClient(programs),
    patience: number('--patience', 0, PATIENCE_MAX) ?? GATE_DEFAULTS['--patience'],
    remember: readDuration(
      '--remember',
      values.get('--remember')?.at(-1) ?? GATE_DEFAULTS['--remember'],
    ),
    rules:
      rulesFile === undefined ? undefined : { file: rulesFile, mayBeMissing: values.has('-X') },
    uid: number('-u', 1, ID_MAX) ?? ownId('UID'),
    gid: number('-g', 1, ID_MAX) ?? ownId('GID'),
    lookUp: values.has('-H') ? 'never' : values.has('-p') ? 'confirmed name' : 'name',
    localName: values.get('-l')?.at(-1),
    backlog: number('-b', 1, BACKLOG_MAX) ?? GATE_DEFAULTS['-b'],
    printPort: values.has('-1'),
    keepIpOptions: values.has('-o'),
    noDelay: values.has('--no-delay'),
    quiet: values.has('-q'),
  }
}

function readNumber(
  values: OptionValues,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const text = values.get(name)?.at(-1)
  if (text === undefined) return undefined
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (number >= min && number <= max) return number
  throw new UsageError(`${name} ${text}: is not a number from ${min} to ${max}`)
}

function readId(name: string, text: string): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (number >= 1 && number <= ID_MAX) return number
  throw new UsageError(`${name} ${text}: is not a number from 1 to ${ID_MAX}; envuidgid(8) sets it`)
}

/** Reads a number of seconds, or a number with a unit: `90`, `45m`, `12h`, `7d`. */
function readDuration(name: string, text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,8})([smhd]?)$/.exec(text) ?? []
  const seconds = Number(digits) * ({ '': 1, s: 1, m: 60, h: 3600, d: 86_400 }[unit] ?? Number.NaN)
  if (digits !== '' && seconds <= REMEMBER_MAX) return seconds
  throw new UsageError(
    `${name} ${text}: is not a time such as 12h or 1d, of 90d at most; 0 switches it off`,
  )
}

/** Reads `25`, `0:25`, `192.0.2.1:25`, `[2001:db8::1]:25` or `fd:3`. */
function readGateAddress(text: string): GateAddress {
  const [, fd] = /^fd:(\d{1,5})$/.exec(text) ?? []
  if (Number(fd) >= DESCRIPTOR_MIN && Number(fd) <= DESCRIPTOR_MAX) {
    return { kind: 'inherited', fd: Number(fd), text }
  }
  if (fd !== undefined) {
    throw new UsageError(
      `--listen ${text}: is not a descriptor from ${DESCRIPTOR_MIN} to ${DESCRIPTOR_MAX}`,
    )
  }
  const isPort = /^\d+$/.test(text)
  const place = parseEndpoint(isPort ? `0:${text}` : text, { leastPort: 0 })
  const address = place && (place.host === '0' ? ANY_IPV4 : parseIpAddress(place.host))
  if (place && address) {
    return { kind: 'bind', address: isPort ? undefined : address, port: place.port, text }
  }
  throw new UsageError(
    `--listen ${text}: is not [ADDRESS:]PORT, as 25, 192.0.2.1:25, [2001:db8::1]:25, or fd:3 for a socket that was handed over`,
  )
}
