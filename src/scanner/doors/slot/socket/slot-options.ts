import type { peerOf } from '../../../../base/process/descriptors.ts'
import type { MailReporter } from '../../../observe/live/process-report.ts'
import type { DaemonDescription } from '../../../protocol/slot/daemon-description.ts'

/** The options of the slot door, in addition to its configuration. */
export interface SlotSocketOptions {
  /** Upper limit for open sockets, including connections that are closing. Further clients wait. */
  readonly maxSockets?: number
  /** Upper limit, in bytes, for all unanswered requests: the memory of the door. */
  readonly memory: number
  /** Bytes of a message. */
  readonly maxSize: number
  /**
   * Upper limit for the messages that are judged concurrently, and, counted separately, for the connections
   * that have not sent a request yet.
   */
  readonly maxClients: number
  /** The peer is logged. It does not decide who may connect: the mode and group of the socket do. */
  readonly identifyPeer: typeof peerOf
  /** Reports how this onescand runs. */
  readonly describe?: (wantsSelfTest: boolean) => Promise<DaemonDescription>
  /** The options of this onescand. */
  readonly ownArgs?: readonly string[]
  /** Takes what is to be shown by --http. */
  readonly reporter?: MailReporter | undefined
  readonly log: (line: string) => void
  readonly timeouts?: SlotTimeouts
}

/** Milliseconds: slot-protocol.md, TIME. */
export interface SlotTimeouts {
  /** From the connection of a client to the end of the head of its request. */
  readonly head: number
  /** Silence within a message. */
  readonly silence: number
  /** Time for a message to arrive, in addition to the time that scanners have. */
  readonly beyondTimeLeft: number
  /**
   * Time for a message to arrive, regardless of the time that scanners have: a client that sends a byte now
   * and then must not hold memory indefinitely.
   */
  readonly sending: number
  /** Time until a head is acknowledged whose message has arrived with it. */
  readonly acknowledgeAfter: number
  /** Time between two signs of activity. */
  readonly heartbeatAfter: number
  /** Time for the client to accept the answer. */
  readonly leaving: number
}

export const slotTimeouts: SlotTimeouts = {
  head: 10_000,
  silence: 10_000,
  beyondTimeLeft: 2_000,
  sending: 60_000,
  acknowledgeAfter: 250,
  heartbeatAfter: 600,
  leaving: 3_000,
}
