import type { Socket } from 'node:net'
import { Fault } from '../../ground/errors/fault.ts'
import { COMMAND_MAX } from './wire/commands.ts'
import { createLineReader, type SmtpLine } from './wire/lines.ts'
import type { RawReply } from './wire/replies.ts'

/** Bytes that may wait while a command is carried out: a group of pipelined commands. */
const WAITING_MAX = 64 * 1024
/** Bytes that are read from one client before all others have had their turn of the event loop. */
const TURN_MAX = 128 * 1024
/** Bytes of a line without an end, or of one that is too long, after which nothing more is read. */
export const UNENDED_MAX = 64 * 1024
/** Bytes of replies that a client has not taken when the next one is due. */
const UNTAKEN_MAX = 256 * 1024

/** What a session hears of its client and says to it. */
export interface SmtpClient {
  /** The next line of a command; undefined once the client has left. Throws a Fault where there is no end of it. */
  line(): Promise<SmtpLine | undefined>
  /** The next bytes behind DATA; undefined once the client has left. */
  chunk(): Promise<Buffer | undefined>
  /** Bytes that came behind the end of the message. */
  giveBack(bytes: Buffer): void
  /** Whether something came that nobody asked for yet. */
  readonly hasMore: boolean
  /** Written at once, since there may be one for each of many recipients. */
  say(...replies: readonly RawReply[]): void
  /** Reads no more from it; what was written still reaches it. */
  leave(): void
  /** Aborted when the client has left, or was hung up on. */
  readonly gone: AbortSignal
}

/** The state of a client's connection for who watches its time. */
export interface ClientActivity {
  /** When it said something for the last time; at first, when it came. */
  readonly heardAt: number
  /** What the client is doing, and since when; undefined between commands. */
  readonly reading: { readonly what: 'line' | 'content'; readonly since: number } | undefined
  /** Whether the session waits for it. */
  readonly awaited: boolean
}

/** `now` in milliseconds on a clock that nobody sets. */
export class ClientConnection implements SmtpClient {
  readonly #socket: Socket
  readonly #now: () => number
  readonly #reader = createLineReader(COMMAND_MAX)
  readonly #gone = new AbortController()
  #wake: (() => void) | undefined
  #heardSinceItWaited = 0
  #heard: number
  #at: ClientActivity['reading']

  constructor(socket: Socket, now: () => number) {
    this.#socket = socket
    this.#now = now
    this.#heard = now()
    socket.on('data', (chunk: Buffer) => this.#hear(chunk))
    for (const end of ['end', 'close'] as const) socket.on(end, () => this.leave())
    socket.on('error', () => socket.destroy())
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  get hasMore(): boolean {
    return this.#reader.pending > 0
  }

  get activity(): ClientActivity {
    return { heardAt: this.#heard, reading: this.#at, awaited: this.#wake !== undefined }
  }

  async line(): Promise<SmtpLine | undefined> {
    for (;;) {
      if (this.gone.aborted) return undefined
      const line = this.#reader.next()
      if (line !== undefined) {
        this.#at = undefined
        this.#resume()
        return line
      }
      const { unended } = this.#reader
      if (unended > UNENDED_MAX) throw new Fault('read', 'a command without an end')
      if (unended > 0) this.#at ??= { what: 'line', since: this.#heard }
      await this.#more()
    }
  }

  async chunk(): Promise<Buffer | undefined> {
    this.#at ??= { what: 'content', since: this.#now() }
    for (;;) {
      if (this.gone.aborted) return undefined
      const chunk = this.#reader.take()
      if (chunk !== undefined) return chunk
      await this.#more()
    }
  }

  giveBack(bytes: Buffer): void {
    this.#at = undefined
    this.#reader.giveBack(bytes)
  }

  say(...replies: readonly RawReply[]): void {
    if (this.gone.aborted) return
    if (this.#socket.writableLength > UNTAKEN_MAX) this.#socket.destroy()
    else this.#socket.write(Buffer.concat(replies.map(({ bytes }) => bytes)))
  }

  leave(): void {
    if (this.gone.aborted) return
    this.#gone.abort()
    this.#socket.end()
    this.#socket.resume() // until its end comes
    this.#wake?.()
  }

  #hear(chunk: Buffer): void {
    if (this.gone.aborted) return
    this.#heard = this.#now()
    this.#reader.push(chunk)
    this.#heardSinceItWaited += chunk.length
    if (this.#heardSinceItWaited > TURN_MAX) this.#waitForTurn()
    else if (this.#reader.pending > WAITING_MAX) this.#socket.pause()
    this.#wake?.()
  }

  #waitForTurn(): void {
    if (this.#socket.isPaused()) return
    this.#socket.pause()
    setImmediate(() => {
      this.#heardSinceItWaited = 0
      this.#resume()
    })
  }

  #resume(): void {
    const isAllowed = this.#heardSinceItWaited <= TURN_MAX && this.#reader.pending <= WAITING_MAX
    if (this.#socket.isPaused() && isAllowed) this.#socket.resume()
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
