import type { Server } from 'node:net'
import { nextTurn } from '../../base/flow/event-loop.ts'
import { ConnectionQueue, queueTrouble } from './connection-queue.ts'

/** Connections that are accepted before all others have had their turn in an iteration of the event loop. */
const ACCEPTED_MAX = 32
/** Milliseconds in which another process may take a connection while all places of this one are used. */
const OTHERS_FIRST = 100

/** The callbacks about the connection places of a door. */
interface AdmissionOptions {
  /** Returns whether all places are used. */
  isFull(): boolean
  /**
   * Called while all places are used and a client waits that no other process has accepted. Returns whether
   * the client may be accepted nevertheless, because a place is free now, or because it is to be refused.
   */
  makeRoom(): boolean
}

/**
 * Controls when a door accepts connections: while it has free places, and only some in one iteration of
 * the event loop. All other connections wait in the kernel, where another process may accept them.
 */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #server: Server
  /** Whether the queue may be taken over, which is done once. */
  #canTakeQueue = false
  #queue: ConnectionQueue | undefined
  #acceptedNow = 0
  #nextLook: NodeJS.Timeout | undefined
  /** Whether clients wait that no other process has accepted. */
  #areLeft = false

  /** The server does not listen yet. */
  constructor(server: Server, options: AdmissionOptions) {
    this.#options = options
    this.#server = server
    const trial = queueTrouble()
    server.once('listening', async () => {
      this.#canTakeQueue = (await trial) === undefined
      // The runtime begins to wait for connections at the end of an iteration of its event loop.
      await nextTurn()
      await nextTurn()
      this.#takeQueue()
    })
  }

  /** Whether connections can wait in the kernel. Otherwise a full door has to close them. */
  get canWait(): boolean {
    return this.#queue !== undefined
  }

  /** A connection was accepted. */
  accepted(): void {
    this.#takeQueue() // the runtime may accept all that wait before its next iteration
    if (this.#acceptedNow++ === 0) {
      setImmediate(() => {
        this.#acceptedNow = 0
        this.changed()
      })
    }
    this.changed()
  }

  /** Notes that a connection was opened or closed. */
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

  /** Takes over the queue, once. The runtime must wait for connections already. */
  #takeQueue(): void {
    if (!this.#canTakeQueue || !this.#server.listening) return
    this.#canTakeQueue = false
    this.#queue = ConnectionQueue.of(this.#server)
    this.changed()
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
