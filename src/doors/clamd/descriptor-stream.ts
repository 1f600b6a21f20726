import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { descriptorOf } from '../../lib/process/descriptors.ts'
import { type System, WAKING_SIGNAL } from '../../lib/runtime/system.ts'
import { closeInTurn, hasTooManyUnclosed } from './file-turns.ts'

/** Bytes that are read at a time. */
const CHUNK = 64 * 1024
/** How often descriptors may come before they are asked about; then the connection is broken off. */
const WAITING_MAX = 16

/** The streams of this process, by the numbers under which their events come. */
const streams = new Map<number, DescriptorStream>()
let lastId = 0

/** Tells all streams what has come. Without it nothing is heard. */
function poll(system: System): void {
  for (const { id } of system.events()) streams.get(id)?._read()
}

/**
 * A client's connection by a unix socket, as a stream that also takes the descriptors which the client sends
 * beside its bytes (unix(7), SCM_RIGHTS). No runtime hands them over: each closes them unseen when it reads.
 * So the socket, which must be paused, is read here, and the runtime's loop is woken by a signal (system.ts).
 */
export class DescriptorStream extends Duplex {
  readonly #socket: Socket
  readonly #fd: number
  readonly #system: System
  /** The client's user. */
  readonly #uid: number
  readonly #id = ++lastId // the first one has the process listen to the signal
  readonly #buffer = Buffer.allocUnsafe(CHUNK)
  #waiting: (readonly number[])[] = []
  #isWatched = false
  #hasEnded = false

  constructor(socket: Socket, system: System, uid: number) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    this.#fd = descriptorOf(socket)!
    this.#system = system
    this.#uid = uid
    if (lastId === 1) process.on(WAKING_SIGNAL, () => poll(system))
    streams.set(this.#id, this)
    socket.on('error', () => this.destroy())
    socket.on('close', () => this.destroy())
  }

  /**
   * Takes the descriptors that came together next, of those that nobody has taken; whoever takes one closes it.
   */
  takeDescriptors(): readonly number[] {
    return this.#waiting.shift() ?? []
  }

  /** Ends this side, and closes the socket as soon as all is written. */
  destroySoon(): void {
    this.end(() => this.destroy())
  }

  override _read(): void {
    while (!this.destroyed && !this.#hasEnded) {
      const got = this.#receive()
      if (this.destroyed) return
      if (got === undefined) {
        this.#watch()
        return
      }
      if (got.areCut) {
        // What came whole is not told from what is missing, and the next one is another request's.
        this.#close(got.descriptors)
        this.#waiting.push([])
      } else if (got.descriptors.length > 0) this.#waiting.push(got.descriptors)
      if (this.#waiting.length > WAITING_MAX) {
        this.destroy()
        return
      }
      if (got.bytes === 0) {
        this.#hasEnded = true
        this.#unwatch()
        this.push(null)
        return
      }
      if (!this.push(Buffer.from(this.#buffer.subarray(0, got.bytes)))) {
        this.#pause()
        return
      }
    }
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#unwatch()
    streams.delete(this.#id)
    this.#close(this.#waiting.splice(0).flat())
    this.#socket.destroy()
    done(error)
  }

  #close(descriptors: readonly number[]): void {
    for (const descriptor of descriptors) void closeInTurn(this.#uid, descriptor)
  }

  #receive() {
    // What was not received is closed by the kernel, which asks no file system then.
    if (hasTooManyUnclosed(this.#uid)) this.destroy()
    if (this.destroyed) return undefined
    try {
      return this.#system.receiveDescriptors(this.#fd, this.#buffer)
    } catch (error) {
      this.destroy(error as Error)
      return undefined
    }
  }

  #watch(): void {
    if (this.#isWatched) return
    this.#isWatched = this.#system.watch(this.#fd, this.#id, 'talking')
    setImmediate(() => poll(this.#system)) // what came before wakes nobody
  }

  #pause(): void {
    if (this.#isWatched) this.#system.pauseWatch(this.#fd)
    this.#isWatched = false
  }

  #unwatch(): void {
    if (this.#isWatched) this.#system.unwatch(this.#fd)
    this.#isWatched = false
  }
}
