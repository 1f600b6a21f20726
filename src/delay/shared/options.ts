import type { Environment } from '../../ground/settings/settings.ts'
import {
  GATE_DEFAULTS,
  GATE_WITH_VALUE,
  GATE_WITHOUT_VALUE,
  type GateOptions,
  readGateOptions,
} from './gate-options.ts'
import { type OptionValues, SEE_HELP, splitOptions, UsageError } from './split-options.ts'

export interface DelayOptions {
  /** Seconds by class of the client: -d, -D, -N. */
  readonly delays: {
    readonly ordinary: number
    readonly dynamic: number
    readonly nameless: number
  }
  /** -P: seconds that an early talker is held before it is refused. */
  readonly penalty: number
  /** -S: whether early talkers are refused here, instead of by the next program. */
  readonly standalone: boolean
  readonly verbose: boolean
  /** The text of the reply 451 to an early talker. */
  readonly text: string
  readonly allowFile: string | undefined
  /** Files of name rules, tried in this order and before the built-in rules. */
  readonly nameFiles: readonly string[]
  /** Most connections that wait at once, and the directory of their locks. */
  readonly limit: { readonly most: number; readonly directory: string } | undefined
  /** DNS servers to ask instead of those of the system. */
  readonly dnsServers: readonly string[]
  /** Seconds that all DNS questions about a client may take together. */
  readonly dnsTimeout: number
  readonly explain: boolean
  /** The options of the gate; undefined without --listen. */
  readonly gate: GateOptions | undefined
  /** The next program and its arguments; with --explain an address and perhaps a name. */
  readonly words: readonly string[]
}

/** Seconds: a client waits at least five minutes for the greeting (RFC 5321 4.5.3.2.1). */
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
                  [--per-client NUMBER] [--patience SECONDS]
                  [--remember TIME] [-x CDB] [-X]
                  [-u UID] [-g GID] [-U] [-l LOCALNAME] [-b NUMBER]
                  [-1hHoOpqQR] [--no-delay] [OPTION...] PROGRAM [ARG...]
       smtp-delay [OPTION...] --explain ADDRESS [NAME]
       smtp-delay --help|--version

A client waits for -d seconds, for -D if its name looks dynamic, and for -N if it has no name.
The second form takes the place of tcpserver. smtp-delay(8) says what each option does.
`

/** What counts if an option is not given: seconds. */
const DEFAULTS = { '-d': 1, '-D': 10, '-N': 20, '-P': 5, '--dns-timeout': 5 } as const
/** The defaults of all options that have one in a word, for smtp-delay(8). */
export const optionDefaults: Readonly<Record<string, string | number>> = {
  ...DEFAULTS,
  ...GATE_DEFAULTS,
}

const WITH_VALUE = [
  '-d',
  '-D',
  '-N',
  '-P',
  '--allow',
  '--names',
  '--limit',
  '--locks',
  '--text',
  '--dns',
  '--dns-timeout',
]
const WITHOUT_VALUE = ['-S', '-v', '--explain']
/** The names of all options. */
export const OPTIONS: readonly string[] = [
  ...WITH_VALUE,
  ...WITHOUT_VALUE,
  ...GATE_WITH_VALUE,
  ...GATE_WITHOUT_VALUE,
]

/**
 * Reads the command line. The first word that is not an option is the next program, and the words after
 * it are that program's arguments. Throws a UsageError.
 */
export function readOptions(argv: readonly string[], env: Environment = {}): DelayOptions {
  const { values, words } = splitOptions(argv, {
    withValue: [...WITH_VALUE, ...GATE_WITH_VALUE],
    withoutValue: [...WITHOUT_VALUE, ...GATE_WITHOUT_VALUE],
  })
  const last = (name: string) => values.get(name)?.at(-1)
  const seconds = (name: keyof typeof DEFAULTS) => readSeconds(name, last(name)) ?? DEFAULTS[name]
  const explain = values.has('--explain')
  if (words.length === 0) throw new UsageError(`no ${explain ? 'address' : 'program'}; ${SEE_HELP}`)
  return {
    delays: { ordinary: seconds('-d'), dynamic: seconds('-D'), nameless: seconds('-N') },
    penalty: seconds('-P'),
    standalone: values.has('-S'),
    verbose: values.has('-v'),
    text: readText(last('--text')),
    allowFile: last('--allow'),
    nameFiles: values.get('--names') ?? [],
    limit: readLimit(last('--limit'), last('--locks')),
    dnsServers: values.get('--dns') ?? [],
    dnsTimeout: seconds('--dns-timeout'),
    explain,
    gate: readGate(values, env),
    words,
  }
}

function readGate(values: OptionValues, env: Environment): GateOptions | undefined {
  if (!values.has('--listen')) {
    const gateOption = [...GATE_WITH_VALUE, ...GATE_WITHOUT_VALUE].find((name) => values.has(name))
    if (gateOption !== undefined)
      throw new UsageError(`${gateOption}: is for the gate; also give --listen`)
    return undefined
  }
  if (values.has('--limit') || values.has('--locks')) {
    throw new UsageError(
      '--limit and --locks: are for smtp-delay behind tcpserver; with --listen give --waiting',
    )
  }
  return readGateOptions(values, env)
}

/** Reads seconds from 0 to DELAY_MAX, perhaps with a fraction. Undefined for anything else. */
export function parseSeconds(text: string): number | undefined {
  const seconds = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN
  return seconds <= DELAY_MAX ? seconds : undefined
}

function readSeconds(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const seconds = parseSeconds(value)
  if (seconds === undefined) {
    throw new UsageError(`${name} ${value}: is not a number of seconds from 0 to ${DELAY_MAX}`)
  }
  return seconds
}

function readText(text: string | undefined): string {
  if (text === undefined) return DEFAULT_TEXT
  // To rblsmtpd a text that begins with "-" is a permanent refusal, and an empty one accepts the
  // client.
  if (!/^[!-,.-~][ -~]*$/.test(text) || text.length > TEXT_MAX) {
    throw new UsageError(
      `--text ${text}: must be 1 to ${TEXT_MAX} printable ASCII characters, the first not - or blank`,
    )
  }
  return text
}

function readLimit(most: string | undefined, directory: string | undefined): DelayOptions['limit'] {
  if (most === undefined && directory === undefined) return undefined
  if (most === undefined || directory === undefined) {
    throw new UsageError('--limit N and --locks DIR are used together')
  }
  const number = /^[1-9]\d{0,4}$/.test(most) ? Number(most) : Number.POSITIVE_INFINITY
  if (number > LIMIT_MAX) {
    throw new UsageError(`--limit ${most}: is not a number from 1 to ${LIMIT_MAX}`)
  }
  return { most: number, directory }
}
