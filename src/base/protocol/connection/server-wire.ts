import { readSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Changes } from '../../flow/changes.ts'
import { descriptorOf } from '../../process/descriptors.ts'
import type { System } from '../../runtime/system.ts'

/** Milliseconds until a socket that took nothing is tried again. */
const FULL_FOR = 2
/** Upper limit, in bytes, for the last data of a server that is read before it hangs up. */
const LAST_WORDS_MAX = 8 * 1024

/** The part of node:net's Socket that a client needs. One without `cork` writes one packet at a time. */
export interface Connection {
  readonly encrypted?: boolean
  on(event: 'data', listener: (chunk: Buffer) => void): this
  on(event: 'error', listener: (error: Error) => void): this
  on(event: 'connect' | 'secureConnect' | 'end' | 'close', listener: () => void): this
  cork?(): void
  uncork?(): void
  /** Calls back when the kernel has taken the whole packet. */
  write(packet: Buffer, done?: (error?: Error | null) => void): unknown
  destroy(): unknown
}

/** The functions by which a client handles the data of its server. */
interface ServerListener {
  /** Takes the data of the server, in any split. An error that it throws breaks the connection. */
  push(chunk: Buffer): void
  /**
   * Returns the error for waiting callers. `error` is the reason why the connection broke, or undefined if
   * the server closed it.
   */
  explain(error: Error | undefined): Error
}

/**
 * A connection to a server, as seen by its callers. A caller sends data, and waits until it finds its answer
 * in the received data. Several callers may wait at once. A caller that stops waiting ends the connection.
 */
export class ServerWire {
  readonly #socket: Connection
  readonly #listener: ServerListener
  #isConnected = false
  #lost: Error | undefined
  readonly #changes = new Changes()

  constructor(socket: Connection, listener: ServerListener) {
    this.#socket = socket
    this.#listener = listener
    socket.on(socket.encrypted ? 'secureConnect' : 'connect', () => {
      this.#isConnected = true
      this.#changes.announce()
    })
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('error', (error) => this.#break(error))
    socket.on('end', () => this.#break())
    socket.on('close', () => this.#break()) // TLS may break without an end or an error
  }

  /** Whether there is, or was, a connection. */
  get isConnected(): boolean {
    return this.#isConnected
  }

  /** Why the connection cannot be used any longer, or undefined while it can. */
  get lost(): Error | undefined {
    return this.#lost
  }

  /** Resolves when there is a connection. Rejects if it ends before. */
  async connected(): Promise<void> {
    await this.read(() => this.#isConnected || undefined)
  }

  /** Resolves to what `find` finds as soon as it does. Rejects if the connection ends before. */
  async read<Found>(find: () => Found | undefined): Promise<Found> {
    const found = await this.#changes.until(find, () => this.#lost !== undefined)
    if (found === undefined) throw this.#lost
    return found
  }

  /**
   * Sends data in one write, and resolves when the kernel has accepted it. Until then the pieces must not be
   * changed. Rejects if the connection has ended, or ends before.
   */
  async send(...pieces: readonly Buffer[]): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    await new Promise<void>((taken) => {
      const done = (error?: Error | null) => {
        if (error) this.#failToSend(error)
        taken()
      }
      if (pieces.length > 1) this.#socket.cork?.()
      for (const [at, piece] of pieces.entries()) {
        this.#socket.write(piece, at === pieces.length - 1 ? done : undefined)
      }
      if (pieces.length > 1) this.#socket.uncork?.()
    })
    if (this.#lost !== undefined) throw this.#lost
  }

  /**
   * Sends data by a system call, which receives the socket's descriptor, and is repeated while the socket
   * accepts nothing. All earlier data must have been accepted. Rejects as `send` does, also if the runtime
   * does not show the descriptor.
   */
  async sendBy(call: (socket: number) => ReturnType<System['passDescriptor']>): Promise<void> {
    for (;;) {
      const socket = descriptorOf(this.#socket)
      const result = socket === undefined ? 'failed' : call(socket)
      if (result === 'sent') return
      if (result === 'failed') throw this.#failToSend(new Error('takes no descriptor'))
      await wait(FULL_FOR)
    }
  }

  /** Runs work with the server. The connection ends if the signal is aborted before the work has ended. */
  async during<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const end = () => this.end(signal.reason)
    signal.addEventListener('abort', end)
    try {
      return await work()
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  /** Ends the connection at once. Returns why it has ended: `reason`, or what was before that. */
  end(reason: Error): Error {
    if (this.#lost === undefined) {
      this.#lost = reason
      this.#socket.destroy()
      this.#changes.announce()
    }
    return this.#lost
  }

  #receive(chunk: Buffer): void {
    if (this.#lost !== undefined) return
    try {
      this.#listener.push(chunk)
    } catch (error) {
      this.#break(error as Error)
    }
    this.#changes.announce()
  }

  /** Notes that data could not be sent. Data received from the server by then takes precedence. */
  #failToSend(error: Error): Error {
    if (this.#lost === undefined) this.#receive(unread(this.#socket))
    return this.#break(error)
  }

  #break(error?: Error): Error {
    return this.#lost ?? this.end(this.#listener.explain(error))
  }
}

/**
 * Reads the received data of a socket whose write has just failed: servers report there why they hung up
 * (clamd its size limit). node:net would drop the data with the socket, so it is read from the descriptor.
 * Returns an empty buffer if the runtime does not show the descriptor.
 */
function unread(socket: Connection): Buffer {
  const fd = socket.encrypted ? undefined : descriptorOf(socket)
  const buffer = Buffer.alloc(LAST_WORDS_MAX)
  try {
    return buffer.subarray(0, fd === undefined ? 0 : readSync(fd, buffer))
  } catch {
    return buffer.subarray(0, 0) // EAGAIN or ECONNRESET: there is nothing to read
  }
}
