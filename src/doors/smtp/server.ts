import type { NetConnectOpts } from 'node:net'
import { hostname } from 'node:os'
import type { Network } from '../../ground/net/ip-address.ts'
import { switchedOff } from '../../judge/policy.ts'
import type { Configuration } from '../shared/configuration.ts'
import {
  type Judging,
  needsPlainRecipients,
  refusingRules,
  startJudging,
} from '../shared/judging.ts'
import type { MailDoorOptions, MailDoorServices } from '../shared/mail-door.ts'
import { configureAfterQueue } from './after-queue.ts'
import { createLoopWatch, type LoopWatch } from './loops.ts'
import {
  callNextServer,
  defaultNextServerTimeouts,
  type NextServer,
  type NextServerTimeouts,
} from './next-server.ts'
import type { SmtpTimeouts } from './time-limits.ts'

/** The way of mail through the door: who may bring it, how it is taken, and where it goes next. */
export interface SmtpRoute {
  /** Whether LMTP is spoken, on both sides. */
  readonly lmtp: boolean
  readonly next: { readonly text: string; readonly options: NetConnectOpts }
  /** The networks of the hosts that may connect by TCP. */
  readonly from: readonly Network[]
  /** Whether the mail is in a queue already, so that nothing is refused for its content. */
  readonly afterQueue: boolean
}

/** The options of the SMTP door, besides its configuration and its route. */
export interface SmtpOptions extends MailDoorOptions {
  /**
   * Sessions at once. If one more client comes, one that is silent makes room,
   * or the new one is told to come again.
   */
  readonly maxClients: number
  /** Bytes of a message. */
  readonly maxSize: number
  readonly timeouts?: SmtpTimeouts
  readonly nextServerTimeouts?: NextServerTimeouts
}

/** The services that the door gives to a session and to each message in it. */
export interface SmtpServer
  extends MailDoorServices,
    Pick<SmtpRoute, 'lmtp' | 'afterQueue'>,
    Pick<SmtpOptions, 'maxSize'> {
  /** Whether bare CRs and LFs are refused: where mail is in a queue already, it would not help. */
  readonly refusesBareNewlines: boolean
  /** This host's name, for the greeting. */
  readonly hostname: string
  /** Whether no more messages are taken. */
  readonly stopping: boolean
  /** Returns how the message that comes now is judged. */
  startJudging(): Judging
  /**
   * Resolves to a new connection to the next server, which has greeted. Rejects with a Fault of
   * kind `chain`.
   */
  callNext(): Promise<NextServer>
  readonly loops: LoopWatch
  /** Logs trouble that concerns no message. */
  complain(line: string): void
}

/** The door's own state, which changes while it serves. */
export interface SmtpDoorState {
  configuration: Configuration
  stopping: boolean
}

export function createSmtpServer(
  route: SmtpRoute,
  options: SmtpOptions,
  state: SmtpDoorState,
): SmtpServer {
  const { lmtp, afterQueue } = route
  const { nextServerTimeouts = defaultNextServerTimeouts } = options
  const uptime = () => performance.now()
  const callNext = () => callNextServer(route.next, nextServerTimeouts)
  const complain = (line: string) => options.log(`${lmtp ? 'lmtp' : 'smtp'}: ${line}`)
  return {
    lmtp,
    hostname: hostname(),
    afterQueue,
    refusesBareNewlines: !lmtp && !afterQueue,
    maxSize: options.maxSize,
    get stopping() {
      return state.stopping
    },
    get quota() {
      const { quota, directories } = state.configuration
      return switchedOff(directories) === undefined ? quota : undefined
    },
    get rules() {
      return afterQueue ? undefined : refusingRules(state.configuration)
    },
    get needsPlainRecipients() {
      return needsPlainRecipients(state.configuration)
    },
    startJudging() {
      const { configuration } = state
      return startJudging(afterQueue ? configureAfterQueue(configuration) : configuration)
    },
    openLease: options.budget.open,
    callNext,
    loops: createLoopWatch({ lmtp, callNext, complain, uptime }),
    log: options.mailLog,
    complain,
    begin: options.reporter?.begin,
    uptime,
  }
}
