import { errorText } from '../../base/errors/fault.ts'
import { Changes } from '../../base/flow/changes.ts'
import type { ServedConnection } from './serve.ts'

/**
 * Bytes of answers that a client may leave untaken when the next one is due. A single answer may be
 * larger.
 */
const UNTAKEN_MAX = 256 * 1024
/**
 * Bytes that are read from one client before all others have had their turn in an iteration of the event loop.
 */
const ITERATION_MAX = 128 * 1024

/** A socket of the runtime, or a substitute. Its methods are those of node:net. */
export interface WireSocket {
  on(event: 'data' | 'end' | 'error' | 'close', listener: (bytes: Buffer) => void): unknown
  /** Bytes that the client has not taken. */
  readonly writableLength: number
  write(bytes: Buffer): unknown
  end(bytes: Buffer): unknown
  end(): unknown
  pause(): unknown
  resume(): unknown
  isPaused(): boolean
  destroy(): unknown
  /** Closes it as soon as everything is written. */
  destroySoon(): void
}

/** Takes what a client sends, in any split. */
export interface WireReader {
  /** Takes the next bytes. What it throws ends the conversation. */
  push(chunk: Buffer): void
  /** Whether the client has to wait before it sends more. */
  readonly isFull: boolean
}

/** The callbacks that a door provides for each of its conversations. */
export interface WireHost {
  /** Milliseconds for the last answer to be taken. */
  readonly leaving: number
  /** Returns milliseconds of a monotonic clock. */
  uptime(): number
  /** Called when the socket is closed, and no work for the client remains. */
  closed(): void
  /** Logs trouble with the client, or a bug. */
  log(line: string): void
  /** Returns the last bytes for a client that is dismissed. Without it the socket closes at once. */
  farewell?(reason: string): Buffer
  /**
   * Returns whether a client that closes its own side alone still waits for the answer to a request under
   * way. Without this function, all clients do.
   */
  waitsOn?(): boolean
}

/** The bytes sent to a client that waits for a long time. */
interface KeepAlive {
  /** Milliseconds after the last bytes sent to it. */
  readonly after: number
  /** Returns the bytes, or undefined if none are due now. */
  next(): Buffer | undefined
}

/** Returns why a client has timed out at that time of the wire's clock, or undefined if it has not. */
type Lateness = (time: number) => string | undefined

/** A client has timed out. The message is one line that names what it failed to send in time. */
export class PeerTimeout extends Error {}

/**
 * The reasons for which `gone` is aborted: the client receives nothing more, this side has hung up after its
 * last bytes, or the client has violated the protocol. (An abort without a reason creates an exception, with
 * a stack, for each message.)
 */
const LEFT = new Error('the client has left')
const ANSWERED = new Error('the client has its answer')
const BROKEN = new Error('the client has broken the protocol')

/**
 * Returns whether the client of this wire receives nothing more. A client that was refused has received its
 * refusal.
 */
export function receivesNothing({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason === LEFT
}

/**
 * A client's connection, as seen by the function that serves the client: the bytes received and sent, their
 * times, disconnects, and how the connection ends. The socket stays open for answers when the client has
 * closed its own side.
 */
export class Wire implements ServedConnection {
  /** The times at which the client connected, and at which its last bytes arrived. */
  readonly began: number
  receivedAt: number
  /** The time at which the client closed its own side, or undefined while it is open. */
  endedAt: number | undefined
  /** Whether the door takes no more messages. */
  isFinishing = false
  /** Whether the connection was closed before this side had left. */
  isLost = false
  readonly #socket: WireSocket
  readonly #reader: WireReader
  readonly #host: WireHost
  readonly #gone = new AbortController()
  #sentAt: number
  readonly #changes = new Changes()
  /** Set while the conversation waits for the client. */
  #reading: Lateness | undefined
  #readingSince = 0
  #receivedThisIteration = 0
  #keepAlive: KeepAlive | undefined
  #keepAliveSince = 0
  #trouble: unknown
  #leftAt: number | undefined
  #isConversing = false
  #isClosed = false

  constructor(socket: WireSocket, reader: WireReader, host: WireHost) {
    this.#socket = socket
    this.#reader = reader
    this.#host = host
    this.began = this.now()
    this.receivedAt = this.began
    this.#sentAt = this.began
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('end', () => this.#receiveEnd())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#isClosed = true
      this.isLost = !this.hasHungUp
      this.hangUp()
      if (!this.#isConversing) host.closed()
    })
  }

  /**
   * Runs the conversation, and hangs up when it has ended. The conversation must have freed its resources by
   * then. Never rejects: a conversation that does has a bug, which is logged, and which must not affect other
   * clients.
   */
  async converse(conversation: () => Promise<void>): Promise<void> {
    this.#isConversing = true
    try {
      await conversation()
    } catch (error) {
      this.#host.log((error instanceof Error && error.stack) || errorText(error))
    } finally {
      this.#isConversing = false
      this.hangUp()
      if (this.#isClosed) this.#host.closed()
    }
  }

  /**
   * Aborted when no client needs an answer any longer: this side has hung up, or the client has left or
   * violated the protocol.
   */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Whether no more bytes are received and sent. */
  get hasHungUp(): boolean {
    return this.#leftAt !== undefined
  }

  /** Whether the conversation waits for the client. */
  get isAwaited(): boolean {
    return this.#reading !== undefined && !this.hasHungUp
  }

  /**
   * The time of the last bytes received from or sent to a client that is waited for, or of its connection, or
   * undefined for other clients.
   */
  get idleSince(): number | undefined {
    return this.isAwaited ? Math.max(this.#sentAt, this.receivedAt) : undefined
  }

  now(): number {
    return this.#host.uptime()
  }

  /** Returns the milliseconds for which a client that could send has been silent. */
  silence(time: number): number {
    return time - Math.max(this.receivedAt, this.#readingSince)
  }

  /**
   * Resolves to the result of `next` from the received bytes. Resolves to undefined if no more bytes will
   * arrive: the client has closed its side, one side has hung up, or the door shuts down and
   * `mayFinish`. Rejects with PeerTimeout, and with the errors of the reader.
   */
  async read<Found>(
    next: () => Found | undefined,
    isLate: Lateness,
    mayFinish = false,
  ): Promise<Found | undefined> {
    this.#readingSince = this.now()
    this.#reading = isLate
    const isOver = () =>
      this.hasHungUp || this.endedAt !== undefined || (mayFinish && this.isFinishing)
    try {
      return await this.#changes.until(() => this.ready(next), isOver)
    } finally {
      this.#reading = undefined
    }
  }

  /** Returns the result of `next` from the bytes received so far. Throws the errors of the reader. */
  ready<Found>(next: () => Found | undefined): Found | undefined {
    if (this.hasHungUp) return undefined
    if (this.#trouble !== undefined) throw this.#trouble
    const found = next()
    this.#resume()
    return found
  }

  /**
   * Looks again whether the client may send more, and whether it still waits if it has closed its side.
   * To be called when that may have changed without a read.
   */
  lookAgain(): void {
    this.#resume()
    if (this.endedAt !== undefined && !this.hasHungUp) this.#askWhoEnded()
  }

  /** Works for the client, which gets a keep-alive meanwhile. Throws what the reader throws by then. */
  async during<Result>(work: Promise<Result>, keepAlive: KeepAlive): Promise<Result> {
    this.#keepAlive = keepAlive
    this.#keepAliveSince = this.now()
    this.lookAgain() // the end may have arrived together with the current data
    try {
      const result = await work
      if (this.#trouble === undefined) return result
    } catch (error) {
      throw this.#trouble ?? error
    } finally {
      this.#keepAlive = undefined
    }
    throw this.#trouble
  }

  /** Sends bytes. A client that accepts no answers is disconnected. */
  send(bytes: Buffer): void {
    if (this.hasHungUp) return
    this.#sentAt = this.now()
    if (this.#socket.writableLength > UNTAKEN_MAX) this.#socket.destroy()
    else this.#socket.write(bytes)
  }

  /** Hangs up after these last bytes. No more bytes are received. */
  hangUp(lastBytes?: Buffer): void {
    if (this.hasHungUp) return
    this.#leftAt = this.now()
    this.#gone.abort(lastBytes === undefined ? LEFT : ANSWERED)
    if (lastBytes === undefined) this.#socket.end()
    else this.#socket.end(lastBytes)
    this.#socket.resume() // otherwise the end of what it sends would never be read
    this.#changes.announce()
  }

  /** Hangs up, and closes the socket as soon as everything is written, whatever the client does. */
  drop(lastBytes?: Buffer): void {
    this.hangUp(lastBytes)
    this.#socket.destroySoon()
  }

  tick(): void {
    const time = this.now()
    if (this.#leftAt !== undefined) {
      if (time - this.#leftAt > this.#host.leaving) this.#socket.destroy()
      return
    }
    const reason = this.#reading?.(time)
    if (reason !== undefined) this.#fail(new PeerTimeout(reason))
    else this.#sendBeat(time)
  }

  finish(): void {
    this.isFinishing = true
    this.#changes.announce()
  }

  dismiss(reason = 'onescand is shutting down'): void {
    if (this.#host.farewell === undefined) this.drop()
    else if (!this.hasHungUp) this.hangUp(this.#host.farewell(reason))
  }

  #receive(chunk: Buffer): void {
    if (this.hasHungUp || this.#trouble !== undefined) return
    this.receivedAt = this.now()
    try {
      this.#reader.push(chunk)
      this.#receivedThisIteration += chunk.length
      if (this.#receivedThisIteration > ITERATION_MAX) this.#waitForIteration()
      else if (this.#reader.isFull) this.#socket.pause()
      this.#changes.announce()
    } catch (error) {
      this.#fail(error)
    }
  }

  #receiveEnd(): void {
    if (this.hasHungUp) return
    this.endedAt = this.now()
    if (this.#reading === undefined) this.#askWhoEnded()
    else this.#changes.announce()
  }

  /**
   * A client that continues to wait may also have left. Sending bytes shows which: if it has left, the
   * connection breaks.
   */
  #askWhoEnded(): void {
    if (this.#host.waitsOn?.() === false) this.hangUp()
    else this.#sendBeat(Number.POSITIVE_INFINITY)
  }

  #sendBeat(time: number): void {
    if (this.#keepAlive === undefined) return
    if (time - Math.max(this.#sentAt, this.#keepAliveSince) < this.#keepAlive.after) return
    const bytes = this.#keepAlive.next()
    if (bytes !== undefined) this.send(bytes)
  }

  /** Ends what is read, or worked on. */
  #fail(error: unknown): void {
    this.#trouble = error
    if (this.#reading === undefined) this.#gone.abort(BROKEN)
    else this.#changes.announce()
  }

  #waitForIteration(): void {
    if (this.#socket.isPaused()) return
    this.#socket.pause()
    setImmediate(() => {
      this.#receivedThisIteration = 0
      this.#resume()
    })
  }

  #resume(): void {
    if (!this.#socket.isPaused()) return
    if (this.#receivedThisIteration <= ITERATION_MAX && !this.#reader.isFull) this.#socket.resume()
  }
}
