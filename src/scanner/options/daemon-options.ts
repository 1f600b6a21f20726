import { availableParallelism } from 'node:os'
import { FaultCollector } from '../../base/errors/aggregate-fault.ts'
import { attempt } from '../../base/errors/fault.ts'
import { parseEndpoint, socketPath } from '../../base/net/endpoint.ts'
import { readByTable } from '../../base/process/parse-options.ts'
import { SLOT_SOCKET } from '../../base/settings/table.ts'
import { byteSize, wholeNumber } from '../../base/text/values.ts'
import { groupId, readAccounts } from '../readiness/host/account.ts'
import { doorBy, doorKindOf, namedDoor, parseDoorAddress } from './door-address.ts'
import { FROM_STANDARD, readSmtpDoors, refuseLoops } from './smtp-doors.ts'

/** Maximum number of workers without --workers, for any number of processors. */
const DEFAULT_WORKERS_MAX = 4
/**
 * The processors that clamd uses, which takes two fifths of the time. On a host with two processors, a second worker
 * takes a third more time for each mail, and does not scan more of them.
 */
const PROCESSORS_OF_CLAMD = 1

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

const count = (min: number) => (text: string, name: string) =>
  wholeNumber(text, name, min, { min, max: 10_000 })
const bytes = (text: string, name: string) => byteSize(text, name, 0)

/** The options: how each is parsed (parseArgs() of node:util), and how its text becomes a value. */
const known = {
  socket: { type: 'string', default: SLOT_SOCKET, read: readSocket },
  milter: { type: 'string', multiple: true, read: doorBy('milter') },
  policy: { type: 'string', multiple: true, read: doorBy('policy') },
  clamd: { type: 'string', multiple: true, read: doorBy('clamd') },
  'clamd-mail': { type: 'string', multiple: true, read: doorBy('clamd-mail') },
  smtp: { type: 'string', multiple: true }, // these five: smtp-doors.ts
  lmtp: { type: 'string', multiple: true },
  next: { type: 'string', multiple: true },
  from: { type: 'string', multiple: true },
  'after-queue': { type: 'boolean', multiple: true },
  http: { type: 'string', read: parseDoorAddress },
  'http-token': { type: 'string' },
  'http-quarantine': { type: 'string' },
  'http-release': { type: 'string', default: '127.0.0.1:25', read: readServer },
  'http-hide-addresses': { type: 'boolean', default: false },
  mode: { type: 'string', default: '0660', read: parseMode },
  group: { type: 'string', read: readGroup },
  workers: { type: 'string', read: count(1) },
  'max-size': { type: 'string', default: '100M', read: bytes },
  'max-clients': { type: 'string', default: '200', read: count(1) },
  memory: { type: 'string', default: '64M', read: bytes },
  grace: { type: 'string', default: '20', read: count(0) },
  worker: { type: 'string', read: (text: string) => text.split(',').map(doorKindOf) },
  check: { type: 'boolean' }, // onescand.ts handles it
  'check-settings': { type: 'boolean', default: false },
  json: { type: 'boolean' }, // onescand.ts handles it, too
  running: { type: 'boolean', default: false }, // from onescan check
} as const

/** The defaults of options, as documented in onescand(8). */
export const optionDefaults: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(known).flatMap(([name, option]) =>
      'default' in option && typeof option.default === 'string' ? [[name, option.default]] : [],
    ),
  ),
  from: FROM_STANDARD,
  workers: `one fewer than the number of CPUs, from 1 to ${DEFAULT_WORKERS_MAX}`,
}

/** onescand(8), OPTIONS. */
export type DaemonOptions = Readonly<ReturnType<typeof readOptions>>

/** Returns the options without what is wrong in them, about which onescand itself complains. */
export function understoodOptions(args: readonly string[]): DaemonOptions {
  return attempt(() => readOptions(args, 1, new FaultCollector())) ?? readOptions([])
}

/** Returns a line for each fault of the options. */
export function optionFaults(args: readonly string[]): readonly string[] {
  const faults = new FaultCollector()
  faults.attempt(() => readOptions(args), undefined)
  return faults.lines
}

/**
 * Reads the options, on a host with this number of processors. Throws an AggregateFault with all that is wrong with
 * them, or notes in `noted` what is wrong and left out.
 */
export function readOptions(
  args: readonly string[],
  processors: number = availableParallelism(),
  noted?: FaultCollector,
) {
  return readByTable(
    args,
    known,
    (values, tokens, faults) => {
      const { socket, http, 'http-quarantine': tokenFile, 'http-release': releaseBy } = values
      const doors = [
        ...(socket === undefined ? [] : [namedDoor('qmail', { kind: 'unix', path: socket })]),
        ...[...values.milter, ...values.policy, ...values.clamd, ...values['clamd-mail']],
        ...faults.attempt(() => readSmtpDoors(tokens), []),
      ]
      faults.attempt(() => refuseLoops(doors, http), undefined)
      if (tokenFile !== undefined && !tokens.some(({ name }) => name === 'http'))
        faults.lines.push('--http-quarantine: needs --http ADDRESS')
      const workers = Math.max(1, Math.min(processors - PROCESSORS_OF_CLAMD, DEFAULT_WORKERS_MAX))
      return {
        /** The path where clients of the slot door connect, or undefined if there is none. */
        socket,
        /** All doors that are named: that of the slot, and those for mail servers and other clients. */
        doors,
        /** The address of metrics, health and the page, or undefined if they are not served. */
        http,
        /** The file with the token that the page requires. */
        httpToken: values['http-token'],
        /** The file with the tokens for the quarantine over HTTP, and the SMTP server for releases; undefined: it is off. */
        httpQuarantine: tokenFile === undefined ? undefined : { tokenFile, releaseBy },
        httpHidesAddresses: values['http-hide-addresses'],
        /** The permission bits of sockets with a path. */
        mode: values.mode,
        /** The group id of these sockets; undefined: that of the process. */
        group: values.group,
        /** The number of processes that judge mail. */
        workers: values.workers ?? workers,
        /** Bytes of the largest message. */
        maxSize: values['max-size'],
        /** Bytes of memory for messages being scanned, in each process and at each address. */
        memory: values.memory,
        maxClients: values['max-clients'],
        /** Milliseconds for messages in progress when onescand is asked to end. */
        grace: values.grace * 1000,
        /** Whether --check checks the running onescand, which has all doors open. */
        isRunning: values.running,
        /** Whether --check-settings checks the settings alone. */
        checksSettings: values['check-settings'],
        /** Set for a worker: the kinds of the sockets that it got from the first process, in their order. */
        workerFor: values.worker,
      }
    },
    noted,
  )
}

function readSocket(text: string, name: string): string | undefined {
  return text === 'none' ? undefined : socketPath(text, name)
}

function readServer(text: string, name: string): string {
  if (parseEndpoint(text) !== undefined) return text
  throw new Error(`${name} ${text}: must be HOST:PORT`)
}

function parseMode(text: string, name: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8)
  throw new Error(`${name} ${text}: must be three octal digits`)
}

/** A group by number, or by its name in group(5). */
function readGroup(text: string, name: string): number {
  const gid = /^[0-9]{1,9}$/.test(text) ? Number(text) : groupId(readAccounts(), text)
  if (gid !== undefined) return gid
  throw new Error(`${name} ${text}: there is no such group; create it, or specify a number`)
}

/**
 * Returns how many connections a worker accepts at each of its listening sockets, and how many clients it serves
 * there: `--max-clients`, or fewer. Further clients wait in the queue of the socket; if they cannot, their
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
