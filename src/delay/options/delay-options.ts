import { parseEndpoint } from '../../lib/net/endpoint.ts'
import { type IpAddress, parseIpAddress } from '../../lib/net/ip-address.ts'
import type { Environment } from '../../lib/process/environment.ts'

export interface DelayOptions {
  /** Seconds by class of the client: -d, -D, -N. */
  readonly delays: {
    readonly ordinary: number
    readonly dynamic: number
    readonly nameless: number
  }
  /** -P: seconds for which an early talker is held before it is refused. */
  readonly penalty: number
  /** -S: whether early talkers are refused here, instead of by the next program. */
  readonly standalone: boolean
  readonly verbose: boolean
  /** The text of the reply 451 to an early talker. */
  readonly text: string
  readonly allowFile: string | undefined
  /** Files of name rules, tried in this order and before the built-in rules. */
  readonly nameFiles: readonly string[]
  /** Upper limit for waiting connections, and the directory of their locks. */
  readonly limit: { readonly most: number; readonly directory: string } | undefined
  /** DNS servers to query instead of those of the system. */
  readonly dnsServers: readonly string[]
  /** Time limit, in seconds, for all DNS queries about a client together. */
  readonly dnsTimeout: number
  readonly explain: boolean
  /** The options of the gate, or undefined without --listen. */
  readonly gate: GateOptions | undefined
  /** The next program and its arguments; with --explain an address and optionally a name. */
  readonly argv: readonly string[]
}

/** The options of the gate, which replaces tcpserver; smtp-delay(8), THE GATE. */
export interface GateOptions {
  readonly listen: readonly GateAddress[]
  /** -c: most programs that run at the same time. */
  readonly programs: number
  /** Maximum number of waiting connections, or undefined if --waiting is not given. */
  readonly waiting: number | undefined
  /** Maximum number of connections of one client, waiting or served. */
  readonly perClient: number
  /** Seconds for which a client, after its delay, waits for a program to become free. */
  readonly waitTimeout: number
  /** Seconds for which a client that behaved is stored. With 0 no client is. */
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

/** The address of the gate: an address and port to bind, or a descriptor that listens already. */
type GateAddress =
  | {
      readonly kind: 'bind'
      readonly address: IpAddress | undefined
      readonly port: number
      readonly text: string
    }
  | { readonly kind: 'inherited'; readonly fd: number; readonly text: string }

/** An error in the command line. Its message ends with what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/**
 * Upper limit, in seconds, for a delay, and for --wait-timeout: a client waits at least five minutes for the
 * greeting (RFC 5321 4.5.3.2.1).
 */
export const DELAY_MAX = 300
/** Characters after which rblsmtpd cuts RBLSMTPD off. */
const TEXT_MAX = 200
const LIMIT_MAX = 10_000

const DEFAULT_TEXT =
  'your mail server talked before it was greeted (RFC 5321 4.3.1); wait for the greeting and try again'

export const USAGE = `usage: smtp-delay [-d SECONDS] [-D SECONDS] [-N SECONDS] [-P SECONDS] [-Sv]
                  [--allow FILE] [--names FILE]...
                  [--limit NUMBER --locks DIRECTORY] [--text TEXT]
                  [--dns SERVER]... [--dns-timeout SECONDS] PROGRAM [ARG...]
       smtp-delay --listen [ADDRESS:]PORT [-c NUMBER] [--waiting NUMBER]
                  [--per-client NUMBER] [--wait-timeout SECONDS]
                  [--remember TIME] [-x CDB] [-X]
                  [-u UID] [-g GID] [-U] [-l LOCALNAME] [-b NUMBER]
                  [-1hHoOpqQR] [--no-delay] [OPTION...] PROGRAM [ARG...]
       smtp-delay [OPTION...] --explain ADDRESS [NAME]
       smtp-delay --help|--version

A client waits for -d seconds, for -D if its name looks dynamic, and for -N if it has no name.
The second form replaces tcpserver. See smtp-delay(8).
`

/** The defaults of options. The first ones are seconds. */
export const optionDefaults = {
  '-d': 1,
  '-D': 10,
  '-N': 20,
  '-P': 5,
  '--dns-timeout': 5,
  /** As in tcpserver(1). */
  '-c': 40,
  '--waiting': 10_000,
  '--wait-timeout': 60,
  '--remember': '1d',
  /** More than tcpserver's 20: the kernel holds clients that connect while the gate is busy. */
  '-b': 1024,
} as const

const WITH_VALUE = '-d -D -N -P --allow --names --limit --locks --text --dns --dns-timeout'.split(
  ' ',
)
const WITHOUT_VALUE = ['-S', '-v', '--explain']
const GATE_WITH_VALUE =
  '--listen -c --waiting --per-client --wait-timeout --remember -x -u -g -l -b'.split(' ')
const GATE_WITHOUT_VALUE = '-X -U -h -H -p -R -1 -o -O -q -Q --no-delay'.split(' ')

/** The names of all options. */
export const OPTIONS: readonly string[] = [
  ...WITH_VALUE,
  ...WITHOUT_VALUE,
  ...GATE_WITH_VALUE,
  ...GATE_WITHOUT_VALUE,
]

/**
 * Reads the command line. The first argument that is not an option is the next program, and the arguments after
 * it are that program's arguments. Throws a UsageError.
 */
export function readOptions(args: readonly string[], env: Environment = {}): DelayOptions {
  const { values, argv } = splitOptions(args)
  const last = (name: string) => values.get(name)?.at(-1)
  const seconds = (name: '-d' | '-D' | '-N' | '-P' | '--dns-timeout') => {
    const text = last(name)
    return text === undefined ? optionDefaults[name] : readSeconds(name, text)
  }
  const explain = values.has('--explain')
  if (argv.length === 0) throw new UsageError(`no ${explain ? 'address' : 'program'}; ${SEE_HELP}`)
  return {
    delays: { ordinary: seconds('-d'), dynamic: seconds('-D'), nameless: seconds('-N') },
    penalty: seconds('-P'),
    standalone: values.has('-S'),
    verbose: values.has('-v'),
    text: readText(last('--text')),
    allowFile: last('--allow'),
    nameFiles: values.get('--names') ?? [],
    limit: readLimit(values),
    dnsServers: values.get('--dns') ?? [],
    dnsTimeout: seconds('--dns-timeout'),
    explain,
    gate: readGate(values, env),
    argv,
  }
}

function readGate(values: OptionValues, env: Environment): GateOptions | undefined {
  if (!values.has('--listen')) {
    const gateOption = [...GATE_WITH_VALUE, ...GATE_WITHOUT_VALUE].find((name) => values.has(name))
    if (gateOption !== undefined) throw new UsageError(`${gateOption}: needs --listen`)
    return undefined
  }
  if (values.has('--limit') || values.has('--locks')) {
    throw new UsageError(
      '--limit and --locks: are for smtp-delay behind tcpserver; with --listen use --waiting',
    )
  }
  return readGateOptions(values, env)
}

/** Half of the programs, as in Postfix: one client must not use all of them. */
const defaultPerClient = (programs: number): number => Math.ceil(programs / 2)

const PROGRAMS_MAX = 100_000
const WAITING_MAX = 1_000_000
const REMEMBER_MAX = 90 * 86_400
const BACKLOG_MAX = 65_535
const ID_MAX = 4_294_967_294
/** 0, 1 and 2 are the standard streams. */
const LISTEN_FD_MIN = 3
const LISTEN_FD_MAX = 1023

/** The meaning of the host 0 in tcpserver(1): every address of IPv4. */
const ANY_IPV4 = Uint8Array.of(0, 0, 0, 0)

/** Parses the options of the gate. -U uses UID and GID from `env`. Throws a UsageError. */
function readGateOptions(values: OptionValues, env: Environment): GateOptions {
  const number = (name: string, min: number, max: number) => {
    const text = values.get(name)?.at(-1)
    return text === undefined ? undefined : readNumber(name, text, min, max)
  }
  const rulesFile = values.get('-x')?.at(-1)
  const programs = number('-c', 1, PROGRAMS_MAX) ?? optionDefaults['-c']
  const ownId = (name: string) =>
    values.has('-U')
      ? readNumber(`-U: ${name}`, env[name] ?? '', 1, ID_MAX, '; envuidgid(8) sets it')
      : undefined
  return {
    listen: values.get('--listen')!.map(parseGateAddress),
    programs,
    waiting: number('--waiting', 1, WAITING_MAX),
    perClient: number('--per-client', 1, WAITING_MAX) ?? defaultPerClient(programs),
    waitTimeout: number('--wait-timeout', 0, DELAY_MAX) ?? optionDefaults['--wait-timeout'],
    remember: parseRemember(values.get('--remember')?.at(-1) ?? optionDefaults['--remember']),
    rules:
      rulesFile === undefined ? undefined : { file: rulesFile, mayBeMissing: values.has('-X') },
    uid: number('-u', 1, ID_MAX) ?? ownId('UID'),
    gid: number('-g', 1, ID_MAX) ?? ownId('GID'),
    lookUp: values.has('-H') ? 'never' : values.has('-p') ? 'confirmed name' : 'name',
    localName: values.get('-l')?.at(-1),
    backlog: number('-b', 1, BACKLOG_MAX) ?? optionDefaults['-b'],
    printPort: values.has('-1'),
    keepIpOptions: values.has('-o'),
    noDelay: values.has('--no-delay'),
    quiet: values.has('-q'),
  }
}

/** Parses seconds from 0 to DELAY_MAX, perhaps with a fraction. Undefined for anything else. */
export function parseSeconds(text: string): number | undefined {
  const seconds = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN
  return seconds <= DELAY_MAX ? seconds : undefined
}

function readSeconds(name: string, text: string): number {
  const seconds = parseSeconds(text)
  if (seconds !== undefined) return seconds
  throw new UsageError(`${name} ${text}: is not a number of seconds from 0 to ${DELAY_MAX}`)
}

function readText(text: string | undefined): string {
  if (text === undefined) return DEFAULT_TEXT
  // To rblsmtpd a text that begins with "-" is a permanent refusal, and an empty one accepts the
  // client.
  if (!/^[!-,.-~][ -~]*$/.test(text) || text.length > TEXT_MAX) {
    throw new UsageError(
      `--text ${text}: must be 1 to ${TEXT_MAX} printable ASCII characters, the first neither - nor a space`,
    )
  }
  return text
}

function readLimit(values: OptionValues): DelayOptions['limit'] {
  const [most, directory] = ['--limit', '--locks'].map((name) => values.get(name)?.at(-1))
  if (most === undefined && directory === undefined) return undefined
  if (most === undefined || directory === undefined) {
    throw new UsageError('--limit N and --locks DIR are used together')
  }
  return { most: readNumber('--limit', most, 1, LIMIT_MAX), directory }
}

function readNumber(name: string, text: string, min: number, max: number, remedy = ''): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (number >= min && number <= max) return number
  throw new UsageError(`${name} ${text}: is not a number from ${min} to ${max}${remedy}`)
}

/** Parses a number of seconds, or a number with a unit: `90`, `45m`, `12h`, `7d`. */
function parseRemember(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,8})([smhd]?)$/.exec(text) ?? []
  const seconds = Number(digits) * ({ '': 1, s: 1, m: 60, h: 3600, d: 86_400 }[unit] ?? Number.NaN)
  if (digits !== '' && seconds <= REMEMBER_MAX) return seconds
  throw new UsageError(
    `--remember ${text}: must be a time such as 12h or 1d, at most 90d, or 0 to turn it off`,
  )
}

/** Parses `25`, `0:25`, `192.0.2.1:25`, `[2001:db8::1]:25` or `fd:3`. */
function parseGateAddress(text: string): GateAddress {
  const [, fd] = /^fd:(\d{1,5})$/.exec(text) ?? []
  if (Number(fd) >= LISTEN_FD_MIN && Number(fd) <= LISTEN_FD_MAX) {
    return { kind: 'inherited', fd: Number(fd), text }
  }
  if (fd !== undefined) {
    throw new UsageError(
      `--listen ${text}: is not a descriptor from ${LISTEN_FD_MIN} to ${LISTEN_FD_MAX}`,
    )
  }
  const isPort = /^\d+$/.test(text)
  const place = parseEndpoint(isPort ? `0:${text}` : text, { leastPort: 0 })
  const address = place && (place.host === '0' ? ANY_IPV4 : parseIpAddress(place.host))
  if (place && address) {
    return { kind: 'bind', address: isPort ? undefined : address, port: place.port, text }
  }
  throw new UsageError(
    `--listen ${text}: must be [ADDRESS:]PORT, such as 25, 192.0.2.1:25 or [2001:db8::1]:25, or fd:3 for a socket that the parent passes`,
  )
}

/** The values of each option, in their order. An option without a value has ''. */
type OptionValues = ReadonlyMap<string, readonly string[]>

/** The end of an error about an argument that is missing or unknown. */
const SEE_HELP = 'see smtp-delay --help'

/**
 * Reads options up to the first argument that is not an option or follows `--`. Returns the options, and
 * the arguments from there on. Options have the forms `-d 1`, `-d1`, `-Sv`, `--names FILE` and
 * `--names=FILE`. Throws a UsageError.
 */
function splitOptions(args: readonly string[]): { values: OptionValues; argv: string[] } {
  const withValue = [...WITH_VALUE, ...GATE_WITH_VALUE]
  const values = new Map<string, string[]>()
  const argv = [...args]
  const give = (name: string, value: string) =>
    values.set(name, [...(values.get(name) ?? []), value])
  while (argv[0]?.startsWith('-') && argv[0] !== '-') {
    const word = argv.shift()!
    if (word === '--') break
    const [, name = '', rest] = /^(--[^=]*|-.)(.*)$/s.exec(word)!
    if (withValue.includes(name)) {
      const attached = name.startsWith('--') ? rest!.slice(1) : rest
      const value = rest === '' ? argv.shift() : attached
      if (!value) throw new UsageError(`${name}: needs a value; ${SEE_HELP}`)
      give(name, value)
    } else if (OPTIONS.includes(name) && (rest === '' || !name.startsWith('--'))) {
      give(name, '')
      if (rest !== '') argv.unshift(`-${rest}`)
    } else throw new UsageError(`${word}: is not an option; ${SEE_HELP}`)
  }
  return { values, argv }
}
