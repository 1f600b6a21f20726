import {
  type AcceptedConnection,
  type SocketEvent,
  type System,
  WAKING_SIGNAL,
} from '../../base/runtime/system.ts'

interface ListenersOptions {
  readonly system: System
  readonly descriptors: readonly number[]
  readonly arrive: (peer: AcceptedConnection) => void
  /** Called if a connection cannot be accepted for lack of descriptors or memory. */
  readonly exhausted: () => void
}

/** Connections that are accepted in a row before other events have their turn. */
const ACCEPTS_PER_TURN = 64
/** Rounds of events in a row before timers and DNS answers have their turn. */
const POLLS_MAX = 8
/**
 * Milliseconds for which no connection is accepted once descriptors are used up. Without this pause
 * the gate would try again and again.
 */
const ACCEPT_PAUSE = 200
/**
 * Milliseconds between two polls for events without a signal. The signals of a listening socket go to the
 * process that requested them last. While a socket is passed on, that may be another process.
 */
const POLL_EVERY = 1000

/** Accepts connections on the listening sockets, and passes the events of connections on. */
export class Listeners {
  readonly #options: ListenersOptions
  readonly #handlers = new Map<number, (event: SocketEvent) => void>()
  readonly #regular = setInterval(() => this.#poll(), POLL_EVERY)
  #lastId = 0
  #isPollDue = false
  #isStopped = false

  /** Accepts clients from now on. */
  constructor(options: ListenersOptions) {
    this.#options = options
    for (const fd of options.descriptors) {
      const id = this.newId()
      this.#handlers.set(id, () => this.#accept(fd, id))
      this.#listenTo(fd, id)
    }
    process.on(WAKING_SIGNAL, () => this.#poll())
  }

  /** Returns a number under which the events of a new connection are passed on. */
  newId(): number {
    this.#lastId++
    return this.#lastId
  }

  /** Calls `handler` with each event of the connection with that number. */
  onEvents(id: number, handler: (event: SocketEvent) => void): void {
    this.#handlers.set(id, handler)
  }

  forget(id: number): void {
    this.#handlers.delete(id)
  }

  /** Collects events soon: some may have occurred before a connection was watched. */
  pollSoon(): void {
    if (this.#isPollDue || this.#isStopped) return
    this.#isPollDue = true
    setImmediate(() => {
      this.#isPollDue = false
      this.#poll()
    })
  }

  stop(): void {
    const { system, descriptors } = this.#options
    this.#isStopped = true
    clearInterval(this.#regular)
    for (const fd of descriptors) system.pauseWatch(fd)
  }

  #poll(): void {
    for (let polls = 0; polls < POLLS_MAX; polls++) {
      const events = this.#options.system.events()
      for (const event of events) this.#handlers.get(event.id)?.(event)
      if (events.length === 0) return
    }
    this.pollSoon()
  }

  #accept(fd: number, id: number): void {
    const { system, arrive, exhausted } = this.#options
    for (let count = 0; count < ACCEPTS_PER_TURN && !this.#isStopped; count++) {
      const accepted = system.accept(fd)
      if (accepted === 'none') return
      if (accepted === 'exhausted') {
        exhausted()
        system.pauseWatch(fd)
        setTimeout(() => this.#listenTo(fd, id), ACCEPT_PAUSE)
        return
      }
      if (accepted !== 'gone') arrive(accepted)
    }
  }

  #listenTo(fd: number, id: number): void {
    if (this.#isStopped) return
    this.#options.system.watch(fd, id, 'talking')
    this.pollSoon()
  }
}
