import type { AcceptedConnection, SocketEvent, TcpSockets } from '../../ground/net/tcp-sockets.ts'
import { WAKING_SIGNAL } from '../../ground/net/tcp-sockets.ts'

/** Takes new connections from the listening sockets, and tells visits what happens to theirs. */
export interface Reception {
  /** Gives a connection the number under which its events are told. */
  newId(): number
  tellOf(id: number, hear: (event: SocketEvent) => void): void
  forget(id: number): void
  /** Looks at it at once: something may have happened before it was watched. */
  lookSoon(): void
  stop(): void
}

export interface ReceptionOptions {
  readonly sockets: TcpSockets
  readonly listeners: readonly number[]
  readonly arrive: (peer: AcceptedConnection) => void
  /** Called if there are no more descriptors, or no memory for one. */
  readonly exhausted: () => void
}

/** Connections that are taken in a row before others are looked at. */
const AT_ONCE = 64
/** Looks in a row, before timers and answers of the DNS have their turn. */
const LOOKS = 8
/**
 * Milliseconds for which nobody is let in if descriptors are used up: without a pause the gate
 * would try endlessly.
 */
export const REST = 200
/**
 * Milliseconds between looks without a signal. The signals of a listening socket go to the process
 * that asked for them last, which for a moment may be another one if the socket is handed over.
 */
const LOOK_EVERY = 1000

/** Lets clients in from now on. */
export function openReception({
  sockets,
  listeners,
  arrive,
  exhausted,
}: ReceptionOptions): Reception {
  const ears = new Map<number, (event: SocketEvent) => void>()
  let lastId = 0
  let isLooking = false
  let isStopped = false

  function newId(): number {
    lastId++
    return lastId
  }

  function lookSoon(): void {
    if (isLooking || isStopped) return
    isLooking = true
    setImmediate(() => {
      isLooking = false
      look()
    })
  }

  function look(): void {
    for (let looks = 0; looks < LOOKS; looks++) {
      const events = sockets.events()
      for (const event of events) ears.get(event.id)?.(event)
      if (events.length === 0) return
    }
    lookSoon()
  }

  function letIn(listener: number, id: number): void {
    for (let taken = 0; taken < AT_ONCE && !isStopped; taken++) {
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
    lookSoon()
  }

  for (const listener of listeners) {
    const id = newId()
    ears.set(id, () => letIn(listener, id))
    listenTo(listener, id)
  }
  process.on(WAKING_SIGNAL, look)
  const regular = setInterval(look, LOOK_EVERY)

  return {
    newId,
    tellOf: (id, hear) => ears.set(id, hear),
    forget: (id) => ears.delete(id),
    lookSoon,
    stop() {
      isStopped = true
      clearInterval(regular)
      for (const listener of listeners) sockets.rest(listener)
    },
  }
}
