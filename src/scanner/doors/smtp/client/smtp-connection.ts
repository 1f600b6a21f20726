import type { Socket } from 'node:net'
import { Fault } from '../../../../base/errors/fault.ts'
import { COMMAND_MAX, parseCommand } from '../../../protocol/smtp/smtp-commands.ts'
import { LineReader, type SmtpLine } from '../../../protocol/smtp/smtp-lines.ts'
import type { RawReply } from '../../../protocol/smtp/smtp-replies.ts'
import { ownReply } from '../../../scan/replies/own-replies.ts'
import type { ServedConnection } from '../../../serving/serve.ts'
import { PeerTimeout, Wire, type WireHost } from '../../../serving/wire.ts'
import { Progress } from './progress.ts'

/**
 * Bytes that may wait while a command is carried out: enough for a group of pipelined commands. What
 * is more waits in the kernel.
 */
const WAITING_MAX = 64 * 1024
/** Bytes of one line, after which the connection is closed. */
const UNENDED_MAX = 64 * 1024

/** Time limits of a client in milliseconds: RFC 5321 4.5.3.2.7 requires five minutes at least. */
export interface SmtpTimeouts {
  /** Silence, whatever the client is doing. */
  readonly silence: number
  /** From the first byte of a command to its last. */
  readonly command: number
  /** From the answer to DATA to the end of the content. */
  readonly content: number
  /**
   * Time in which the session waits for the client without progress. After that it may be closed to free a
   * place.
   */
  readonly makesRoomAfter: number
  /** From QUIT to the end of the client's side, if it still waits for answers then. */
  readonly end: number
  /** Time for the client to accept the last reply. */
  readonly leaving: number
}

export const smtpTimeouts: SmtpTimeouts = {
  silence: 300_000,
  command: 300_000,
  content: 3_600_000,
  makesRoomAfter: 5_000,
  end: 5_000,
  leaving: 5_000,
}

/** A session as its client's connection sees it. */
interface ServedSession {
  /** The address of the client, or the one that the upstream server has forwarded. */
  readonly clientAddress: string | undefined
  /** Whether MAIL was accepted and the message has not ended. */
  readonly isAmidMessage: boolean
  /** Whether the end of a message was sent to the next server, which has not answered for all recipients. */
  readonly isBeyondRecall: boolean
  /** Converses to its end. Never rejects. */
  run(): Promise<void>
}

/** A client's connection, read line by line, or piece by piece after DATA. */
export class SmtpConnection implements ServedConnection {
  readonly progress: Progress
  readonly #wire: Wire
  readonly #timeouts: SmtpTimeouts
  readonly #reader = new LineReader(COMMAND_MAX)
  #session: ServedSession | undefined
  /** Whether the last line read is QUIT. */
  #hasQuit = false
  /**
   * Whether a message whose content has ended is being processed. Meanwhile reading continues, because a
   * disconnect is visible only after all bytes that the client has sent.
   */
  #holdsMessage = false
  /** Whether more bytes followed such a message than may wait. The rest was dropped. */
  #isCutOff = false
  /** The input being read, and since when, or undefined between commands. */
  #reading: { readonly kind: 'line' | 'content'; readonly since: number } | undefined

  constructor(socket: Socket, host: Omit<WireHost, 'leaving'>, timeouts: SmtpTimeouts) {
    const isFull = () => !this.#holdsMessage && this.#reader.pending > WAITING_MAX
    const reader = {
      push: (chunk: Buffer) => this.#push(chunk),
      get isFull() {
        return isFull()
      },
    }
    const { leaving } = timeouts
    this.#wire = new Wire(socket, reader, { ...host, leaving, waitsOn: () => this.#waitsOn() })
    this.#timeouts = timeouts
    this.progress = new Progress(host.uptime)
  }

  /** Serves the client. No work remains when the session has ended and the socket is closed. */
  serve(session: ServedSession): void {
    this.#session = session
    void this.#wire.converse(() => session.run())
  }

  /**
   * Aborted when the session has hung up, or the client has left: its connection is broken, or it has closed
   * its own side. If it did so together with QUIT, it still waits for answers: Exim sends the end of a
   * message, QUIT and the end of its side together. Postfix closes the connection, without QUIT or long after
   * it, at its time limit, and sends the message again.
   */
  get gone(): AbortSignal {
    return this.#wire.gone
  }

  /** Whether the client has sent data that was not read yet. */
  get hasMore(): boolean {
    return this.#reader.pending > 0
  }

  get clientAddress(): string | undefined {
    return this.#session?.clientAddress
  }

  /** Whether the client was asked for content, to which the next bytes belong. */
  get isAmidContent(): boolean {
    return this.#reading?.kind === 'content'
  }

  get hasHungUp(): boolean {
    return this.#wire.hasHungUp
  }

  get idleSince(): number | undefined {
    return this.#wire.hasHungUp ? undefined : this.progress.idleSince
  }

  /**
   * Resolves to the next line, or to undefined if no more lines will arrive: the client has left, or has
   * closed its own side. Rejects with a Fault of kind `read` if the line has no end within UNENDED_MAX, or
   * was dropped because more than WAITING_MAX followed a message.
   */
  line(): Promise<SmtpLine | undefined> {
    this.#holdsMessage = false
    return this.#read(() => this.#nextLine())
  }

  /** Requests the content of a message. It ends with `giveBack()`, or when no more bytes arrive. */
  startContent(): void {
    this.send(ownReply.startContent)
    this.progress.reachedContent()
    this.#reading = { kind: 'content', since: this.#wire.now() }
  }

  /** Resolves to the next bytes of the content, or to undefined if no more arrive. */
  async chunk(): Promise<Buffer | undefined> {
    const chunk = await this.#read(() => this.#reader.take())
    if (chunk === undefined) this.#reading = undefined
    else this.progress.read(chunk.length)
    return chunk
  }

  /** Puts the bytes after the end of the content back. */
  giveBack(bytes: Buffer): void {
    this.#reading = undefined
    this.#reader.giveBack(bytes)
    this.#holdsMessage = true
    this.#wire.lookAgain()
  }

  /** Sends replies in one write, because there may be one for each of many recipients. */
  send(...replies: readonly RawReply[]): void {
    this.#wire.send(Buffer.concat(replies.map(({ bytes }) => bytes)))
  }

  /** Hangs up: reads nothing more, but what was written still reaches the client. */
  hangUp(): void {
    this.#wire.hangUp()
  }

  /** Sends a last reply and hangs up. */
  turnAway({ bytes }: RawReply): void {
    this.#wire.hangUp(bytes)
  }

  tick(): void {
    this.#wire.tick()
  }

  finish(): void {
    if (!this.#session?.isAmidMessage && this.progress.isAwaited) this.turnAway(ownReply.stopping)
  }

  get mustBeAnswered(): boolean {
    return this.#session?.isBeyondRecall === true
  }

  /**
   * Closes the socket as soon as everything is written, whatever the client does. If the next server may have
   * the message, the client still receives that server's reply: after any other reply it would send the
   * message again.
   */
  dismiss(): void {
    if (!this.mustBeAnswered) this.#wire.drop(ownReply.stopping.bytes)
  }

  #push(chunk: Buffer): void {
    this.#isCutOff ||= this.#holdsMessage && this.#reader.pending > WAITING_MAX
    if (!this.#isCutOff) this.#reader.push(chunk)
  }

  /** Resolves to the result of `next`, or to undefined if no more bytes arrive, or not in time. */
  async #read<Found>(next: () => Found | undefined): Promise<Found | undefined> {
    const found = this.#wire.ready(next)
    if (found !== undefined) return found
    this.progress.awaits()
    try {
      return await this.#wire.read(next, (time) => this.#lateness(time))
    } catch (error) {
      if (!(error instanceof PeerTimeout)) throw error
      this.turnAway(ownReply.timedOut)
      return undefined
    } finally {
      this.progress.goesOn()
    }
  }

  #nextLine(): SmtpLine | undefined {
    const line = this.#reader.next()
    if (line !== undefined) {
      this.#reading = undefined
      this.#hasQuit = line.kind === 'line' && isQuit(line.bytes)
      return line
    }
    const { unended } = this.#reader
    if (unended > UNENDED_MAX) throw new Fault('read', 'a command line that is too long')
    if (this.#isCutOff)
      throw new Fault(
        'read',
        `sent more than ${WAITING_MAX / 1024} KiB without waiting for the reply`,
      )
    if (unended > 0) this.#reading ??= { kind: 'line', since: this.#wire.receivedAt }
    return undefined
  }

  #lateness(time: number): string | undefined {
    const { silence, content, command } = this.#timeouts
    const { kind, since = time } = this.#reading ?? {}
    if (time - since > (kind === 'content' ? content : command)) return 'took too long to send'
    return this.#wire.silence(time) > silence ? 'stopped responding' : undefined
  }

  /** Returns whether a client that has closed its side did so together with QUIT. */
  #waitsOn(): boolean {
    const { endedAt = 0, receivedAt } = this.#wire
    const hasQuit = this.hasMore ? this.#isQuitLast : this.#hasQuit
    return hasQuit && endedAt - receivedAt <= this.#timeouts.end
  }

  get #isQuitLast(): boolean {
    const last = this.#isCutOff ? undefined : this.#reader.lastWaiting
    return last !== undefined && isQuit(last)
  }
}

const isQuit = (line: Buffer) => parseCommand(line)?.verb === 'QUIT'
