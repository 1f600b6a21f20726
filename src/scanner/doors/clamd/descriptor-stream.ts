import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { afterInput } from '../../../base/flow/timeout.ts'
import { descriptorOf } from '../../../base/process/descriptors.ts'
import { type System, WAKING_SIGNAL } from '../../../base/runtime/system.ts'
import type { WireSocket } from '../../serving/wire.ts'
import {
  closeWithPermit,
  hasAllDescriptors,
  tookDescriptors,
  whenReleased,
} from './file-permits.ts'

/** Holds the bytes of a read of any stream, until they are copied. A buffer for each stream costs more than its reads. */
const received = Buffer.allocUnsafe(64 * 1024)

/** The streams of this process, by the numbers of their events. */
const streams = new Map<number, DescriptorStream>()
let lastId = 0

/** Reads all streams that have new data. Without this call no data arrives. */
function poll(system: System): void {
  for (const { id } of system.events()) streams.get(id)?.read()
}

/**
 * A client's connection by a unix socket, which also receives the descriptors that the client sends with its
 * bytes (unix(7), SCM_RIGHTS). No runtime passes these on: each closes them when it reads. So the socket,
 * which must be paused, is read here, and a signal wakes the event loop of the runtime (system.ts).
 *
 * The stream is paused at first. Data is read in a later iteration of the event loop than `resume()`.
 * Otherwise a client that sends immediately could be accepted and answered again and again within one
 * iteration.
 */
export class DescriptorStream extends EventEmitter implements WireSocket {
  readonly #socket: Socket
  readonly #fd: number
  readonly #system: System
  /** The client's user. */
  readonly #uid: number
  /** Returns whether no further descriptors are expected: all was read, or nothing is read. */
  readonly #isRead: () => boolean
  readonly #id = ++lastId // the first one has the process listen to the signal
  /** The last descriptors received together, until a caller takes them. */
  #held: readonly number[] = []
  /** Whether the last bytes arrived with descriptors, and may not have been read. */
  #isBeside = false
  #isPaused = true
  #isDue = false
  #isWatched = false
  #hasEnded = false

  constructor(socket: Socket, system: System, uid: number, isRead: () => boolean) {
    super()
    this.#socket = socket
    this.#fd = descriptorOf(socket)!
    this.#system = system
    this.#uid = uid
    this.#isRead = isRead
    if (lastId === 1) process.on(WAKING_SIGNAL, () => poll(system))
    streams.set(this.#id, this)
    socket.on('error', () => socket.destroy())
    socket.on('finish', () => this.#hasEnded && socket.destroy())
    socket.on('close', () => this.#close())
  }

  /**
   * Returns the descriptors that came with the last bytes, unless they were returned before. The caller
   * closes them. Like clamd, the stream keeps no others: new descriptors replace those that were not taken.
   */
  takeDescriptors(): readonly number[] {
    const taken = this.#held
    this.#held = []
    return taken
  }

  get writableLength(): number {
    return this.#socket.writableLength
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  end(bytes?: Buffer): void {
    if (bytes === undefined) this.#socket.end()
    else this.#socket.end(bytes)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  destroySoon(): void {
    this.#socket.destroySoon()
  }

  isPaused(): boolean {
    return this.#isPaused
  }

  pause(): void {
    this.#isPaused = true
    if (this.#isWatched) this.#system.pauseWatch(this.#fd)
    this.#isWatched = false
  }

  resume(): void {
    this.#isPaused = false
    this.#readLater()
  }

  /** Reads the received data, unless it is paused. Called by `poll` alone. */
  read(): void {
    while (!this.#isPaused && !this.#hasEnded && !this.#socket.destroyed) {
      if (this.#isBeside && !this.#isRead()) {
        this.pause() // until the request that they belong to is read
        return
      }
      this.#isBeside = false
      if (hasAllDescriptors(this.#uid)) {
        whenReleased(this.#uid, () => this.#readLater())
        return
      }
      const got = this.#receive()
      if (got === undefined) {
        this.#watch()
        return
      }
      if (got.descriptors.length > 0 || got.areCut) this.#hold(got.descriptors, got.areCut)
      if (got.bytes === 0) {
        this.#end()
        return
      }
      this.emit('data', Buffer.from(received.subarray(0, got.bytes)))
      if (this.#isBeside) {
        this.#readLater()
        return
      }
    }
  }

  #hold(descriptors: readonly number[], areCut: boolean): void {
    this.#isBeside = true
    tookDescriptors(this.#uid, descriptors.length)
    this.#discard(this.#held)
    // A truncated message does not show which descriptors are missing.
    if (areCut) this.#discard(descriptors)
    this.#held = areCut ? [] : descriptors
  }

  #discard(descriptors: readonly number[]): void {
    for (const descriptor of descriptors) void closeWithPermit(this.#uid, descriptor)
  }

  #receive() {
    try {
      return this.#system.receiveDescriptors(this.#fd, received)
    } catch {
      this.#socket.destroy()
      return undefined
    }
  }

  #end(): void {
    this.#hasEnded = true
    this.#unwatch()
    this.emit('end')
    if (this.#socket.writableFinished) this.#socket.destroy()
  }

  /** Reads when the event loop has turned. */
  #readLater(): void {
    if (this.#isDue) return
    this.#isDue = true
    // The first turn may belong to the iteration that has accepted the connection.
    afterInput(() => {
      this.#isDue = false
      this.read()
    })
  }

  #watch(): void {
    if (this.#isWatched || this.#socket.destroyed) return
    this.#isWatched = this.#system.watch(this.#fd, this.#id, 'talking')
    setImmediate(() => poll(this.#system)) // data that arrived before raises no signal
  }

  #unwatch(): void {
    if (this.#isWatched) this.#system.unwatch(this.#fd)
    this.#isWatched = false
  }

  #close(): void {
    streams.delete(this.#id)
    this.#isWatched = false // the kernel removes a descriptor from the set when it is closed
    this.#discard(this.takeDescriptors())
    this.emit('close')
  }
}
