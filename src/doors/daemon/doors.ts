import type { Server } from 'node:net'
import { switchedOff } from '../../judge/policy.ts'
import { loadLibc } from '../../runtime/libc.ts'
import { loadPassedDescriptors, type PassedDescriptors } from '../../runtime/passed-descriptors.ts'
import { FIRST_HANDED_OVER } from '../../runtime/socket-activation.ts'
import type { DoorState } from '../../visible/live/told.ts'
import type { Witness } from '../../visible/live/witness.ts'
import { createMilter } from '../milter/milter.ts'
import type { AccessPolicy } from '../policy/access-answer.ts'
import { createPolicyService, type PolicyServiceOptions } from '../policy/service.ts'
import type { Configuration } from '../shared/configuration.ts'
import { openDaemonLog } from '../shared/log-sink.ts'
import { type Budget, createBudget } from '../shared/memory.ts'
import { createSmtpDoor, type Relay } from '../smtp/smtp.ts'
import { type IdentifyPeer, identifyPeerBy } from '../warm/peer.ts'
import { createSlotSocket } from '../warm/slot-socket.ts'
import { listenOn } from './listen.ts'
import { log } from './log.ts'
import type { Options } from './options.ts'
import { relaysOf } from './relays.ts'
import type { DoorKind } from './socket-activation.ts'

/** What all listening doors have in common. */
export interface Door {
  readonly server: Server
  configure(configuration: Configuration): void
  /** Resolves when all is answered, or told `grace` milliseconds later to come again. */
  close(grace: number): Promise<void>
  state(): DoorState
}

export interface OpenDoor extends Door {
  readonly kind: DoorKind
  /** The descriptor that it listens on. */
  readonly fd: number
}

/**
 * Opens the doors of a worker, on the descriptors that the first process gave it: what they are
 * for, in their order. Faults are of kind `config`.
 */
export async function openDoors(
  configuration: Configuration,
  options: Options,
  kinds: readonly DoorKind[],
  seen: Seen,
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
    open.push({ ...door, kind, fd })
  }
  return open
}

/** Who sees what is done with mail. */
export interface Seen {
  readonly witness: Witness | undefined
  /** Whether a line is about a trial of onescand's own, which is not logged. */
  readonly isTrial: (line: Buffer) => boolean
}

interface DoorOptions extends Options, Seen {
  /** What MTAs together have told that is kept in memory; the slot's socket has one of its own. */
  readonly budget: Budget
  readonly identifyPeer: IdentifyPeer
  readonly passing: PassedDescriptors | undefined
  /** Of a door that hands mail on. */
  readonly relay: Relay | undefined
}

function makeDoor(kind: DoorKind, configuration: Configuration, options: DoorOptions): Door {
  const { write } = openDaemonLog(configuration.env.LOGFILE)
  const mailLog = (line: Buffer) => {
    if (options.isTrial(line)) return
    write(line)
    options.witness?.line(line)
  }
  switch (kind) {
    case 'slot':
      return createSlotSocket(configuration, { ...options, log })
    case 'milter':
      return createMilter(configuration, { ...options, log, mailLog })
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
