import { closeSync } from 'node:fs'
import type { AcceptedConnection, SocketEvent, TcpSockets } from '../../ground/net/tcp-sockets.ts'
import type { ClientSign } from '../shared/wait-outcome.ts'
import type { ListEntry } from './linked-list.ts'

/** The ranks of those that wait, from the worst to the best. */
export type Rank = 'talked' | 'nameless' | 'dynamic' | 'other'

/** Why a wait is over: what the client did, or that it gets a program now. */
export type WaitEnd = ClientSign | 'turn'

/** One connection, from its coming until it is closed here: waiting, refused, or served by a program. */
export class Visit implements ListEntry<Visit> {
  readonly id: number
  readonly fd: number
  readonly ip: string
  readonly peer: AcceptedConnection
  /** The key under which its client is counted and remembered. */
  readonly client: string
  /** When it came, in milliseconds on the clock that nobody sets. */
  readonly since: number
  readonly #sockets: TcpSockets
  readonly #now: () => number

  /** Its place in the waiting room; undefined if it has none. */
  rank: Rank | undefined
  before: Visit | undefined
  behind: Visit | undefined

  #isWatched = false
  #isClosed = false
  /** What the client has done; the next who asks is told. */
  #seen: 'talks' | 'left' | undefined
  #settle: ((end: WaitEnd) => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(
    id: number,
    peer: AcceptedConnection,
    names: { readonly ip: string; readonly client: string },
    sockets: TcpSockets,
    now: () => number,
  ) {
    this.id = id
    this.peer = peer
    this.fd = peer.fd
    this.ip = names.ip
    this.client = names.client
    this.#sockets = sockets
    this.#now = now
    this.since = now()
  }

  /** Whether the connection is no longer ours. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether the client has ended its half, or the connection is broken. */
  get hasLeft(): boolean {
    return this.#seen === 'left'
  }

  /** Milliseconds since it came. */
  get waited(): number {
    return this.#now() - this.since
  }

  /** From now on the gate sees what the client does. False if the kernel has no room for that. */
  watchFromNowOn(): boolean {
    this.#isWatched = this.#sockets.watch(this.fd, this.id, 'talking')
    return this.#isWatched
  }

  /**
   * Waits until so many milliseconds since it came (the number may not be known yet), and says what
   * the client does, at once when it does. Not a byte is taken.
   */
  waitForGreeting(delay: Promise<number>): Promise<ClientSign> {
    return new Promise((resolve) => {
      const settle = this.#await((end) => resolve(end as ClientSign))
      if (this.#seen !== undefined) settle(this.#seen)
      delay.then(
        (time) => {
          if (this.#settle !== settle) return
          this.#endAfter(time - this.waited, () => settle(this.#sockets.look(this.fd)))
        },
        () => settle('left'),
      )
    })
  }

  /** Waits so many milliseconds, whatever the client says: whether it leaves, or its turn comes. */
  waitForLeaving(time: number): Promise<'silent' | 'left' | 'turn'> {
    return new Promise((resolve) => {
      const settle = this.#await((end) => resolve(end as 'silent' | 'left' | 'turn'))
      this.#listenFor('leaving')
      if (this.#seen === 'left') settle('left')
      else this.#endAfter(time, () => settle('silent'))
    })
  }

  /** Waits until there is something to be read, or the end of the stream; false if nothing comes in the time. */
  waitForBytes(time: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = this.#await((end) => resolve(end !== 'silent'))
      this.#listenFor('talking')
      if (this.#seen === 'left') settle('left')
      else this.#endAfter(time, () => settle('silent'))
    })
  }

  /** It is its turn for a program; false if it waits no more. */
  callUp(): boolean {
    const settle = this.#settle
    settle?.('turn')
    return settle !== undefined
  }

  /** Something has happened to its descriptor. */
  heard({ isEnd }: SocketEvent): void {
    const sign = this.#sockets.look(this.fd)
    if (sign === 'silent' && !isEnd) return
    // Bytes that are not read make an event again and again, so from here on only its end does.
    if (sign === 'talks' && this.#seen === undefined) this.#see('talks')
    else if (sign === 'talks' && !isEnd) this.#listenFor('leaving')
    else this.#see('left')
    this.#settle?.(sign === 'talks' && this.#seen !== 'left' ? 'talks' : 'left')
  }

  /** Leaves the descriptor to a program, as it was accepted. */
  handOver(): void {
    this.#forgetWait()
    this.#unwatch()
  }

  /** Closes our descriptor, and ends all waits as if the client had left. May be called twice. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#settle?.('left')
    this.handOver()
    closeSync(this.fd)
  }

  #see(what: 'talks' | 'left'): void {
    this.#seen = what
    if (what === 'talks') this.#listenFor('leaving')
    else this.#unwatch()
  }

  #unwatch(): void {
    if (this.#isWatched) this.#sockets.unwatch(this.fd)
    this.#isWatched = false
  }

  #listenFor(what: 'talking' | 'leaving'): void {
    if (this.#isWatched) this.#sockets.watchAnew(this.fd, this.id, what)
  }

  #await(resolve: (end: WaitEnd) => void): (end: WaitEnd) => void {
    this.#forgetWait()
    const settle = (end: WaitEnd) => {
      if (this.#settle !== settle) return
      this.#forgetWait()
      resolve(end)
    }
    this.#settle = settle
    return settle
  }

  #endAfter(time: number, end: () => void): void {
    if (time <= 0) end()
    else this.#timer = setTimeout(end, Math.ceil(time))
  }

  #forgetWait(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#settle = undefined
  }
}
