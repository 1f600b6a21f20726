import type { Server } from 'node:net'
import { descriptorOf } from '../../ground/net/descriptor-of.ts'
import {
  loadPassedDescriptors,
  type PassedDescriptors,
} from '../../ground/net/passed-descriptors.ts'
import { FIRST_HANDED_OVER } from '../../ground/net/socket-activation.ts'
import { wakeOne } from '../../ground/net/wake-one.ts'
import { loadLibc } from '../../ground/runtime/libc.ts'
import { switchedOff } from '../../judge/policy.ts'
import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import { createMilterDoor } from '../milter/door.ts'
import type { AccessPolicy } from '../policy/access-answer.ts'
import { createPolicyService, type PolicyServiceOptions } from '../policy/service.ts'
import type { Configuration } from '../shared/configuration.ts'
import type { Door } from '../shared/door.ts'
import { type Budget, createBudget } from '../shared/limits/memory-budget.ts'
import { openDaemonLog } from '../shared/log/log-sink.ts'
import { createSmtpDoor } from '../smtp/door.ts'
import type { SmtpRoute } from '../smtp/server.ts'
import { type IdentifyPeer, identifyPeerBy } from '../warm/peer.ts'
import { createSlotSocket } from '../warm/slot-socket.ts'
import { listenOn } from './listening/listen.ts'
import { log } from './log.ts'
import type { DoorKind } from './options/door-kind.ts'
import type { DaemonOptions } from './options/options.ts'
import { relaysOf } from './options/relays.ts'

export interface OpenDoor extends Door {
  readonly kind: DoorKind
  /** The descriptor that it listens on. */
  readonly fd: number
}

/**
 * Opens the doors of a worker, on the descriptors that the first process gave it; `kinds` says what
 * each is for, in their order. Faults are of kind `config`.
 */
export async function openDoors(
  configuration: Configuration,
  options: DaemonOptions,
  kinds: readonly DoorKind[],
  seen: MailWatchers,
): Promise<OpenDoor[]> {
  const budget = createBudget(options.memory)
  const identifyPeer = identifyPeerBy(await loadLibc())
  const passing = await loadPassedDescriptors()
  const common = { ...options, ...seen, budget, identifyPeer, passing }
  const open: OpenDoor[] = []
  const relays = relaysOf(kinds, options.relays)
  for (const [index, kind] of kinds.entries()) {
    const fd = FIRST_HANDED_OVER + index
    const relay = relays[index]
    const door = makeDoor(kind, configuration, { ...common, relay })
    await listenOn(door.server, fd)
    if (options.workers > 1) await wakeOneOfAll(door.server)
    open.push({ ...door, kind, fd })
  }
  return open
}

/** In the turn after the next the runtime waits for connections: it begins to at the end of one. */
async function wakeOneOfAll(server: Server): Promise<void> {
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  await wakeOne(descriptorOf(server) ?? -1)
}

/** Who sees what is done with mail. */
export interface MailWatchers {
  readonly reporter: MailReporter | undefined
  /** Whether a line is about a trial of onescand's own, which is not logged. */
  readonly isTrial: (line: Buffer) => boolean
}

interface DoorOptions extends DaemonOptions, MailWatchers {
  /** Memory for what MTAs have sent of messages; the slot's socket has a budget of its own. */
  readonly budget: Budget
  readonly identifyPeer: IdentifyPeer
  readonly passing: PassedDescriptors | undefined
  /** Set for a door that hands mail on. */
  readonly relay: SmtpRoute | undefined
}

function makeDoor(kind: DoorKind, configuration: Configuration, options: DoorOptions): Door {
  const { write } = openDaemonLog(configuration.env.LOGFILE)
  const mailLog = (line: Buffer) => {
    if (options.isTrial(line)) return
    write(line)
    options.reporter?.line(line)
  }
  switch (kind) {
    case 'slot':
      return createSlotSocket(configuration, { ...options, log })
    case 'milter':
      return createMilterDoor(configuration, { ...options, log, mailLog })
    case 'policy':
      return makePolicyDoor(configuration, { maxConnections: options.maxClients, log }, mailLog)
    case 'smtp':
    case 'lmtp':
      return createSmtpDoor(configuration, options.relay!, { ...options, log, mailLog })
  }
}

function makePolicyDoor(
  first: Configuration,
  options: PolicyServiceOptions,
  log: AccessPolicy['log'],
): Door {
  const policyOf = ({ quota, place }: Configuration): AccessPolicy => {
    return { quota, isOff: () => switchedOff(place) !== undefined, log }
  }
  const service = createPolicyService(policyOf(first), options)
  return { ...service, configure: (next) => service.configure(policyOf(next)) }
}
