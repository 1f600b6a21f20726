import { errorCode, errorText } from '../../../../base/errors/fault.ts'
import { codeInWords } from '../../../../base/errors/system-error.ts'
import { nextTurn } from '../../../../base/flow/event-loop.ts'
import { TIMED_OUT, withDeadline, withTimeout } from '../../../../base/flow/timeout.ts'
import { responds } from '../../../../base/path/responds.ts'
import { descriptorOf } from '../../../../base/process/descriptors.ts'
import { type Connection, ServerWire } from '../../../../base/protocol/connection/server-wire.ts'
import type { System } from '../../../../base/runtime/system.ts'
import { formatDuration } from '../../../../base/text/units.ts'
import { whyServerIsRefused } from '../../../protocol/clamd/tls-identity.ts'
import { clamdWords } from '../../../protocol/clamd/write-reply.ts'
import type { ClamdAddress } from './clamd-address.ts'
import { type ClamdPeer, peerAt } from './clamd-peer.ts'
import { isSecure, loadConnect } from './connect.ts'
import { ClamdReplyReader } from './read-reply.ts'

/** The outcome of one conversation with clamd. `reason` is one line without the address. */
export type ClamdOutcome<Answer> =
  | { readonly kind: 'answered'; readonly reply: Answer }
  /** There was no connection, so nothing was sent. The message may go to another server. */
  | {
      readonly kind: 'unreachable'
      readonly reason: string
      readonly state: Absence
      /** Set if a kept connection broke in the same conversation a moment before. */
      readonly broke?: BrokenConnection
    }
  /**
   * The server took the connection and closed it before its reply was whole. `isCommandTimeout` is set if it
   * did so because no further command came, although it had not answered.
   */
  | ({
      readonly kind: 'broken'
      readonly reason: string
      readonly hasBegun: boolean
      readonly isCommandTimeout?: boolean
    } & BrokenConnection)
  /** The server replied, but does not find a test virus, so its reply is not used. */
  | { readonly kind: 'not scanning'; readonly reason: string }
  /** The signal was aborted. clamd may continue to scan, so it is not asked again. `broke` as above. */
  | { readonly kind: 'timed-out'; readonly reason: string; readonly broke?: BrokenConnection }

/** A connection that has ended before a whole reply. `peer` is undefined for TCP. */
interface BrokenConnection {
  readonly peer: ClamdPeer | undefined
}

/**
 * Why there is no connection.
 *
 * - `full`: the server's queue of connections is full.
 * - `silent`: the server does not answer, which over TCP may also mean a full queue.
 * - `away`: there is no such server now, for any other reason. While a server is restarted, its socket may
 *   exist without a listener or with other rights, or not at all, and a container's name is not resolved.
 */
export type Absence = 'full' | 'silent' | 'away'

/** The data of one send call: bytes, and optionally a descriptor, which stays open here. */
export type ClamdPacket = Buffer | { readonly bytes: Buffer; readonly descriptor: number }

/** Commands that are sent together, and what is made of their replies. */
export interface ClamdCommands<Answer> {
  /** The number of commands. Each has one reply. */
  readonly count: number
  /**
   * Returns the packets to send. Called again if the commands have to be sent again. A packet is requested
   * only when the kernel has accepted the one before, so that packets can share a buffer.
   */
  packets(): Iterable<ClamdPacket>
  /** Reads the replies as one answer. */
  read(replies: ClamdReplies): Answer
}

export interface ClamdReplies {
  /** In the order of the commands, each up to its NUL and without its number. */
  readonly replies: readonly Buffer[]
  /** Whether the kernel had accepted all packets when the last reply arrived. */
  readonly hasSentAll: boolean
}

const GREETING = Buffer.from('zIDSESSION\0')
const PING: ClamdCommands<undefined> = {
  count: 1,
  packets: () => [Buffer.from('zPING\0')],
  read: () => undefined,
}

const absences: Readonly<Record<string, Absence>> = {
  EAGAIN: 'full',
  ETIMEDOUT: 'silent',
}

/** Milliseconds for a connection, over TCP: time for SYN and two repetitions (after 1 and 3 s). */
const CONNECT_TIMEOUT = 5_000

/**
 * A session with clamd (IDSESSION, clamd(8)) on its own connection, which the first request opens. Each reply
 * contains the number of its command, because clamd's threads answer commands that are sent together in any
 * order. The sending side stays open: otherwise clamd would assume that the client has left.
 */
export class ClamdSession {
  readonly #address: ClamdAddress
  readonly #passing: System | undefined
  readonly #onBreak: () => void
  #socket: Connection | undefined
  #wire: ServerWire | undefined
  #peer: ClamdPeer | undefined
  /** Commands sent so far. */
  #commands = 0
  /** The replies to the current request. */
  #replies: ClamdReplyReader | undefined

  /**
   * `passing` is needed to send descriptors. `onBreak` is called at once if the server ends the session, or the
   * connection breaks.
   */
  constructor(
    address: ClamdAddress,
    {
      passing,
      onBreak = () => {},
    }: { readonly passing?: System | undefined; readonly onBreak?: () => void } = {},
  ) {
    this.#address = address
    this.#passing = passing
    this.#onBreak = onBreak
  }

  /** The process at the other end of a unix socket. Undefined before it is connected, and for TCP. */
  get peer(): ClamdPeer | undefined {
    return this.#peer
  }

  /** Whether one request was sent, and another one may be. */
  get isOpen(): boolean {
    return this.#wire !== undefined && this.#wire.lost === undefined
  }

  /**
   * Sends the commands, and resolves to their replies; one request at a time. An early reply ends the
   * sending. Anything but whole replies to all commands sent ends the session. So does an error of `packets`,
   * which is rethrown.
   */
  async ask<Answer>(
    commands: ClamdCommands<Answer>,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<Answer>> {
    const refusal = isSecure(this.#address) && !this.#wire && (await this.#getAccepted(signal))
    return refusal || this.#ask(commands, signal)
  }

  /**
   * Verifies that a TLS server accepts this host's certificate, before it receives mail: with TLS 1.3 it
   * refuses one only after the handshake has succeeded here (RFC 8446 4.4.2.4). Resolves to the outcome if it
   * does not.
   */
  async #getAccepted(signal: AbortSignal): Promise<ClamdOutcome<never> | undefined> {
    const outcome = await withDeadline(CONNECT_TIMEOUT, signal, (sooner) => this.#ask(PING, sooner))
    if (outcome.kind === 'answered') return undefined
    if (outcome.kind === 'timed-out') return signal.aborted ? outcome : silent
    if (outcome.kind === 'unreachable') return outcome
    const reason = `${outcome.reason}; its log shows whether it refuses CLAMDCERT`
    return { kind: 'unreachable', reason, state: 'away' }
  }

  async #ask<Answer>(
    { count, packets, read }: ClamdCommands<Answer>,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<Answer>> {
    const connect = await loadConnect(this.#address)
    const { kind } = this.#address
    if (!this.#wire && kind === 'unix' && !(await responds(this.#address.path))) return hidden
    if (signal.aborted) {
      this.end()
      return timedOut
    }
    const first = this.#commands + 1
    this.#commands += count
    const replies = new ClamdReplyReader(count)
    this.#replies = replies
    this.#socket ??= connect(this.#address)
    this.#wire ??= this.#open(this.#socket)
    const wire = this.#wire
    let hasSentAll = false
    const sending = this.#send(wire, first === 1 ? greeted(packets()) : packets()).then(
      () => {
        hasSentAll = true
      },
      (error) => wire.end(error),
    )
    try {
      const reply = await wire.during(signal, () => wire.read(() => replies.whole()))
      const numbered = readNumbered(reply, first, count)
      // Further bytes might be taken for the answer to the next request.
      if (!hasSentAll || !numbered?.isAll) this.end()
      if (numbered === undefined) {
        const reason = isTlsAlert(reply) ? EXPECTS_TLS : 'answered another request'
        return { kind: 'broken', reason, hasBegun: false, peer: undefined }
      }
      return { kind: 'answered', reply: read({ replies: numbered.replies, hasSentAll }) }
    } catch (error) {
      if (signal.aborted) return timedOut
      if (error instanceof Unanswered) return error.outcome
      throw error
    } finally {
      this.#replies = undefined
      await sending // it may still read what it was to send
    }
  }

  /** Ends the connection, and frees all descriptors, listeners and timers. */
  end(): void {
    this.#wire?.end(new Unanswered(timedOut))
  }

  #open(socket: Connection): ServerWire {
    const wire: ServerWire = new ServerWire(socket, {
      push: (chunk) => {
        // Unexpected bytes mean that the server is about to close the connection.
        if (this.#replies === undefined) throw new Error('sent an unexpected answer')
        this.#replies.push(chunk)
      },
      explain: (error) => {
        if (error && !wire.isConnected) return new Unanswered(absent(error))
        this.#onBreak()
        return new Unanswered(broken(error, this.#peer, this.#replies?.received()))
      },
    })
    return wire
  }

  #notePeer(): void {
    const socket = descriptorOf(this.#socket!)
    if (this.#address.kind !== 'unix' || !this.#passing || socket === undefined) return
    this.#peer = peerAt(socket, this.#passing)
  }

  async #send(wire: ServerWire, packets: Iterable<ClamdPacket>): Promise<void> {
    if (!wire.isConnected) {
      const isLate = (await withTimeout(wire.connected(), CONNECT_TIMEOUT)) === TIMED_OUT
      if (isLate) throw wire.end(new Unanswered(silent))
      this.#notePeer()
    }
    const passing = this.#passing
    let isFirst = true
    for (const packet of packets) {
      // The turn in between: a server that reads as fast as this writes would keep both its early
      // reply and the deadline waiting.
      if (!isFirst) await nextTurn()
      isFirst = false
      if (Buffer.isBuffer(packet)) {
        await wire.send(packet)
      } else {
        const { bytes, descriptor } = packet
        await wire.sendBy((to) => passing?.passDescriptor(to, bytes, descriptor) ?? 'failed')
      }
    }
  }
}

/** The error of pending requests when the session ends. */
class Unanswered extends Error {
  readonly outcome: ClamdOutcome<never>

  constructor(outcome: ClamdOutcome<never>) {
    super()
    this.outcome = outcome
  }
}

/** The outcome if the signal aborts first. */
export const timedOut = { kind: 'timed-out', reason: 'no answer within the time limit' } as const

const silent = {
  kind: 'unreachable',
  reason: `no connection within ${formatDuration(CONNECT_TIMEOUT)}`,
  state: 'silent',
} as const

const hidden = {
  kind: 'unreachable',
  reason: 'its directory does not answer; check the file system',
  state: 'silent',
} as const

function broken(
  error: Error | undefined,
  peer: ClamdPeer | undefined,
  received: Buffer = NOTHING,
): ClamdOutcome<never> {
  const hasBegun = received.length > 0
  const event = hasBegun
    ? 'closed the connection during its reply'
    : 'closed the connection without a reply'
  const reason = error ? `${event} (${errorText(error)})` : event
  const isCommandTimeout = received.toString('latin1').trimEnd().endsWith(clamdWords.readTimedOut)
  return { kind: 'broken', reason, hasBegun, isCommandTimeout, peer }
}

const NOTHING = Buffer.alloc(0)

/** The reason of a server that expects TLS, and is asked without. */
export const EXPECTS_TLS = 'it expects TLS: write its address with tls://'

/** Returns whether a server of TLS refuses bytes that are not a handshake: a record of type alert, RFC 8446 5.1. */
const isTlsAlert = (reply: Buffer): boolean => reply[0] === 21 && reply[1] === 3

/** The outcome of an attempt to connect that failed. */
function absent(error: Error): ClamdOutcome<never> {
  const code = errorCode(error)
  const state = absences[code] ?? 'away'
  const trouble = state === 'full' ? 'its queue of connections is full' : 'cannot connect'
  const reason = `${whyServerIsRefused(code) ?? trouble} (${codeInWords(code) || errorText(error)})`
  return { kind: 'unreachable', reason, state }
}

/** The packets of the first request on a connection, of which the first packet opens the session, too. */
function* greeted(packets: Iterable<ClamdPacket>): Generator<ClamdPacket> {
  let isOpened = false
  for (const packet of packets) {
    yield isOpened ? packet : withGreeting(packet)
    isOpened = true
  }
}

function withGreeting(packet: ClamdPacket): ClamdPacket {
  if (Buffer.isBuffer(packet)) return Buffer.concat([GREETING, packet])
  return { ...packet, bytes: Buffer.concat([GREETING, packet.bytes]) }
}

/**
 * Returns the replies in the order of their commands, each with its NUL, if it has one, and without its
 * number. Returns undefined unless there is one reply for each of the `count` numbers from `first` on.
 * `isAll` is true if all are complete and nothing follows them.
 */
function readNumbered(
  bytes: Buffer,
  first: number,
  count: number,
): { readonly replies: readonly Buffer[]; readonly isAll: boolean } | undefined {
  const replies: Buffer[] = new Array(count)
  let at = 0
  for (let left = count; left > 0; left--) {
    const end = bytes.indexOf(0, at) + 1 || bytes.length
    const [whole, digits] = /^([0-9]{1,10}): /.exec(bytes.toString('latin1', at, end)) ?? []
    const index = Number(digits) - first
    if (whole === undefined || index < 0 || index >= count || replies[index]) return undefined
    replies[index] = bytes.subarray(at + whole.length, end)
    at = end
  }
  return { replies, isAll: at === bytes.length && bytes.at(-1) === 0 }
}
