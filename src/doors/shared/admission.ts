import type { Server } from 'node:net'
import { ConnectionQueue } from '../../lib/process/connection-queue.ts'

/** Connections that are accepted before all others have had their turn in an iteration of the event loop. */
const ACCEPTED_MAX = 32
/** Milliseconds for another process to take a connection while this one has no place for it. */
const OTHERS_FIRST = 100

/** What a door knows of its places. */
interface AdmissionOptions {
  /** Whether all places are taken. */
  isFull(): boolean
  /**
   * Called while all places are taken and a client waits that no other process has taken. Returns whether the
   * client may be accepted all the same: since there is a place now, or to be turned away.
   */
  makeRoom(): boolean
}

/**
 * When a door accepts connections: while it has places for them, and only some in an iteration of the event
 * loop. All others wait in the kernel, where another process may take them.
 */
export class Admission {
  readonly #options: AdmissionOptions
  #queue: ConnectionQueue | undefined
  #acceptedNow = 0
  #nextLook: NodeJS.Timeout | undefined
  /** Whether clients wait that no other process has taken. */
  #areLeft = false

  /** The server does not listen yet. */
  constructor(server: Server, options: AdmissionOptions) {
    this.#options = options
    server.once('listening', async () => {
      const queue = await ConnectionQueue.of(server)
      if (!server.listening) return queue?.close()
      this.#queue = queue
      this.changed()
    })
  }

  /** Whether connections can be left in the kernel. Without that, a full door has to close them. */
  get canWait(): boolean {
    return this.#queue !== undefined
  }

  /** A connection was accepted. */
  accepted(): void {
    if (this.#acceptedNow++ === 0) {
      setImmediate(() => {
        this.#acceptedNow = 0
        this.changed()
      })
    }
    this.changed()
  }

  /** A connection has come or gone. */
  changed(): void {
    if (this.#queue === undefined) return
    const isTurnOver = this.#acceptedNow >= ACCEPTED_MAX
    const isFull = this.#options.isFull()
    if (!isTurnOver && (!isFull || this.#hasMadeRoom())) this.#queue.open()
    else this.#queue.hold()
    if (isFull && !isTurnOver) this.#lookLater()
  }

  /** To be called when the server is closed. */
  close(): void {
    clearTimeout(this.#nextLook)
    this.#queue?.close()
    this.#queue = undefined
  }

  #hasMadeRoom(): boolean {
    this.#areLeft &&= this.#queue!.hasWaiting
    return this.#areLeft && this.#options.makeRoom()
  }

  #lookLater(): void {
    this.#nextLook ??= setTimeout(() => {
      this.#nextLook = undefined
      this.#areLeft = true
      this.changed()
    }, OTHERS_FIRST).unref()
  }
}
