import type { Server } from 'node:net'
import { Budget } from '../../base/flow/memory-budget.ts'
import { descriptorLimit, peerOf } from '../../base/process/descriptors.ts'
import { FIRST_HANDED_OVER } from '../../base/systemd/sd-daemon.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { createClamdDoor } from '../doors/clamd/clamd-door.ts'
import { createMilterDoor } from '../doors/milter/milter-door.ts'
import {
  createPolicyDoor,
  type PolicyDoorOptions,
  type PolicyServices,
} from '../doors/policy/policy-service.ts'
import { createSlotSocketDoor } from '../doors/slot/socket/slot-door.ts'
import type { SmtpRoute } from '../doors/smtp/next-server/smtp-services.ts'
import { createSmtpDoor } from '../doors/smtp/smtp-door.ts'
import type { LogSink } from '../log/log-sink.ts'
import type { MailReporter } from '../observe/live/process-report.ts'
import { connectionLimits, type DaemonOptions } from '../options/daemon-options.ts'
import {
  type DoorKind,
  isClamds,
  isTls,
  type ListeningDoor,
  writeDoorAddress,
} from '../options/door-address.ts'
import { smtpDoorsOf } from '../options/smtp-doors.ts'
import type { DaemonDescription } from '../protocol/slot/daemon-description.ts'
import { queueTrouble } from '../serving/connection-queue.ts'
import type { Door } from '../serving/serve.ts'
import { log } from './daemon-log.ts'
import { listenOn, pathOf } from './listening/listen.ts'

export interface OpenDoor extends Door, ListeningDoor {}

/**
 * Opens the doors of a worker on the descriptors that the first process gave it. `kinds` are their
 * kinds, in the order of the descriptors. Rejects with a Fault of kind `config` if one cannot listen.
 */
export async function openDoors(
  configuration: Configuration,
  options: DaemonOptions,
  kinds: readonly DoorKind[],
  {
    reporter,
    mailSink,
    describe,
    ownArgs,
  }: Pick<DoorOptions, 'reporter' | 'describe' | 'ownArgs'> & { readonly mailSink: LogSink },
): Promise<OpenDoor[]> {
  await queueTrouble() // before a burst of clients that wait already; the first process logs it
  const { clients: maxClients, connections: maxSockets } = connectionLimits(
    descriptorLimit(),
    kinds.length,
    options.maxClients,
  )
  const mailLog = (line: Buffer) => {
    mailSink.write(line)
    reporter?.line(line)
  }
  const common = {
    ...options,
    mailLog,
    maxClients,
    maxSockets,
    reporter,
    describe,
    ownArgs,
  }
  const open: OpenDoor[] = []
  const smtpDoors = smtpDoorsOf(kinds, options.doors)
  for (const [index, kind] of kinds.entries()) {
    const fd = FIRST_HANDED_OVER + index
    const route = smtpDoors[index]?.route
    const door = makeDoor(kind, configuration, { ...common, route })
    await listenOn(door.server, fd, isClamds(kind))
    open.push({ ...door, kind, address: boundAddress(kind, door.server, fd), route })
  }
  return open
}

/** Returns the address of a listening door. No runtime knows the path of an inherited unix socket. */
function boundAddress(kind: DoorKind, server: Server, fd: number): string {
  const address = server.address()
  if (typeof address === 'string') return `unix:${address}`
  if (address?.port !== undefined) {
    const at = { kind: 'tcp', host: address.address, port: address.port } as const
    return writeDoorAddress(isTls(kind) ? { ...at, isSecure: true } : at)
  }
  const path = pathOf(fd)
  return path === undefined ? 'a socket that systemd passed' : `unix:${path}`
}

interface DoorOptions extends DaemonOptions {
  /** Maximum number of connections of each door. */
  readonly maxSockets: number
  /** Shows the handling of mail, in addition to its lines in the log. */
  readonly reporter: MailReporter | undefined
  /** Takes the lines about mail. */
  readonly mailLog: (line: Buffer) => void
  /** Returns the report about this onescand that the slot socket sends to root and this account. */
  readonly describe: (wantsSelfTest: boolean) => Promise<DaemonDescription>
  /** The options of this onescand, as they were given. */
  readonly ownArgs: readonly string[]
  /** Set for a door that passes mail on. */
  readonly route: SmtpRoute | undefined
}

function makeDoor(kind: DoorKind, configuration: Configuration, options: DoorOptions): Door {
  const { mailLog } = options
  const budget = new Budget(options.memory)
  switch (kind) {
    case 'qmail':
      return createSlotSocketDoor(configuration, { ...options, identifyPeer: peerOf, log })
    case 'milter':
      return createMilterDoor(configuration, { ...options, budget, log })
    case 'policy':
      return makePolicyDoor(
        configuration,
        { maxConnections: options.maxClients, maxSockets: options.maxSockets, log },
        mailLog,
      )
    case 'clamd':
    case 'clamd-tls':
    case 'clamd-mail':
    case 'clamd-mail-tls': {
      const isSecure = isTls(kind)
      const files = isSecure ? 'contents' : 'files'
      const contentKind = kind.startsWith('clamd-mail') ? 'mails' : files
      const own = { contentKind, isSecure, budget, log } as const
      return createClamdDoor(configuration, { ...options, ...own })
    }
    case 'smtp':
    case 'lmtp':
      return createSmtpDoor(configuration, options.route!, { ...options, budget, log })
  }
}

function makePolicyDoor(
  first: Configuration,
  options: PolicyDoorOptions,
  logLine: PolicyServices['log'],
): Door {
  const servicesOf = ({ quota, off }: Configuration): PolicyServices => {
    return { quota, isOff: async () => (await off.poll()) !== undefined, log: logLine }
  }
  const service = createPolicyDoor(servicesOf(first), options)
  return { ...service, configure: (next) => service.configure(servicesOf(next)) }
}
