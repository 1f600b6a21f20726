import type { Socket } from 'node:net'
import { Fault } from '../../../ground/errors/fault.ts'
import { type ConnectionHost, DoorConnection } from '../../shared/connection.ts'
import { stopping, timedOut } from '../replies/own-replies.ts'
import { COMMAND_MAX } from '../wire/commands.ts'
import { LineReader, type SmtpLine } from '../wire/lines.ts'
import type { RawReply } from '../wire/replies.ts'
import type { SmtpTimeouts } from './time-limits.ts'

/** Bytes that may wait while a command is carried out: enough for a group of pipelined commands. */
const WAITING_MAX = 64 * 1024
/** Bytes that are read from one client before all others have had their turn of the event loop. */
const TURN_MAX = 128 * 1024
/** Bytes of one line, after which the connection is closed. */
export const UNENDED_MAX = 64 * 1024

/** A session as its client's connection sees it. */
export interface ServedSession {
  /** Whether MAIL was taken and the message is not over. */
  readonly isAmidMessage: boolean
  /** Converses to its end. Never rejects. */
  run(): Promise<void>
}

/** A client's connection, read line by line, or piece by piece after DATA. */
export class SmtpConnection extends DoorConnection {
  readonly #timeouts: SmtpTimeouts
  #session: ServedSession | undefined
  readonly #reader = new LineReader(COMMAND_MAX)
  readonly #gone = new AbortController()
  #wake: (() => void) | undefined // set while the session waits for the client
  #hasSaidAll = false
  #heardThisTurn = 0
  /** What is being read, and since when; undefined between commands. */
  #reading: { readonly what: 'line' | 'content'; readonly since: number } | undefined

  constructor(socket: Socket, host: Omit<ConnectionHost, 'leaving'>, timeouts: SmtpTimeouts) {
    super(socket, { ...host, leaving: timeouts.leaving })
    this.#timeouts = timeouts
  }

  /** Serves the client. Nothing is left to do when the session is over and the socket is closed. */
  serve(session: ServedSession): void {
    this.#session = session
    void this.work(() => session.run())
  }

  /**
   * Aborted when the session has hung up, or the client has left: its connection is broken. A
   * client that has closed its own side alone still waits for answers, as Exim does after QUIT.
   */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Whether the client has sent something that was not read yet. */
  get hasMore(): boolean {
    return this.#reader.pending > 0
  }

  /**
   * When the client was last heard, if the session waits for its next command; before DATA, too.
   */
  get idleSince(): number | undefined {
    return this.#isAwaited && this.#reading?.what !== 'content' ? this.heardAt : undefined
  }

  /**
   * Resolves to the next line, or to undefined if no more comes: the client has left, or has closed
   * its own side of the connection. Rejects with a Fault of kind `read` if the line has no end
   * within UNENDED_MAX.
   */
  async line(): Promise<SmtpLine | undefined> {
    for (;;) {
      if (this.gone.aborted) return undefined
      const line = this.#reader.next()
      if (line !== undefined) {
        this.#reading = undefined
        this.#resume()
        return line
      }
      const { unended } = this.#reader
      if (unended > UNENDED_MAX) throw new Fault('read', 'a command without an end')
      if (this.#hasSaidAll) return undefined
      if (unended > 0) this.#reading ??= { what: 'line', since: this.heardAt }
      await this.#more()
    }
  }

  /** Resolves to the next bytes of the content, or to undefined if no more come. */
  async chunk(): Promise<Buffer | undefined> {
    this.#reading ??= { what: 'content', since: this.now() }
    for (;;) {
      if (this.gone.aborted) return undefined
      const chunk = this.#reader.take()
      if (chunk !== undefined) return chunk
      if (this.#hasSaidAll) return undefined
      await this.#more()
    }
  }

  /** Takes back the bytes that came after the end of the content. */
  giveBack(bytes: Buffer): void {
    this.#reading = undefined
    this.#reader.giveBack(bytes)
  }

  /** Sends replies in one write, since there may be one for each of many recipients. */
  say(...replies: readonly RawReply[]): void {
    this.send(Buffer.concat(replies.map(({ bytes }) => bytes)))
  }

  /** Hangs up: reads nothing more, but what was written still reaches the client. */
  override leave(): void {
    super.leave()
    this.#gone.abort()
    this.#wake?.()
  }

  /** Sends a last reply and hangs up. */
  turnAway(lastReply: RawReply): void {
    this.say(lastReply)
    this.leave()
  }

  finish(): void {
    if (!this.#session?.isAmidMessage && this.#isAwaited) this.turnAway(stopping)
  }

  /** Closes the socket as soon as everything is written, whatever the client does. */
  dismiss(): void {
    this.turnAway(stopping)
    this.socket.destroySoon()
  }

  protected hear(chunk: Buffer): void {
    this.#reader.push(chunk)
    this.#heardThisTurn += chunk.length
    if (this.#heardThisTurn > TURN_MAX) this.#waitForTurn()
    else if (this.#reader.pending > WAITING_MAX) this.socket.pause()
    this.#wake?.()
  }

  protected heardEnd(): void {
    this.#hasSaidAll = true
    this.#wake?.()
  }

  /** Ends what takes too long. */
  protected due(time: number): void {
    if (!this.#isAwaited) return
    const { silence, content, command } = this.#timeouts
    const { what, since = time } = this.#reading ?? {}
    const isLate = time - since > (what === 'content' ? content : command)
    if (isLate || time - this.heardAt > silence) this.turnAway(timedOut)
  }

  protected free(): void {} // the session frees what it holds

  get #isAwaited(): boolean {
    return this.#wake !== undefined
  }

  #waitForTurn(): void {
    if (this.socket.isPaused()) return
    this.socket.pause()
    setImmediate(() => {
      this.#heardThisTurn = 0
      this.#resume()
    })
  }

  #resume(): void {
    const isAllowed = this.#heardThisTurn <= TURN_MAX && this.#reader.pending <= WAITING_MAX
    if (this.socket.isPaused() && isAllowed) this.socket.resume()
  }

  #more(): Promise<void> {
    this.#resume()
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
    })
  }
}
