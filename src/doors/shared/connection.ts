import type { Socket } from 'node:net'
import type { ServedConnection } from './serve.ts'

/**
 * Bytes of answers that a client may leave untaken when the next one is due. A single answer may be
 * larger.
 */
const UNTAKEN_MAX = 256 * 1024

/** What a door gives to each of its connections. */
export interface ConnectionHost {
  /** Milliseconds for the last answer to be taken. */
  readonly leaving: number
  /** Milliseconds on a clock that never goes back. */
  uptime(): number
  /** Called when the socket is closed, and nobody works for the client any more. */
  closed(): void
}

/**
 * A client's connection: who was heard and answered when, what is worked on for the client, and how
 * it ends. The protocol is that of the class that extends this one. The socket stays open for
 * answers when the client has closed its own side.
 */
export abstract class DoorConnection implements ServedConnection {
  protected readonly socket: Socket
  /** When the client connected, when it was heard last, and when it was answered last. */
  protected readonly beganAt: number
  protected heardAt: number
  protected saidAt: number
  readonly #host: ConnectionHost
  #work: AbortController | undefined // while an answer is awaited
  #leftAt: number | undefined
  #isClosed = false

  constructor(socket: Socket, host: ConnectionHost) {
    this.socket = socket
    this.#host = host
    this.beganAt = host.uptime()
    this.heardAt = this.beganAt
    this.saidAt = this.beganAt
    socket.on('data', (chunk: Buffer) => this.receive(chunk))
    socket.on('end', () => {
      if (!this.hasLeft) this.heardEnd()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#isClosed = true
      if (!this.hasLeft) {
        this.lost()
        this.leave()
      } else if (!this.isBusy) host.closed()
    })
  }

  /** Takes the next bytes of the client. */
  protected abstract hear(chunk: Buffer): void
  /** Called when the client has closed its own side. */
  protected abstract heardEnd(): void
  /** Sends what is due, and gives up a client that takes too long. */
  protected abstract due(time: number): void
  /** Frees what the protocol holds. Called once, when nobody works for the client any more. */
  protected abstract free(): void
  abstract finish(): void
  abstract dismiss(): void

  /** Takes bytes that have come. They are dropped when this side has left. */
  protected receive(chunk: Buffer): void {
    if (this.hasLeft) return
    this.heardAt = this.now()
    this.hear(chunk)
  }

  /** Called when the connection is closed before this side has left. */
  protected lost(): void {}

  /** Whether nothing is heard and said any more. */
  protected get hasLeft(): boolean {
    return this.#leftAt !== undefined
  }

  /** Whether somebody works for the client. */
  protected get isBusy(): boolean {
    return this.#work !== undefined
  }

  protected now(): number {
    return this.#host.uptime()
  }

  tick(): void {
    const time = this.now()
    if (this.#leftAt === undefined) this.due(time)
    else if (time - this.#leftAt > this.#host.leaving) this.socket.destroy()
  }

  /** Sends bytes. A client that takes no answers is cut off. */
  protected send(bytes: Buffer): void {
    if (this.hasLeft) return
    this.saidAt = this.now()
    if (this.socket.writableLength > UNTAKEN_MAX) this.socket.destroy()
    else this.socket.write(bytes)
  }

  /**
   * Works for the client; one work at a time. The signal is aborted when the connection ends
   * before, and what the protocol holds is not freed until the work is over.
   */
  protected async work<Result>(begin: (gone: AbortSignal) => Promise<Result>): Promise<Result> {
    this.#work = new AbortController()
    try {
      return await begin(this.#work.signal)
    } finally {
      this.#work = undefined
      this.heardAt = this.now() // the client had nothing to say meanwhile
      if (this.hasLeft) this.#end()
    }
  }

  /** Hangs up after these last bytes. Nothing more is heard. */
  protected leave(lastBytes?: Buffer): void {
    if (this.hasLeft) return
    this.#leftAt = this.now()
    this.#work?.abort()
    if (lastBytes === undefined) this.socket.end()
    else this.socket.end(lastBytes)
    this.socket.resume() // otherwise the end of what it sends would never be read
    if (!this.isBusy) this.#end()
  }

  /** Frees everything. */
  #end(): void {
    this.free()
    if (this.#isClosed) this.#host.closed()
  }
}
