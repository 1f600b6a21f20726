import type { Socket } from 'node:net'
import { Fault } from '../../../ground/errors/fault.ts'
import { type ConnectionHost, DoorConnection } from '../../shared/connection.ts'
import { stopping, timedOut } from '../replies/own-replies.ts'
import { COMMAND_MAX, parseCommand } from '../wire/commands.ts'
import { LineReader, type SmtpLine } from '../wire/lines.ts'
import type { RawReply } from '../wire/replies.ts'
import { Progress } from './progress.ts'
import type { SmtpTimeouts } from './time-limits.ts'

/**
 * Bytes that may wait while a command is carried out: enough for a group of pipelined commands. What
 * is more waits in the kernel.
 */
export const WAITING_MAX = 64 * 1024
/** Bytes that are read from one client before all others have had their turn of the event loop. */
const TURN_MAX = 128 * 1024
/** Bytes of one line, after which the connection is closed. */
export const UNENDED_MAX = 64 * 1024

/** A session as its client's connection sees it. */
export interface ServedSession {
  /** The address of the client, or of the one that the server in front has told. */
  readonly clientAddress: string | undefined
  /** Whether MAIL was taken and the message is not over. */
  readonly isAmidMessage: boolean
  /** Converses to its end. Never rejects. */
  run(): Promise<void>
}

/** A client's connection, read line by line, or piece by piece after DATA. */
export class SmtpConnection extends DoorConnection {
  readonly #timeouts: SmtpTimeouts
  readonly progress: Progress
  #session: ServedSession | undefined
  readonly #reader = new LineReader(COMMAND_MAX)
  readonly #gone = new AbortController()
  #wake: (() => void) | undefined // set while the session waits for the client
  /** When the client closed its side, and when it was heard last before. */
  #end: { readonly at: number; readonly heardAt: number } | undefined
  /** Whether the line that was read last is QUIT. */
  #hasQuit = false
  /**
   * Whether a message is in hand whose content has ended. Meanwhile the client is read on, since only
   * behind all that it sends would be seen that it has left.
   */
  #holdsMessage = false
  /** Whether more came behind such a message than may wait; the rest was dropped. */
  #isCutOff = false
  #heardThisTurn = 0
  /** What is being read, and since when; undefined between commands. */
  #reading: { readonly what: 'line' | 'content'; readonly since: number } | undefined

  constructor(socket: Socket, host: Omit<ConnectionHost, 'leaving'>, timeouts: SmtpTimeouts) {
    super(socket, { ...host, leaving: timeouts.leaving })
    this.#timeouts = timeouts
    this.progress = new Progress(host.uptime)
  }

  /** Serves the client. Nothing is left to do when the session is over and the socket is closed. */
  serve(session: ServedSession): void {
    this.#session = session
    void this.work(() => session.run())
  }

  /**
   * Aborted when the session has hung up, or the client has left: its connection is broken, or it
   * has closed its own side. If it did so together with QUIT, it still waits for answers: Exim sends
   * the end of a message, QUIT and the end of its side at once. Postfix closes the connection, without
   * QUIT or long after it, when its time is over, and sends the message again.
   */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Whether the client has sent something that was not read yet. */
  get hasMore(): boolean {
    return this.#reader.pending > 0
  }

  get clientAddress(): string | undefined {
    return this.#session?.clientAddress
  }

  /** Whether the session waits for content. */
  get isAmidContent(): boolean {
    return this.#reading?.what === 'content'
  }

  get idleSince(): number | undefined {
    return this.progress.idleSince
  }

  /**
   * Resolves to the next line, or to undefined if no more comes: the client has left, or has closed
   * its own side of the connection. Rejects with a Fault of kind `read` if the line has no end
   * within UNENDED_MAX, or was dropped since more than WAITING_MAX came behind a message.
   */
  async line(): Promise<SmtpLine | undefined> {
    this.#holdsMessage = false
    for (;;) {
      if (this.gone.aborted) return undefined
      const line = this.#reader.next()
      if (line !== undefined) {
        this.#reading = undefined
        this.#hasQuit = line.kind === 'line' && isQuit(line.bytes)
        this.#resume()
        return line
      }
      const { unended } = this.#reader
      if (unended > UNENDED_MAX) throw new Fault('read', 'a command without an end')
      if (this.#isCutOff)
        throw new Fault('read', `sent more than ${WAITING_MAX / 1024} KiB behind a message`)
      if (this.#end !== undefined) return undefined
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
      if (chunk !== undefined) {
        this.progress.read(chunk.length)
        return chunk
      }
      if (this.#end !== undefined) return undefined
      await this.#more()
    }
  }

  /** Takes back the bytes that came after the end of the content. */
  giveBack(bytes: Buffer): void {
    this.#reading = undefined
    this.#reader.giveBack(bytes)
    this.#holdsMessage = true
    this.#resume()
    this.#leaveWithClient()
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
    if (!this.#session?.isAmidMessage && this.progress.isAwaited) this.turnAway(stopping)
  }

  /** Closes the socket as soon as everything is written, whatever the client does. */
  dismiss(): void {
    this.turnAway(stopping)
    this.socket.destroySoon()
  }

  protected hear(chunk: Buffer): void {
    this.#isCutOff ||= this.#holdsMessage && this.#reader.pending > WAITING_MAX
    if (!this.#isCutOff) this.#reader.push(chunk)
    this.#heardThisTurn += chunk.length
    if (this.#heardThisTurn > TURN_MAX) this.#waitForTurn()
    else if (!this.#mayRead) this.socket.pause()
    this.#wake?.()
  }

  protected heardEnd(): void {
    this.#end = { at: this.now(), heardAt: this.heardAt }
    if (this.#reading?.what !== 'content') this.#leaveWithClient()
    this.#wake?.()
  }

  /** Ends what takes too long. */
  protected due(time: number): void {
    if (!this.progress.isAwaited) return
    const { silence, content, command } = this.#timeouts
    const { what, since = time } = this.#reading ?? {}
    const isLate = time - since > (what === 'content' ? content : command)
    if (isLate || time - this.heardAt > silence) this.turnAway(timedOut)
  }

  protected free(): void {} // the session frees what it holds

  /** Hangs up if the client has closed its side, and not together with QUIT. */
  #leaveWithClient(): void {
    if (this.#end === undefined) return
    const hasQuit = this.hasMore ? this.#isQuitLast : this.#hasQuit
    const isTogether = this.#end.at - this.#end.heardAt <= this.#timeouts.end
    if (!hasQuit || !isTogether) this.leave()
  }

  /** Whether QUIT is the last line of those that wait. */
  get #isQuitLast(): boolean {
    const last = this.#isCutOff ? undefined : this.#reader.lastWaiting
    return last !== undefined && isQuit(last)
  }

  get #mayRead(): boolean {
    const hasRoom = this.#holdsMessage || this.#reader.pending <= WAITING_MAX
    return hasRoom && this.#heardThisTurn <= TURN_MAX
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
    if (this.socket.isPaused() && this.#mayRead) this.socket.resume()
  }

  #more(): Promise<void> {
    this.#resume()
    this.progress.awaits()
    return new Promise((resolve) => {
      this.#wake = () => {
        this.progress.goesOn()
        this.#wake = undefined
        resolve()
      }
    })
  }
}

const isQuit = (line: Buffer) => parseCommand(line)?.verb === 'QUIT'
