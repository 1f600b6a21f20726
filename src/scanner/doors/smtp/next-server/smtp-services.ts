import type { NetConnectOpts } from 'node:net'
import { hostname } from 'node:os'
import type { Network } from '../../../../base/net/ip-address.ts'
import type { Configuration } from '../../../configuration/configuration.ts'
import { type MailDoorOptions, MailServices } from '../../../handling/mail-services.ts'
import type { Rules } from '../../../scan/rules/match.ts'
import type { SmtpTimeouts } from '../client/smtp-connection.ts'
import {
  callNextServer,
  defaultNextServerTimeouts,
  type NextServer,
  type NextServerTimeouts,
} from './next-server.ts'

/**
 * The route of mail through the door: which clients may bring it, how it is received, and where it goes
 * next.
 */
export interface SmtpRoute {
  /** Whether LMTP is used, on both sides. */
  readonly isLmtp: boolean
  readonly next: { readonly text: string; readonly options: NetConnectOpts }
  /** The networks of the hosts that may connect over TCP. */
  readonly from: readonly Network[]
  /** Whether the mail is in a queue already, so that nothing is refused for its content. */
  readonly isQueued: boolean
}

/** The options of the SMTP door, in addition to its configuration and its route. */
export interface SmtpOptions extends MailDoorOptions {
  /**
   * Maximum number of sessions. If one more client connects, a session without progress is closed, or one of
   * an address that has more than half of them. Otherwise the new client is asked to connect again.
   */
  readonly maxClients: number
  /** Bytes of a message. */
  readonly maxSize: number
  readonly timeouts?: SmtpTimeouts
  readonly nextServerTimeouts?: NextServerTimeouts
}

/** The services that the door provides for a session and for each message in it. */
export class SmtpServices extends MailServices {
  /** This host's name, for the greeting. */
  readonly hostname = hostname()
  readonly isLmtp: boolean
  readonly isQueued: boolean
  /** Whether bare CRs and LFs are refused. That has no use if mail is in a queue already. */
  readonly refusesBareNewlines: boolean
  readonly maxSize: number
  /**
   * Resolves to a new connection to the next server, which has greeted. Rejects with a Fault of
   * kind `next-hop`.
   */
  readonly callNext: () => Promise<NextServer>
  /** Logs trouble that concerns no message. */
  readonly complain: (line: string) => void
  /** Whether no more messages are accepted. */
  isStopping = false

  constructor(first: Configuration, { isLmtp, isQueued, next }: SmtpRoute, options: SmtpOptions) {
    super(first, options)
    const { maxSize, nextServerTimeouts = defaultNextServerTimeouts, log } = options
    this.isLmtp = isLmtp
    this.isQueued = isQueued
    this.refusesBareNewlines = !isLmtp && !isQueued
    this.maxSize = maxSize
    this.callNext = () => callNextServer(next, nextServerTimeouts)
    this.complain = (line) => log(`${isLmtp ? 'lmtp' : 'smtp'}: ${line}`)
  }

  override get rules(): Rules | undefined {
    return this.isQueued ? undefined : super.rules
  }
}
