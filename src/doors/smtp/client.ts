import { Fault } from '../../ground/errors/fault.ts'
import { DoorConnection } from '../shared/connection.ts'
import { COMMAND_MAX } from './wire/commands.ts'
import { LineReader, type SmtpLine } from './wire/lines.ts'
import type { RawReply } from './wire/replies.ts'

/** Bytes that may wait while a command is carried out: enough for a group of pipelined commands. */
const WAITING_MAX = 64 * 1024
/** Bytes that are read from one client before all others have had their turn of the event loop. */
const TURN_MAX = 128 * 1024
/** Bytes of one line, after which the connection is closed. */
export const UNENDED_MAX = 64 * 1024

/** A client as its session sees it. */
export interface SmtpClient {
  /**
   * Resolves to the next line, or to undefined if no more comes: the client has left, or has closed
   * its own side of the connection. Rejects with a Fault of kind `read` if the line has no end within
   * UNENDED_MAX.
   */
  line(): Promise<SmtpLine | undefined>
  /** Resolves to the next bytes of the content, or to undefined if no more come. */
  chunk(): Promise<Buffer | undefined>
  /** Takes back the bytes that came behind the end of the content. */
  giveBack(bytes: Buffer): void
  /** Whether the client has sent something that was not read yet. */
  readonly hasMore: boolean
  /** Sends replies in one write, since there may be one for each of many recipients. */
  say(...replies: readonly RawReply[]): void
  /** Hangs up: reads nothing more, but what was written still reaches the client. */
  leave(): void
  /**
   * Aborted when the session has hung up, or the client has left: its connection is broken. A client
   * that has closed its own side alone still waits for answers, as Exim does behind QUIT.
   */
  readonly gone: AbortSignal
}

/** The activity of a client, by which the door decides whether it takes too long. */
export interface ClientActivity {
  /** When bytes of the client came for the last time; at first, when it connected. */
  readonly heardAt: number
  /** The kind of input that is being read, and since when; undefined between commands. */
  readonly reading: { readonly what: 'line' | 'content'; readonly since: number } | undefined
  /** Whether the session waits for the client. */
  readonly awaited: boolean
}

/** A client's connection, read line by line. */
export abstract class SmtpConnection extends DoorConnection implements SmtpClient {
  readonly #reader = new LineReader(COMMAND_MAX)
  readonly #gone = new AbortController()
  #wake: (() => void) | undefined
  #hasSaidAll = false
  #heardThisTurn = 0
  #reading: ClientActivity['reading']

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  get hasMore(): boolean {
    return this.#reader.pending > 0
  }

  get activity(): ClientActivity {
    return { heardAt: this.heardAt, reading: this.#reading, awaited: this.#wake !== undefined }
  }

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

  giveBack(bytes: Buffer): void {
    this.#reading = undefined
    this.#reader.giveBack(bytes)
  }

  say(...replies: readonly RawReply[]): void {
    this.send(Buffer.concat(replies.map(({ bytes }) => bytes)))
  }

  override leave(): void {
    super.leave()
    this.#gone.abort()
    this.#wake?.()
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
