import type { SocketEvent } from '../../ground/net/socket-watch.ts'
import { WAKING_SIGNAL } from '../../ground/net/socket-watch.ts'
import type { AcceptedConnection } from '../../ground/net/tcp-listeners.ts'
import type { TcpSockets } from '../../ground/net/tcp-sockets.ts'

/** Accepts connections on the listening sockets, and passes the events of connections on. */
export interface Reception {
  /** Returns a number under which the events of a new connection are passed on. */
  newId(): number
  /** Calls `hear` with each event of the connection with that number. */
  tellOf(id: number, hear: (event: SocketEvent) => void): void
  forget(id: number): void
  /** Collects events soon: some may have come before a connection was watched. */
  pollSoon(): void
  stop(): void
}

export interface ReceptionOptions {
  readonly sockets: TcpSockets
  readonly listeners: readonly number[]
  readonly arrive: (peer: AcceptedConnection) => void
  /** Called if a connection cannot be accepted for lack of descriptors or memory. */
  readonly exhausted: () => void
}

/** Connections that are accepted in a row before other events have their turn. */
const AT_ONCE = 64
/** Rounds of events in a row before timers and DNS answers have their turn. */
const POLLS_MAX = 8
/**
 * Milliseconds for which no connection is accepted once descriptors are used up. Without this pause
 * the gate would try again and again.
 */
export const REST = 200
/**
 * Milliseconds between two polls for events without a signal. The signals of a listening socket go
 * to the process that asked for them last. While a socket is handed over, that may be another one.
 */
const POLL_EVERY = 1000

/** Accepts clients from now on. */
export function openReception({
  sockets,
  listeners,
  arrive,
  exhausted,
}: ReceptionOptions): Reception {
  const handlers = new Map<number, (event: SocketEvent) => void>()
  let lastId = 0
  let isLooking = false
  let isStopped = false

  function newId(): number {
    lastId++
    return lastId
  }

  function pollSoon(): void {
    if (isLooking || isStopped) return
    isLooking = true
    setImmediate(() => {
      isLooking = false
      poll()
    })
  }

  function poll(): void {
    for (let polls = 0; polls < POLLS_MAX; polls++) {
      const events = sockets.events()
      for (const event of events) handlers.get(event.id)?.(event)
      if (events.length === 0) return
    }
    pollSoon()
  }

  function letIn(listener: number, id: number): void {
    for (let count = 0; count < AT_ONCE && !isStopped; count++) {
      const accepted = sockets.accept(listener)
      if (accepted === 'none') return
      if (accepted === 'exhausted') {
        exhausted()
        sockets.rest(listener)
        setTimeout(() => listenTo(listener, id), REST)
        return
      }
      if (accepted !== 'gone') arrive(accepted)
    }
  }

  function listenTo(listener: number, id: number): void {
    if (isStopped) return
    sockets.watch(listener, id, 'talking')
    pollSoon()
  }

  for (const listener of listeners) {
    const id = newId()
    handlers.set(id, () => letIn(listener, id))
    listenTo(listener, id)
  }
  process.on(WAKING_SIGNAL, poll)
  const regular = setInterval(poll, POLL_EVERY)

  return {
    newId,
    tellOf: (id, hear) => handlers.set(id, hear),
    forget: (id) => handlers.delete(id),
    pollSoon,
    stop() {
      isStopped = true
      clearInterval(regular)
      for (const listener of listeners) sockets.rest(listener)
    },
  }
}
