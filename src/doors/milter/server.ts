import type { Semaphore } from '../../ground/flow/concurrency-limit.ts'
import { switchedOff } from '../../judge/policy.ts'
import type { Configuration } from '../shared/configuration.ts'
import { needsPlainRecipients, refusingRules } from '../shared/judging.ts'
import { takeTurn } from '../shared/limits/turn.ts'
import type { MailDoorOptions, MailDoorServices } from '../shared/mail-door.ts'
import { type MessageReception, startReceiving } from './receive.ts'
import type { MilterTimeouts } from './time-limits.ts'

/** The options of the milter door, besides its configuration. */
export interface MilterOptions extends MailDoorOptions {
  /** Messages that are judged at once. Others wait, if there is memory for them. */
  readonly maxClients: number
  /**
   * Connections at once. If one more comes, it is closed, and its MTA goes on as without a milter.
   */
  readonly maxConnections?: number
  readonly timeouts?: MilterTimeouts
}

/** The services that the door gives to a session and to each message in it. */
export interface MilterServer extends MailDoorServices {
  /** Whether the MTA is on this host, behind a unix socket. */
  readonly isLocal: boolean
  /** Begins to receive the message that comes now. */
  receive(): MessageReception
  /**
   * Waits until a whole message may be judged, and resolves to what must be called when that is
   * over. Rejects with a Fault of kind `out-of-memory` if that takes too long, or if the MTA has
   * left.
   */
  turn(gone: AbortSignal): Promise<() => void>
}

/** The services of one connection. `current` has the door's configuration of the moment. */
export function createMilterServer(
  options: MilterOptions,
  current: { readonly configuration: Configuration },
  {
    turns,
    ...connection
  }: Pick<MilterServer, 'openLease' | 'isLocal' | 'uptime'> & {
    readonly turns: Semaphore
  },
): MilterServer {
  const { maxClients, mailLog, reporter } = options
  return {
    ...connection,
    get rules() {
      return refusingRules(current.configuration)
    },
    get needsPlainRecipients() {
      return needsPlainRecipients(current.configuration)
    },
    get quota() {
      const { quota, directories } = current.configuration
      // Without a lookup, no file needs to be looked for.
      return quota && switchedOff(directories) === undefined ? quota : undefined
    },
    receive: () => startReceiving(current.configuration, connection.openLease()),
    turn: (gone) => takeTurn(turns, maxClients, gone),
    log: mailLog,
    begin: reporter?.begin,
  }
}
