import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { ParseArgsOptionsConfig } from 'node:util'
import { AggregateFault, FaultCollector } from '../../../base/errors/aggregate-fault.ts'
import { errorText } from '../../../base/errors/fault.ts'
import { parseEndpoint, socketPath } from '../../../base/net/endpoint.ts'
import { parseOptions } from '../../../base/process/parse-options.ts'
import { SLOT_SOCKET } from '../../../base/settings/table.ts'
import { byteSize, wholeNumber } from '../../../base/text/values.ts'
import {
  type DoorAddress,
  type DoorKind,
  doorKindOf,
  parseClamdDoorAddress,
  parseDoorAddress,
} from './door-address.ts'
import { FROM_STANDARD, readSmtpDoors, refuseLoops, type SmtpDoorOptions } from './smtp-doors.ts'

/** onescand(8), OPTIONS. */
export interface DaemonOptions {
  /** The path where clients of the slot door connect, or undefined if there is none. */
  readonly socket: string | undefined
  /** The addresses where MTAs connect by the milter protocol. */
  readonly milters: readonly DoorAddress[]
  /** The addresses where Postfix and onescan-rcptquota ask about recipients. */
  readonly policies: readonly DoorAddress[]
  /**
   * The addresses for programs that use clamd's protocol, and those for programs that send only whole messages.
   */
  readonly clamds: readonly DoorAddress[]
  readonly clamdsForMail: readonly DoorAddress[]
  /** The addresses where mail servers connect over SMTP or LMTP, and the next server of each. */
  readonly smtpDoors: readonly SmtpDoorOptions[]
  /** The permission bits of sockets with a path. */
  readonly mode: number
  /** The group id of these sockets; undefined: that of the process. */
  readonly group: number | undefined
  /** The number of processes that judge mail. */
  readonly workers: number
  /** Bytes of the largest message. */
  readonly maxSize: number
  /** Bytes of memory for messages being scanned, in each process and at each address. */
  readonly memory: number
  readonly maxClients: number
  /** The address of metrics, health and the page, or undefined if they are not served. */
  readonly http: DoorAddress | undefined
  /** Whether --check checks the running onescand, which has all doors open. */
  readonly isRunning: boolean
  /** The file with the token that the page requires. */
  readonly httpToken: string | undefined
  /** The file with the tokens for the quarantine over HTTP, and the SMTP server for releases; undefined: it is off. */
  readonly httpQuarantine: { readonly tokenFile: string; readonly releaseBy: string } | undefined
  readonly httpHidesAddresses: boolean
  /** Whether --check-settings checks the settings alone. */
  readonly checksSettings: boolean
  /** Milliseconds for messages in progress when onescand is asked to end. */
  readonly grace: number
  /**
   * Set for a worker: the kinds of the sockets that it got from the first process, in their order.
   */
  readonly workerFor: readonly DoorKind[] | undefined
}

/** Maximum number of workers without --workers, for any number of processors. */
const DEFAULT_WORKERS_MAX = 4
/**
 * The processors that clamd uses, which takes two fifths of the time. On a host with two processors, a second worker
 * takes a third more time for each mail, and does not scan more of them.
 */
const PROCESSORS_OF_CLAMD = 1

/** The defaults of options, as documented in onescand(8). */
export const optionDefaults = {
  socket: SLOT_SOCKET,
  from: FROM_STANDARD,
  mode: '0660',
  workers: `one fewer than the number of CPUs, from 1 to ${DEFAULT_WORKERS_MAX}`,
  'max-size': '100M',
  'max-clients': 200,
  memory: '64M',
  grace: 20,
  'http-release': '127.0.0.1:25',
} as const

export const usage = `usage: onescand [--socket PATH|none] [--milter ADDRESS]... [--policy ADDRESS]...
                [--clamd ADDRESS]... [--clamd-mail ADDRESS]...
                [--smtp|--lmtp ADDRESS --next ADDRESS [--from NETWORKS] [--after-queue]]...
                [--http ADDRESS] [--http-token FILE] [--http-hide-addresses]
                [--http-quarantine FILE] [--http-release HOST:PORT]
                [--mode MODE] [--group GROUP] [--workers NUMBER]
                [--max-size SIZE] [--max-clients NUMBER] [--memory SIZE]
                [--grace SECONDS]
       onescand --check|--check-settings [OPTION]...
       onescand --help|--version

ADDRESS is unix:PATH, inet:ADDRESS:PORT or inet6:[ADDRESS]:PORT; for clamd also
tls:ADDRESS:PORT or tls:[ADDRESS]:PORT.
`

/** The options, in the form of parseArgs() of node:util. */
const known = {
  socket: { type: 'string', default: optionDefaults.socket },
  milter: { type: 'string', multiple: true, default: [] },
  policy: { type: 'string', multiple: true, default: [] },
  clamd: { type: 'string', multiple: true, default: [] },
  'clamd-mail': { type: 'string', multiple: true, default: [] },
  smtp: { type: 'string', multiple: true },
  lmtp: { type: 'string', multiple: true },
  next: { type: 'string', multiple: true },
  from: { type: 'string', multiple: true },
  'after-queue': { type: 'boolean', multiple: true },
  http: { type: 'string' },
  'http-token': { type: 'string' },
  'http-quarantine': { type: 'string' },
  'http-release': { type: 'string', default: optionDefaults['http-release'] },
  'http-hide-addresses': { type: 'boolean', default: false },
  mode: { type: 'string', default: optionDefaults.mode },
  group: { type: 'string' },
  workers: { type: 'string' },
  'max-size': { type: 'string' },
  'max-clients': { type: 'string' },
  memory: { type: 'string' },
  grace: { type: 'string' },
  worker: { type: 'string' },
  check: { type: 'boolean' }, // onescand.ts handles it
  'check-settings': { type: 'boolean', default: false },
  json: { type: 'boolean' }, // onescand.ts handles it, too
  running: { type: 'boolean', default: false }, // from onescan check
} satisfies ParseArgsOptionsConfig

/**
 * Reads the options, on a host with this number of processors. Throws an AggregateFault with all that is wrong with
 * them.
 */
export function readOptions(
  args: readonly string[],
  processors: number = availableParallelism(),
): DaemonOptions {
  const { values, tokens, faults: wrong } = parseOptions(args, known)
  const faults = new FaultCollector()
  const options: DaemonOptions = {
    ...readInterfaces({ values, tokens }, faults),
    httpToken: values['http-token'],
    httpQuarantine: faults.attempt(() => readHttpQuarantine(values), undefined),
    httpHidesAddresses: values['http-hide-addresses'],
    mode: faults.attempt(() => parseMode(values.mode), 0),
    group: faults.attempt(
      () => (values.group === undefined ? undefined : readGroup(values.group)),
      undefined,
    ),
    ...readLimits(values, processors, faults),
    isRunning: values.running,
    checksSettings: values['check-settings'],
    workerFor: values.worker?.split(',').map(doorKindOf),
  }
  faults.attempt(() => refuseLoops(options.smtpDoors, placesOf(options)), undefined)
  const all = [...wrong, ...faults.lines]
  if (all.length > 0) throw new AggregateFault(all)
  return options
}

type ParsedArguments = ReturnType<typeof parseOptions<typeof known>>

/** The addresses where onescand listens. */
type Interfaces = Pick<
  DaemonOptions,
  'socket' | 'milters' | 'policies' | 'clamds' | 'clamdsForMail' | 'smtpDoors' | 'http'
>

function readInterfaces(
  { values, tokens }: Pick<ParsedArguments, 'values' | 'tokens'>,
  faults: FaultCollector,
): Interfaces {
  const addresses = (texts: readonly string[], option: string, read = parseDoorAddress) =>
    texts.flatMap((address) => faults.attempt(() => [read(address, option)], []))
  return {
    socket: faults.attempt(
      () => (values.socket === 'none' ? undefined : socketPath(values.socket, '--socket')),
      undefined,
    ),
    milters: addresses(values.milter, '--milter'),
    policies: addresses(values.policy, '--policy'),
    clamds: addresses(values.clamd, '--clamd', parseClamdDoorAddress),
    clamdsForMail: addresses(values['clamd-mail'], '--clamd-mail', parseClamdDoorAddress),
    smtpDoors: faults.attempt(
      () => readSmtpDoors(tokens.filter((token) => token.kind === 'option')),
      [],
    ),
    http: addresses(values.http === undefined ? [] : [values.http], '--http')[0],
  }
}

function readHttpQuarantine(values: ParsedArguments['values']): DaemonOptions['httpQuarantine'] {
  const { 'http-quarantine': tokenFile, 'http-release': releaseBy, http } = values
  if (tokenFile === undefined) return undefined
  if (http === undefined) throw new Error('--http-quarantine: needs --http ADDRESS')
  if (parseEndpoint(releaseBy) === undefined)
    throw new Error(`--http-release ${releaseBy}: must be HOST:PORT`)
  return { tokenFile, releaseBy }
}

function readLimits(
  values: ParsedArguments['values'],
  processors: number,
  faults: FaultCollector,
): Pick<DaemonOptions, 'workers' | 'maxSize' | 'memory' | 'maxClients' | 'grace'> {
  const number = (name: 'workers' | 'max-clients' | 'grace', byDefault: number, min: number) =>
    faults.attempt(
      () => wholeNumber(values[name], `--${name}`, byDefault, { min, max: 10_000 }),
      byDefault,
    )
  const bytes = (name: 'max-size' | 'memory', byDefault: string) =>
    faults.attempt(() => byteSize(values[name] || byDefault, `--${name}`, 0), 0)
  const workers = Math.max(1, Math.min(processors - PROCESSORS_OF_CLAMD, DEFAULT_WORKERS_MAX))
  return {
    workers: number('workers', workers, 1),
    maxSize: bytes('max-size', optionDefaults['max-size']),
    memory: bytes('memory', optionDefaults.memory),
    maxClients: number('max-clients', optionDefaults['max-clients'], 1),
    grace: number('grace', optionDefaults.grace, 0) * 1000,
  }
}

/** All addresses where onescand listens. */
function placesOf({
  socket,
  milters,
  policies,
  clamds,
  clamdsForMail,
  smtpDoors,
  http,
}: Interfaces): DoorAddress[] {
  const asked = [...milters, ...policies, ...clamds, ...clamdsForMail]
  const others = [...asked, ...smtpDoors.map(({ address }) => address)]
  if (socket !== undefined) others.push({ kind: 'unix', path: socket })
  return http === undefined ? others : [...others, http]
}

function parseMode(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8)
  throw new Error(`--mode ${text}: must be three octal digits`)
}

/** A group by number, or by its name in group(5). */
function readGroup(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text)
  try {
    const entries = readFileSync('/etc/group', 'latin1').split('\n')
    const entry = entries.find((line) => line.startsWith(`${text}:`))
    if (entry !== undefined) return Number(entry.split(':')[2])
  } catch (error) {
    throw new Error(`--group ${text}: ${errorText(error)}`)
  }
  throw new Error(`--group ${text}: there is no such group; create it, or specify a number`)
}

/**
 * Returns how many connections a worker accepts at each of its listening sockets, and how many clients it serves
 * there: `--max-clients`, or fewer. Further clients wait in the queue of the socket; without the addon their
 * connections are closed.
 *
 * Half of the descriptors are for connections, the same number for each socket. The other half is for files
 * of messages, scanners and all other files of a worker. A client may need two: the SMTP door connects
 * to the next server for it.
 */
export function connectionLimits(
  descriptors: number,
  listeningSockets: number,
  maxClients: number,
): { readonly connections: number; readonly clients: number } {
  const connections = Math.max(2, Math.floor(descriptors / 2 / listeningSockets))
  return { connections, clients: Math.min(maxClients, Math.floor(connections / 2)) }
}
